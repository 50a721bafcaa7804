import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { later } from '../../src/rules/blocks/later.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { rulesFile } from '../../src/rules/schema.ts';

describe('the schema', () => {
  test('P10: becomes a JSON Schema of what may be written', () => {
    const schema = z.toJSONSchema(rulesFile, { io: 'input' });
    expect(schema).toMatchObject({
      type: 'object',
      required: ['routes'],
      additionalProperties: false,
      patternProperties: { '^x-': {} },
      properties: {
        routes: {
          type: 'array',
          items: {
            type: 'object',
            required: ['path'],
            properties: {
              timeout: { anyOf: [{ type: 'string' }, { type: 'object', required: ['limit'] }] },
              backoff: { enum: ['exponential', 'linear', 'constant'] },
            },
          },
        },
      },
    });
  });

  test('FM060: no key is both available and left for later', () => {
    const places = {
      file: (key: string) => `${key}: {}\nroutes: [{ path: /a }]`,
      defaults: (key: string) => `defaults: { ${key}: {} }\nroutes: [{ path: /a }]`,
      route: (key: string) => `routes: [{ path: /a, ${key}: {} }]`,
      service: (key: string) =>
        `services: { a: { url: "http://a", ${key}: {} } }\nroutes: [{ path: /a }]`,
      retries: (key: string) => `routes: [{ path: /a, retries: { ${key}: {} } }]`,
      match: (key: string) => `routes: [{ path: /a, match: { ${key}: {} } }]`,
      telemetry: (key: string) => `telemetry: { ${key}: {} }\nroutes: [{ path: /a }]`,
    };
    for (const [place, keys] of Object.entries(later)) {
      for (const key of keys) {
        const text = places[place as keyof typeof places](key);
        const errors = parseRules(text).diagnostics.filter(({ severity }) => severity === 'error');
        expect(
          errors.map(({ code, message }) => [code, message]),
          text,
        ).toEqual([['FM060', `\`${key}\` is not available in this version`]]);
      }
    }
  });
});
