import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { networkParsers } from './network-parsers.ts';

/** Beyond every limit that a parser may have of its own; what takes quadratic time would not end in a day. */
const large = 1_000_000;

/** How much there is in a value, in characters. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (value instanceof CryptoKey || typeof value !== 'object' || value === null) return 1;
  const parts = value instanceof Map ? [...value] : Object.entries(value);
  return parts.reduce((sum, part) => sum + [part].flat().reduce(add, 0), 1);
}

function add(sum: number, part: unknown): number {
  return sum + sizeOf(part);
}

/** Texts near those that a parser understands: pieces of them in any order, with anything in between. */
function textsNear(seeds: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(...seeds),
    fc
      .tuple(fc.constantFrom(...seeds), fc.nat(), fc.nat())
      .map(([seed, from, to]) => seed.slice(from % seed.length, to % (seed.length + 1))),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom(
      ',',
      ';',
      '=',
      ' ',
      '\t',
      '"',
      '\\',
      '%',
      '\0',
      '\r\n',
      'é',
      '\ud800',
      '__proto__',
    ),
  );
  return fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
}

describe.each(networkParsers)('$what', ({ read, seeds }) => {
  test('whatever is sent, it does not throw, and no more comes out than goes in', async () => {
    await fc.assert(
      fc.asyncProperty(textsNear(seeds), async (text) => {
        expect(sizeOf(await read(text))).toBeLessThanOrEqual(8 * text.length + 500);
      }),
    );
  });

  test('a million characters come to an end', async () => {
    for (const seed of seeds) {
      const many = seed.repeat(Math.ceil(large / seed.length));
      for (const text of [many, `${seeds[0]}${many}\u00ff`]) {
        expect(sizeOf(await read(text))).toBeLessThanOrEqual(8 * text.length + 500);
      }
    }
  });
});
