import type { Limit } from '../../src/stores/contract.ts';

/** Units that were spent, and when, in milliseconds. */
export interface Spending {
  readonly at: number;
  readonly units: number;
}

/**
 * How much more was spent than `burst + rate × span`, in the worst of all spans between two spendings.
 *
 * One pass: with the rate taken off, the worst span is the largest rise of what was spent.
 */
export function worstExcess(spendings: readonly Spending[], limit: Limit): number {
  const perMs = limit.quota / limit.windowMs;
  let spent = 0;
  let lowest = Number.POSITIVE_INFINITY;
  let worst = Number.NEGATIVE_INFINITY;
  for (const { at, units } of spendings) {
    lowest = Math.min(lowest, spent - perMs * at);
    spent += units;
    worst = Math.max(worst, spent - perMs * at - lowest - limit.burst);
  }
  return worst;
}
