/**
 * Asking less of an upstream, the less of it succeeds: the block `throttle`.
 *
 * @module
 */

import * as z from 'zod';
import type { ThrottleRule } from '../model.ts';
import { block, choice, numberLike } from '../shape.ts';
import { duration, percentage } from './duration.ts';

/** As written; durations in milliseconds, percentages as shares of 1. */
export interface ThrottleBlock {
  readonly multiplier?: number;
  readonly window?: number;
  readonly min_requests?: number;
  readonly max_rejection?: number;
}

/** The block, which may be empty, or `off`. */
export const throttle: z.ZodType<'off' | ThrottleBlock> = z.union([
  block<ThrottleBlock>(
    { title: '`throttle`', hasDefaults: true },
    {
      multiplier: numberLike('a number from 1 to 100', () => z.number().min(1).max(100)),
      window: duration({ mayBeZero: false }),
      min_requests: numberLike('a whole number from 1 to 100000', () =>
        z.number().int().min(1).max(100_000),
      ),
      max_rejection: percentage(),
    },
  ),
  choice(['off']),
]);

/** Names and defaults of the model. */
export function resolveThrottle({
  multiplier = 2,
  window: windowMs = 30_000,
  min_requests: minRequests = 10,
  max_rejection: maxRejection = 0.9,
}: ThrottleBlock): ThrottleRule {
  return { multiplier, windowMs, minRequests, maxRejection };
}
