/**
 * How many further tries there may be: `budget` of `retries` and `hedge`.
 *
 * @module
 */

import * as z from 'zod';
import type { BudgetRule } from '../model.ts';
import { block, flag, numberLike, Refusal, text } from '../shape.ts';
import { duration, percentage } from './duration.ts';

/** As written; durations in milliseconds, the percentage as a share of 1. */
export interface BudgetBlock {
  readonly ratio?: number;
  readonly ttl?: number;
  readonly min_per_second?: number;
  readonly shared?: boolean;
}

/** Ten spans of it are counted: shorter ones would be too few of the clock's, longer ones forget too late. */
const ttl: z.ZodType<number> = text({
  expected: 'a duration from 1s to 60s',
  read(value) {
    const parsed = duration({ maxMs: 60_000 }).safeParse(value);
    if (parsed.success && parsed.data >= 1_000) return parsed.data;
    return new Refusal((site) => ({
      code: 'FM016',
      message: `${site.value} is not from 1s to 60s`,
      label: 'how long a first try counts: 10s where nothing is written',
    }));
  },
});

/** Further tries for each first one, or the block. */
export const budget: z.ZodType<number | BudgetBlock> = z.union([
  percentage(),
  block<BudgetBlock>(
    { title: '`budget`' },
    {
      ratio: percentage(),
      ttl,
      min_per_second: numberLike('a number from 0 to 1000000', () =>
        z.number().min(0).max(1_000_000),
      ),
      shared: flag(),
    },
  ),
]);

/** Fills in the defaults: 20 %, within 10 s, and one a second without any traffic. */
export function resolveBudget(written: number | BudgetBlock): BudgetRule {
  const {
    ratio = 0.2,
    ttl: ttlMs = 10_000,
    min_per_second: minPerSecond = 1,
    shared = false,
  } = typeof written === 'number' ? { ratio: written } : written;
  return { ratio, ttlMs, minPerSecond, shared };
}
