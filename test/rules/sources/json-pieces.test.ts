import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonPieces } from '../../../src/rules/sources/json-pieces.ts';

test('the pieces are what JSON.stringify makes of the whole', () => {
  const long = fc.array(fc.jsonValue(), { minLength: 95, maxLength: 305 });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), long)), (value) => {
      expect([...jsonPieces(value)].join('')).toBe(JSON.stringify(value));
    }),
    { numRuns: 100 },
  );
  const odd = { none: undefined, list: [undefined, { none: undefined }], empty: [] };
  expect([...jsonPieces(odd)].join('')).toBe(JSON.stringify(odd));
});

test('a long list is many pieces', () => {
  const list = Array.from({ length: 1_000 }, (_, index) => index);
  expect([...jsonPieces({ list })].length).toBeGreaterThan(10);
});
