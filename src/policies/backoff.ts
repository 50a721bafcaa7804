/**
 * How long to wait before the next try.
 *
 * @module
 */

import { longestDelayMs } from '../core/clock.ts';

/** How the delay grows from try to try. */
export type BackoffShape = 'exponential' | 'linear' | 'constant';

/**
 * How much of a delay is left to chance. `full`: all of it; `equal`: its upper half; `decorrelated`: from the base to three
 * times the delay before; `none`: nothing.
 */
export type Jitter = 'full' | 'equal' | 'decorrelated' | 'none';

/**
 * A backoff of one's own.
 *
 * @param retry Which retry the delay precedes, counted from 1.
 * @param previousMs The delay before the last try, in milliseconds; 0 before the first retry.
 * @returns Milliseconds before jitter.
 */
export type CustomBackoff = (retry: number, previousMs: number) => number;

/**
 * A jitter of one's own.
 *
 * @param delayMs The delay before jitter, in milliseconds.
 * @returns Milliseconds. What is no number, or negative, counts as no jitter (BO-07).
 */
export type CustomJitter = (delayMs: number) => number;

/** Settings of {@link backoffDelay}. */
export interface BackoffOptions {
  readonly shape: BackoffShape | CustomBackoff;
  /** Delay before the first retry, before jitter, in milliseconds. */
  readonly baseDelayMs: number;
  /** No delay is longer, in milliseconds. */
  readonly maxDelayMs: number;
  readonly jitter: Jitter | CustomJitter;
}

/**
 * Computes the delay before a retry.
 *
 * `full` spreads it over [0, delay), `equal` over [delay/2, delay), `decorrelated` over [base, 3 × previous), as in
 * "Exponential Backoff And Jitter" of the AWS Architecture Blog. The cap comes last. A custom backoff that returns no
 * number of 0 or more counts as the base.
 *
 * @param retry Which retry the delay precedes, counted from 1.
 * @param random A number in [0, 1), asked once; not asked by a custom jitter.
 * @param previousMs The delay before the last try, in milliseconds; 0 before the first retry.
 * @returns Milliseconds.
 */
export function backoffDelay(
  retry: number,
  options: BackoffOptions,
  random: () => number,
  previousMs = 0,
): number {
  const { shape, baseDelayMs, jitter } = options;
  const maxDelayMs = Math.min(options.maxDelayMs, longestDelayMs);
  const delay = Math.min(growth(retry, shape, baseDelayMs, previousMs), maxDelayMs);
  if (typeof jitter === 'function') {
    const jittered = jitter(delay);
    return jittered >= 0 ? Math.min(jittered, maxDelayMs) : delay;
  }
  const chance = random();
  switch (jitter) {
    case 'none':
      return delay;
    case 'full':
      return delay * chance;
    case 'equal':
      return delay / 2 + (delay / 2) * chance;
    case 'decorrelated': {
      // Grows by itself: what the shape says is not asked for.
      const previous = Math.max(previousMs, baseDelayMs);
      return Math.min(maxDelayMs, baseDelayMs + chance * (3 * previous - baseDelayMs));
    }
  }
}

function growth(
  retry: number,
  shape: BackoffOptions['shape'],
  baseDelayMs: number,
  previousMs: number,
): number {
  if (typeof shape === 'function') {
    const custom = shape(retry, previousMs);
    return custom >= 0 ? custom : baseDelayMs;
  }
  // Bounded, since 0 * Infinity is not a number.
  const doublings = Math.min(retry - 1, 1_000);
  return baseDelayMs * (shape === 'exponential' ? 2 ** doublings : shape === 'linear' ? retry : 1);
}
