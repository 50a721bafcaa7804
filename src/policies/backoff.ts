/**
 * How long to wait before the next try.
 *
 * @module
 */

/** How the delay grows from try to try. */
export type BackoffShape = 'exponential' | 'linear' | 'constant';

/** How much of a delay is left to chance. */
export type Jitter = 'full' | 'equal' | 'none';

/** Settings of {@link backoffDelay}. */
export interface BackoffOptions {
  readonly shape: BackoffShape;
  /** Delay before the first retry, before jitter, in milliseconds. */
  readonly baseDelayMs: number;
  /** No delay is longer, in milliseconds. */
  readonly maxDelayMs: number;
  readonly jitter: Jitter;
}

/**
 * Computes the delay before a retry.
 *
 * `full` spreads it over [0, delay), `equal` over [delay/2, delay), as in "Exponential Backoff And Jitter" of the AWS
 * Architecture Blog; the cap applies before the jitter and therefore after it too.
 *
 * @param retry Which retry the delay precedes, counted from 1.
 * @param random A number in [0, 1), asked once.
 * @returns Milliseconds.
 */
export function backoffDelay(retry: number, options: BackoffOptions, random: () => number): number {
  const { shape, baseDelayMs, maxDelayMs, jitter } = options;
  // Bounded, since 0 * Infinity is not a number.
  const doublings = Math.min(retry - 1, 1_000);
  const growth = shape === 'exponential' ? 2 ** doublings : shape === 'linear' ? retry : 1;
  const delay = Math.min(baseDelayMs * growth, maxDelayMs);
  const chance = random();
  if (jitter === 'none') return delay;
  return jitter === 'equal' ? delay / 2 + (delay / 2) * chance : delay * chance;
}
