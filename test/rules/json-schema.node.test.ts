import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { overlayJsonSchema, rulesJsonSchema } from '../../src/rules/json-schema.ts';
import { parseRules } from '../../src/rules/parse.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const validate = new Ajv2020({ strict: false }).compile(rulesJsonSchema());
const validateOverlay = new Ajv2020({ strict: false }).compile(overlayJsonSchema());

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

/** A page says so in its first line. */
const isOverlay = /^# fetchmesh\.\w+\.yaml\n/;

describe('P10: the JSON Schema', () => {
  test('there are examples to hold it against', () => {
    expect(examples.length).toBeGreaterThan(10);
  });

  test.each(examples)('takes $name', ({ text }) => {
    const value = parse(text);
    if (isOverlay.test(text)) {
      expect(validateOverlay(value), JSON.stringify(validateOverlay.errors)).toBe(true);
      return;
    }
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

describe('RF-02: the JSON Schema of overlays', () => {
  test.each([
    ['nothing but a default', 'defaults: { timeout: 1s }'],
    [
      'null for what is below',
      'telemetry: ~\nservices: { web: ~ }\nroutes: [{ name: a, retries: ~ }]',
    ],
    ['a version of a service', 'services: { users: { versions: { v2: "http://a" } } }'],
    ['a route by its path', 'routes: [{ path: /a, timeout: 1s }]'],
  ])('takes %s', (_, text) => {
    expect(validateOverlay(parse(text)), JSON.stringify(validateOverlay.errors)).toBe(true);
  });

  test.each([
    ['an unknown key', 'defaults: { timout: 3s }'],
    ['a bare number as a duration', 'routes: [{ name: a, timeout: 3 }]'],
    ['half of a policy', 'defaults: { rate_limit: { burst: 3 } }'],
    ['null within a policy', 'defaults: { rate_limit: { limit: 3, per: ~ } }'],
    ['a route that it does not name', 'routes: [{ timeout: 3s }]'],
  ])('refuses %s', (_, text) => {
    expect(validateOverlay(parse(text))).toBe(false);
  });
});
