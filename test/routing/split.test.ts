import { describe, expect, test } from 'vitest';
import { compileSplit } from '../../src/routing/split.ts';

/** How many of a thousand evenly spaced draws each destination gets. */
function shares(weights: readonly number[]): number[] {
  const split = compileSplit(weights.map((weight) => ({ weight })));
  const counts = weights.map(() => 0);
  for (let draw = 0; draw < 1_000; draw++) {
    const index = split.choose(draw / 1_000);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

describe('LB-10: a split', () => {
  test('gives each its share, whatever the weights sum to', () => {
    expect(shares([20, 80])).toEqual([200, 800]);
    expect(shares([1, 4])).toEqual([200, 800]);
    expect(shares([33.3, 33.3, 33.4])).toEqual([333, 333, 334]);
  });

  test('pitfall 23: 0 is never, all is always', () => {
    expect(shares([0, 100])).toEqual([0, 1_000]);
    expect(shares([100, 0])).toEqual([1_000, 0]);
    expect(shares([0, 1, 0])).toEqual([0, 1_000, 0]);
    const split = compileSplit([{ weight: 100 }, { weight: 0 }]);
    expect(split.choose(0.999_999_999_999_999_9)).toBe(0);
  });

  test('gives weights of one decimal exactly their buckets, all 1,001 of them', () => {
    const inexact: number[] = [];
    for (let tenths = 0; tenths <= 1_000; tenths++) {
      const split = compileSplit([{ weight: tenths / 10 }, { weight: (1_000 - tenths) / 10 }]);
      const end = tenths * 10;
      const isExact =
        (end === 0 || split.choose((end - 1) / 10_000) === 0) &&
        (end === 10_000 || split.choose(end / 10_000) === 1);
      if (!isExact) inexact.push(tenths / 10);
    }
    expect(inexact).toEqual([]);
  });

  test('is the same in whatever unit the weights are written', () => {
    const draws = Array.from({ length: 10_000 }, (_, bucket) => bucket / 10_000);
    const chosen = (...weights: number[]): number[] => {
      const split = compileSplit(weights.map((weight) => ({ weight })));
      return draws.map((draw) => split.choose(draw));
    };
    expect(chosen(290, 710)).toEqual(chosen(29, 71));
    expect(chosen(0.1, 0.2, 0.7)).toEqual(chosen(10, 20, 70));
  });

  test.each([
    [[Number.MAX_VALUE, Number.MAX_VALUE]],
    [[-1, 2]],
    [[Number.NaN]],
    [[0, 0]],
    [[]],
    [[Number.POSITIVE_INFINITY]],
  ])('weights of %j are refused', (weights) => {
    expect(() => compileSplit(weights.map((weight) => ({ weight })))).toThrow(RangeError);
  });
});
