import { describe, expect, test } from 'vitest';
import { kvRules, rulesKeys } from '../../../src/rules/sources/kv.ts';
import { InvalidRulesError } from '../../../src/rules/sources/source.ts';
import { rulesFrom } from '../../support/rules.ts';

const rules = rulesFrom('services: { a: "http://a.test" }\nroutes: [{ path: /**, to: a }]');
const { signal } = new AbortController();

function store(values: Record<string, string>) {
  const reads: string[] = [];
  const namespace = {
    async get(key: string) {
      reads.push(key);
      return values[key] ?? null;
    },
  };
  return { namespace, reads };
}

const pointer = (revision: unknown, ref: unknown) => JSON.stringify({ revision, ref });

describe('rules in KV', () => {
  test('the pointer alone is read to learn the revision, the rules only when asked for', async () => {
    const { namespace, reads } = store({
      'rules/shop/current': pointer(7, 'rules/shop/r/7'),
      'rules/shop/r/7': JSON.stringify(rules),
    });
    const source = kvRules(namespace, { name: 'shop' });
    const found = await source.latest(signal);
    expect(found?.revision).toBe(7);
    expect(reads).toEqual(['rules/shop/current']);
    expect(await found?.read(signal)).toEqual(rules);
    expect(reads).toEqual(['rules/shop/current', 'rules/shop/r/7']);
  });

  test('a higher revision may point at earlier rules: that is how to go back', async () => {
    const { namespace } = store({
      'rules/default/current': pointer(8, 'rules/default/r/6'),
      'rules/default/r/6': JSON.stringify(rules),
    });
    const found = await kvRules(namespace).latest(signal);
    expect(found?.revision).toBe(8);
    expect(await found?.read(signal)).toEqual(rules);
  });

  test('nothing published is no error', async () => {
    expect(await kvRules(store({}).namespace).latest(signal)).toBeUndefined();
  });

  test('rules that have not arrived yet are no invalid rules', async () => {
    const { namespace } = store({ 'rules/default/current': pointer(2, 'rules/default/r/2') });
    const found = await kvRules(namespace).latest(signal);
    const failure = await found?.read(signal).catch((error: Error) => error);
    expect(failure).not.toBeInstanceOf(InvalidRulesError);
    expect(failure).toMatchObject({
      message: "'rules/default/r/2' is not there, or not there yet",
    });
  });

  test.each([
    ['no JSON', '7'],
    ['null', 'null'],
    ['a revision that is a text', pointer('7', 'rules/default/r/7')],
    ['a revision of 0', pointer(0, 'rules/default/r/0')],
    ['a revision that is no whole number', pointer(1.5, 'rules/default/r/1')],
    ['no reference', '{"revision": 1}'],
    ['a reference to other rules', pointer(1, 'rules/other/r/1')],
    ['a reference to another key', pointer(1, 'secrets')],
  ])('a pointer with %s is refused', async (_, text) => {
    const { namespace } = store({ 'rules/default/current': text });
    await expect(kvRules(namespace).latest(signal)).rejects.toBeInstanceOf(InvalidRulesError);
  });

  test('a name that is no part of a key, and a binding that is not there, are said at once', () => {
    expect(() => rulesKeys('a/b')).toThrow(RangeError);
    expect(() => rulesKeys('')).toThrow(RangeError);
    expect(() => kvRules(undefined as never)).toThrow('is its binding in wrangler.toml?');
  });
});
