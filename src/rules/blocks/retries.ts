/**
 * Trying again: the block `retries`, and its flat form on a route.
 *
 * @module
 */

import * as z from 'zod';
import { defaultReplayBytes } from '../../core/replay.ts';
import type { BackoffShape, Jitter } from '../../policies/backoff.ts';
import { type RetryCondition, retryConditions } from '../../policies/retry-options.ts';
import type { Retries } from '../model.ts';
import { block, choice, list, numberLike, type Shape } from '../shape.ts';
import { type BudgetBlock, budget, resolveBudget } from './budget.ts';
import { duration } from './duration.ts';
import { headerName } from './names.ts';
import { size } from './size.ts';

/** What can be said of retries beside their number; durations in milliseconds. */
export interface RetrySettings {
  readonly backoff?: BackoffShape;
  readonly base_delay?: number;
  readonly max_delay?: number;
  readonly jitter?: Jitter;
  readonly per_try?: number;
  readonly retry_on?: readonly RetryCondition[];
  readonly retriable_headers?: readonly string[];
  readonly budget?: number | BudgetBlock;
  readonly unsafe_methods?: Retries['unsafeMethods'];
  readonly max_replay_bytes?: number;
}

/** As written. */
export interface RetryBlock extends RetrySettings {
  readonly max?: number;
}

const retries: z.ZodType<number> = numberLike('a whole number from 0 to 100', () =>
  z.number().int().min(0).max(100),
);

const status: z.ZodType<number> = numberLike(
  'a status from 400 to 599, and not 501 or 505, which are never retried',
  () =>
    z
      .number()
      .int()
      .min(400)
      .max(599)
      .refine((status) => status !== 501 && status !== 505),
);

/** The settings that may also stand on a route, beside a number of retries. */
export const retrySettings: Shape<RetrySettings> = {
  backoff: choice(['exponential', 'linear', 'constant']),
  base_delay: duration(),
  max_delay: duration(),
  jitter: choice(['full', 'equal', 'decorrelated', 'none']),
  per_try: duration(),
  retry_on: list(z.union([choice(retryConditions), status])),
  retriable_headers: list(headerName),
  budget,
  unsafe_methods: choice(['never', 'always', 'idempotency_key']),
  max_replay_bytes: size(),
};

const retryBlock: z.ZodType<RetryBlock> = block<RetryBlock>(
  { title: '`retries`' },
  { max: retries, ...retrySettings },
);

/** A number of retries, or the block. */
export const retry: z.ZodType<number | RetryBlock> = z.union([retries, retryBlock]);

/** Fills in the defaults (`spec` of the policy: Envoy's shape, Istio's count). */
export function resolveRetries({
  max = 2,
  backoff = 'exponential',
  base_delay: baseDelayMs = 100,
  max_delay: maxDelayMs = 10 * baseDelayMs,
  jitter = 'full',
  per_try: perTryMs,
  retry_on: retryOn,
  retriable_headers: retriableHeaders,
  budget: written,
  unsafe_methods: unsafeMethods = 'never',
  max_replay_bytes: maxReplayBytes = defaultReplayBytes,
}: RetryBlock): Retries {
  return {
    max,
    backoff,
    baseDelayMs,
    maxDelayMs,
    jitter,
    ...(perTryMs !== undefined && { perTryMs }),
    ...(retryOn !== undefined && { retryOn }),
    ...(retriableHeaders !== undefined && { retriableHeaders }),
    ...(written !== undefined && { budget: resolveBudget(written) }),
    unsafeMethods,
    maxReplayBytes,
  };
}
