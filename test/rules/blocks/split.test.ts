import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { referencesOf, split, weightsOf } from '../../../src/rules/blocks/split.ts';

describe('split', () => {
  test('a destination names a service and may name a version', () => {
    expect(referencesOf('users')).toMatchObject([{ service: 'users', version: undefined }]);
    expect(referencesOf('users@v1.2')).toMatchObject([{ service: 'users', version: 'v1.2' }]);
    for (const wrong of ['', '@v1', 'users@', 'a@b@c', 'http://users', 'a b']) {
      expect(split.safeParse(wrong).success, wrong).toBe(false);
    }
  });

  test('§1.3: the order is that of the file', () => {
    const written = { 'users@v2': 10, 'users@v1': 'rest' } as const;
    expect(referencesOf(written).map(({ text }) => text)).toEqual(['users@v2', 'users@v1']);
    expect(weightsOf(written)).toEqual([10, 90]);
  });

  test('§1.3: weights have at most one decimal', () => {
    for (const weight of [0, 0.1, 33.3, 100]) {
      expect(split.safeParse({ a: weight }).success, String(weight)).toBe(true);
    }
    for (const weight of [-1, 0.05, 33.33, 101, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(split.safeParse({ a: weight }).success, String(weight)).toBe(false);
    }
  });

  test('§1.3: weights that were accepted add up to exactly 100', () => {
    const tenths = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(tenths, fc.boolean(), (parts, hasRest) => {
        const written: Record<string, number | 'rest'> = {};
        for (const [index, part] of parts.entries()) written[`s${index}`] = part / 10;
        if (hasRest) written['last'] = 'rest';
        const sum = parts.reduce((total, part) => total + part, 0);
        const weights = weightsOf(written);
        if (hasRest ? sum > 1_000 : sum !== 1_000) {
          expect(weights).toMatchObject({ code: 'FM030' });
        } else {
          const all = weights as readonly number[];
          expect(all.reduce((total, weight) => total + Math.round(weight * 10), 0)).toBe(1_000);
          expect(all.every((weight) => Number.isInteger(Math.round(weight * 1e6) / 1e5))).toBe(
            true,
          );
        }
      }),
    );
  });
});
