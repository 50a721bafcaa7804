/**
 * Leaving an upstream alone that fails: the block `breaker`.
 *
 * @module
 */

import * as z from 'zod';
import type { BreakerRule } from '../model.ts';
import { block, choice, flag, numberLike } from '../shape.ts';
import { duration, percentage } from './duration.ts';

/** As written; durations in milliseconds, percentages as shares of 1. */
export interface BreakerBlock {
  readonly failures?: number;
  readonly error_rate?: number;
  readonly slow_rate?: number;
  readonly slow_after?: number;
  readonly min_requests?: number;
  readonly window?: number;
  readonly bucket?: number;
  readonly last_requests?: number;
  readonly open_for?: number;
  readonly max_open_for?: number;
  readonly retry_after?: boolean;
  readonly half_open?: number | HalfOpenBlock;
  readonly mode?: BreakerRule['mode'];
}

/** As written. */
export interface HalfOpenBlock {
  readonly probes?: number;
  readonly successes?: number;
  readonly tolerated_failures?: number;
  readonly timeout?: number;
}

const count = (most: number, least = 1): z.ZodType<number> =>
  numberLike(`a whole number from ${least} to ${most}`, () =>
    z.number().int().min(least).max(most),
  );

const longer = duration({ mayBeZero: false });

const breakerBlock = block<BreakerBlock>(
  { title: '`breaker`', hasDefaults: true },
  {
    failures: count(100_000),
    error_rate: percentage(),
    slow_rate: percentage(),
    slow_after: longer,
    min_requests: count(100_000),
    window: longer,
    bucket: longer,
    last_requests: count(100_000),
    open_for: longer,
    max_open_for: longer,
    retry_after: flag(),
    half_open: z.union([
      count(1_000),
      block<HalfOpenBlock>(
        { title: '`half_open`' },
        {
          probes: count(1_000),
          successes: count(1_000),
          tolerated_failures: count(1_000, 0),
          timeout: longer,
        },
      ),
    ]),
    mode: choice(['on', 'metrics_only', 'forced_open', 'disabled']),
  },
);

/** The block, or `off`. */
export const breaker: z.ZodType<'off' | BreakerBlock> = z.union([breakerBlock, choice(['off'])]);

/** Names and defaults of the model: 50 % of at least 20 in 10 s unless it says otherwise. */
export function resolveBreaker(written: BreakerBlock): BreakerRule {
  const { failures, slow_rate: slowRate, half_open: halfOpen = 1 } = written;
  const {
    probes = 1,
    successes = Math.max(3, probes),
    ...probing
  } = typeof halfOpen === 'number' ? { probes: halfOpen } : halfOpen;
  const { open_for: openForMs = 5_000 } = written;
  const isByRate = failures === undefined;
  const { error_rate: errorRate = slowRate === undefined ? 0.5 : undefined } = written;
  return {
    ...(failures !== undefined && { failures }),
    ...(isByRate && errorRate !== undefined && { errorRate }),
    ...(slowRate !== undefined && { slowRate }),
    ...(written.slow_after !== undefined && { slowAfterMs: written.slow_after }),
    ...(isByRate && { minRequests: written.min_requests ?? 20 }),
    ...(isByRate && written.last_requests === undefined && { windowMs: written.window ?? 10_000 }),
    ...(written.bucket !== undefined && { bucketMs: written.bucket }),
    ...(written.last_requests !== undefined && { lastRequests: written.last_requests }),
    openForMs,
    maxOpenForMs: written.max_open_for ?? Math.max(60_000, openForMs),
    retryAfter: written.retry_after ?? true,
    halfOpen: {
      probes,
      successes,
      toleratedFailures: probing.tolerated_failures ?? 0,
      timeoutMs: probing.timeout ?? 10_000,
    },
    mode: written.mode ?? 'on',
  };
}
