/**
 * Sharing requests out by weight.
 *
 * @module
 */

/** Something that gets a share. */
export interface Weighted {
  /** 0 or more; the share is the weight over the sum of all. */
  readonly weight: number;
}

/** Weights, compiled. */
export interface Split {
  /**
   * Picks by a number in [0, 1): the first whose cumulative share lies above it. A weight of 0 is never picked, and one
   * that is the whole sum always (LB-10).
   *
   * @returns The index of what was picked.
   */
  choose(share: number): number;
}

/**
 * Compiles weights; they may sum to anything above 0.
 *
 * @throws {RangeError} where a weight is negative or no number, or their sum is 0 or infinite.
 *
 * @example
 * ```ts
 * const split = compileSplit([{ weight: 20 }, { weight: 80 }]);
 * split.choose(0.19); // 0
 * split.choose(0.2); // 1
 * ```
 */
export function compileSplit(destinations: readonly Weighted[]): Split {
  const sums: number[] = [];
  let sum = 0;
  let lastWithWeight = 0;
  for (const [index, { weight }] of destinations.entries()) {
    if (!(weight >= 0) || weight === Number.POSITIVE_INFINITY) {
      throw new RangeError(`weight: ${weight} is not a number of 0 or more`);
    }
    if (weight > 0) lastWithWeight = index;
    sum += weight;
    sums.push(sum);
  }
  if (sum === 0) throw new RangeError('weight: at least one must be above 0');
  if (sum === Number.POSITIVE_INFINITY)
    throw new RangeError('weight: the sum is beyond all numbers');
  // Rounded so that 29 of 100 ends at the same number as 2,900 of 10,000 buckets: a share is exact, in whatever unit the
  // weights are written.
  const ends = sums.map((end) => Number((end / sum).toPrecision(15)));
  return {
    choose(share) {
      for (let index = 0; index < lastWithWeight; index++) {
        if (share < (ends[index] as number)) return index;
      }
      return lastWithWeight;
    },
  };
}
