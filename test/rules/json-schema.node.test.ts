import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rulesJsonSchema } from '../../src/rules/json-schema.ts';
import { parseRules } from '../../src/rules/parse.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const validate = new Ajv2020({ strict: false }).compile(rulesJsonSchema());

/** Every rules file of the house, and every block of its pages that is one. */
const examples = [
  ...globSync(['workers/**/*.yaml', 'README.md', 'docs/**/*.md'], { cwd: root }).flatMap((file) => {
    const text = readFileSync(root + file, 'utf8');
    if (!file.endsWith('.md')) return [{ name: file, text }];
    return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = ''], index) => ({
      name: `${file} #${index + 1}`,
      text: block,
    }));
  }),
].filter(({ text }) => /^(routes|defaults|services|auth)\b/m.test(text));

describe('P10: the JSON Schema', () => {
  test('there are examples to hold it against', () => {
    expect(examples.length).toBeGreaterThan(10);
  });

  test.each(examples)('takes $name', ({ text }) => {
    const value = parse(text);
    // Pages show parts of a file, too.
    const whole = 'routes' in value ? value : { ...value, routes: [{ path: '/**' }] };
    expect(validate(whole), JSON.stringify(validate.errors)).toBe(true);
  });

  test.each([
    ['an unknown key', 'routes: [{ path: /a, timout: 3s }]'],
    ['a bare number as a duration', 'routes: [{ path: /a, timeout: 3 }]'],
    ['a word that is none', 'routes: [{ path: /a, retries: { max: 1, backoff: quadratic } }]'],
    ['no routes', 'services: { a: "http://a" }'],
    ['a missing path', 'routes: [{ to: a }]'],
    ['a number out of range', 'routes: [{ path: /a, retries: 101 }]'],
    ['a key of a later version', 'routes: [{ path: /a, canary: {} }]'],
  ])('refuses %s, as the parser does', (_, text) => {
    expect(validate(parse(text))).toBe(false);
    expect(parseRules(text).rules).toBeUndefined();
  });

  test('lets keys that begin with x- be', () => {
    expect(validate({ 'x-mine': 1, routes: [{ path: '/a', 'x-note': {} }] })).toBe(true);
  });
});
