/**
 * The generic cell rate algorithm: a limit whose whole state is one moment in time.
 *
 * @module
 */

import type { Grant, Limit } from './contract.ts';

/** A decision, and the state that it leaves. */
export interface GcraStep {
  readonly grant: Grant;
  /** The theoretical arrival time: when the bucket will be full again. At or before `now`: it is, and need not be kept. */
  readonly fullAt: number;
}

/**
 * A state that was kept on one wall clock. Nobody writes one further ahead than its limit is deep: if it lies there now, the
 * clock has stepped back since, and an empty bucket is what is left of it. Not for clocks of several writers: those that lag
 * would empty the bucket that the others fill, again and again, and all that they differ by would be granted each time.
 *
 * @param fullAt As it was written.
 * @param depthMs How long an empty bucket took to fill when it was, {@link depthOf} of the limit. `Infinity`: nobody knows.
 * @returns The state to go by. Where it is another one it has to be written even if nothing is granted, so that it fills.
 *
 * @example
 * ```ts
 * const limit = { quota: 1, windowMs: 1_000, burst: 5 };
 * believableState(3_600_000, 5_000, limit, 0); // 5_000
 * ```
 */
export function believableState(
  fullAt: number,
  depthMs: number,
  limit: Limit,
  now: number,
): number {
  const depthNow = depthOf(limit);
  // A millisecond is nothing to a clock, and something to a double that was text.
  return fullAt > now + Math.max(depthMs, depthNow) + 1 ? now + depthNow : fullAt;
}

/** How long an empty bucket takes to fill, in milliseconds. */
export function depthOf({ quota, windowMs, burst }: Limit): number {
  return (burst * windowMs) / quota;
}

/** Units that are there but for a rounding error of doubles are there. */
const roundingUnits = 1e-6;

/**
 * Takes units of a limit, as a pure step: the same in memory, in a Durable Object and around a compare-and-set.
 *
 * Within any span of L milliseconds at most `burst + L × quota / windowMs` units are granted. A state from the future (a
 * clock that stepped back, a limit that was lowered) counts as an empty bucket and no worse, so that nobody waits longer
 * than an empty bucket takes to fill.
 *
 * @param fullAt The state, in milliseconds on the clock of `now`; `undefined` means a full bucket.
 * @param n How many units are wanted; below 0 gives back, 0 looks.
 * @param min With fewer than these nothing is taken.
 *
 * @example
 * ```ts
 * const limit = { quota: 1, windowMs: 1_000, burst: 5 };
 * takeGcra(undefined, limit, 1, 1, 0).grant; // { granted: 1, remaining: 4, retryMs: 0, resetMs: 1_000 }
 * ```
 */
export function takeGcra(
  fullAt: number | undefined,
  limit: Limit,
  n: number,
  min: number,
  now: number,
): GcraStep {
  const unitMs = limit.windowMs / limit.quota;
  const depthMs = limit.burst * unitMs;
  const from = Math.min(Math.max(fullAt ?? now, now), now + depthMs);
  const availableMs = now + depthMs - from;
  const units = wholeUnits(availableMs, unitMs);
  const granted = Math.min(n, units);
  if (granted < min && n >= 0) {
    const isEver = min <= limit.burst + roundingUnits;
    const retryMs = isEver ? Math.max(0, min * unitMs - availableMs) : Number.POSITIVE_INFINITY;
    return { fullAt: from, grant: { granted: 0, remaining: units, retryMs, resetMs: from - now } };
  }
  // Units given back can fill the bucket and no more.
  const next = Math.max(now, from + granted * unitMs);
  return {
    fullAt: next,
    grant: {
      granted: Math.max(0, granted),
      remaining: wholeUnits(now + depthMs - next, unitMs),
      retryMs: 0,
      resetMs: next - now,
    },
  };
}

function wholeUnits(availableMs: number, unitMs: number): number {
  return Math.floor(availableMs / unitMs + roundingUnits);
}
