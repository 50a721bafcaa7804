/**
 * Trying again: the block `retries`, and its flat form on a route.
 *
 * @module
 */

import * as z from 'zod';
import type { BackoffShape, Jitter } from '../../policies/backoff.ts';
import type { RetryCondition } from '../../policies/retry.ts';
import type { Retries } from '../model.ts';
import { block, choice, list, numberLike, type Shape } from '../shape.ts';
import { duration } from './duration.ts';
import { later } from './later.ts';

/** What can be said of retries beside their number; durations in milliseconds. */
export interface RetrySettings {
  readonly backoff?: BackoffShape;
  readonly base_delay?: number;
  readonly max_delay?: number;
  readonly jitter?: Jitter;
  readonly per_try?: number;
  readonly retry_on?: readonly RetryCondition[];
  readonly unsafe_methods?: Retries['unsafeMethods'];
}

/** As written. */
export interface RetryBlock extends RetrySettings {
  readonly max?: number;
}

const retries: z.ZodType<number> = numberLike(
  'a whole number from 0 to 100',
  z.number().int().min(0).max(100),
);

const status: z.ZodType<number> = numberLike(
  'a status from 400 to 599',
  z.number().int().min(400).max(599),
);

/** The settings that may also stand on a route, beside a number of retries. */
export const retrySettings: Shape<RetrySettings> = {
  backoff: choice(['exponential', 'linear', 'constant']),
  base_delay: duration(),
  max_delay: duration(),
  jitter: choice(['full', 'equal', 'none']),
  per_try: duration(),
  retry_on: list(z.union([choice(['5xx', 'connect', 'reset', 'timeout']), status])),
  unsafe_methods: choice(['never', 'always', 'idempotency_key']),
};

const retryBlock: z.ZodType<RetryBlock> = block<RetryBlock>(
  { title: '`retries`', later: later.retries },
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
  unsafe_methods: unsafeMethods = 'never',
}: RetryBlock): Retries {
  return {
    max,
    backoff,
    baseDelayMs,
    maxDelayMs,
    jitter,
    ...(perTryMs !== undefined && { perTryMs }),
    ...(retryOn !== undefined && { retryOn }),
    unsafeMethods,
  };
}
