import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseRules } from '../../src/rules/parse.ts';
import { rulesSchemas } from '../../tools/rules-schemas.ts';
import { badFiles } from './bad-files.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const schemas = rulesSchemas() as Record<'rules' | 'overlay', object>;
const validate = new Ajv2020({ strict: false }).compile(schemas.rules);
const validateOverlay = new Ajv2020({ strict: false }).compile(schemas.overlay);

/** Codes of what a schema can tell: keys, kinds of values, words, and the form of single values. */
const shapeCodes = ['FM001', 'FM009', 'FM010', 'FM011', 'FM012', 'FM013', 'FM015', 'FM060'];

/** Every rules file of the house, and every block of its pages that is one. */
const examples = [
  ...globSync(['{workers,examples}/**/*.yaml', 'README.md', 'docs/**/*.md'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  }).flatMap((file) => {
    const text = readFileSync(root + file, 'utf8');
    if (!file.endsWith('.md')) return [{ name: file, text }];
    return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = ''], index) => ({
      name: `${file} #${index + 1}`,
      text: block,
    }));
  }),
].filter(({ text }) => /^(routes|defaults|services|auth)\b/m.test(text));

/** A page says so in its first line; of a file its name does. */
const isOverlay = /^# fetchmesh\.\w+\.yaml\n/;

describe('P10: the JSON Schema', () => {
  test('there are examples to hold it against', () => {
    expect(examples.length).toBeGreaterThan(10);
  });

  test.each(examples)('takes $name', ({ name, text }) => {
    const value = parse(text);
    if (isOverlay.test(text) || /\.\w+\.yaml$/.test(name)) {
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

/** A schema of a key, as far as editors show it. */
interface KeySchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly items?: KeySchema;
  readonly additionalProperties?: KeySchema | boolean;
  readonly anyOf?: readonly KeySchema[];
}

function* keysOf(schema: KeySchema, path: string): Generator<[path: string, key: KeySchema]> {
  const { properties = {}, items, additionalProperties, anyOf = [] } = schema;
  for (const [name, key] of Object.entries(properties)) {
    yield [`${path}.${name}`, key];
    yield* keysOf(key, `${path}.${name}`);
  }
  for (const part of [items, additionalProperties, ...anyOf]) {
    if (typeof part === 'object') yield* keysOf(part, path);
  }
}

describe('what an editor shows', () => {
  test.each(Object.entries(schemas))('of %s: what each key is for', (_, schema) => {
    const keys = [...keysOf(schema as KeySchema, '')];
    expect(keys.length).toBeGreaterThan(500);
    expect(keys.filter(([, { description }]) => !description).map(([path]) => path)).toEqual([]);
  });

  test('defaults that the key takes', () => {
    const ajv = new Ajv2020({ strict: false });
    const shown = [...keysOf(schemas.rules as KeySchema, '')].filter(
      ([, key]) => key.default !== undefined,
    );
    expect(shown.length).toBeGreaterThan(100);
    const different = new Map(
      shown.map(([path, key]) => [JSON.stringify(key), [path, key] as const]),
    );
    for (const [path, key] of different.values()) {
      expect(ajv.validate(key, key.default), path).toBe(true);
    }
    expect(shown.map(([path, key]) => [path, key.default])).toContainEqual([
      '.routes.jitter',
      'full',
    ]);
  });

  test('of files that are bad: what a schema can tell, and nothing of those that can be used', () => {
    const whole = badFiles.filter(({ text, options }) => {
      const { parts, overlays, environment } = options ?? {};
      return !parts && !overlays && !environment && !/[!&]\w|^%/m.test(text);
    });
    for (const { name, text, options, expected } of whole) {
      const errors = expected.flatMap((line) => / error\[(FM\d{3})\]/.exec(line)?.[1] ?? []);
      const isOfShape = errors.length > 0 && errors.every((code) => shapeCodes.includes(code));
      if (parseRules(text, options).rules !== undefined) {
        expect(validate(parse(text)), name).toBe(true);
      } else if (isOfShape) {
        expect(validate(parse(text)), name).toBe(false);
      }
    }
  });
});

describe('a percentage', () => {
  const written = ['0%', '0.5%', '5%', '50%', '50.125%', '99.999999%', '100%', '100.0%'];
  const wrong = [
    '%',
    '.5%',
    '5.%',
    '05%',
    '050%',
    '00%',
    '0.1234567%',
    '100.0000000%',
    '100.1%',
    '101%',
  ];
  const others = ['1000%', '+5%', '-5%', '5 %', '5%%', '1e1%', '５%'];

  test.each([
    ...written.map((text) => [text, true] as const),
    ...[...wrong, ...others].map((text) => [text, false] as const),
  ])('%j: %j, by the parser and by the JSON Schema', (percent, isOne) => {
    const text = `services: { a: "http://a.test" }
routes: [{ path: /a, to: a, fault: { delay: 1s, percent: "${percent}" } }]
`;
    expect(validate(parse(text))).toBe(isOne);
    expect(parseRules(text).rules !== undefined).toBe(isOne);
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
