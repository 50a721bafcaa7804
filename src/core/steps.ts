/**
 * Work that can be interrupted: done in one go, or in slices between which a runtime serves requests.
 *
 * @module
 */

import type { Clock } from './clock.ts';

/** Work that pauses at each `yield`, and what comes of it. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does work in one go. */
export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Settings of {@link inSlices}. */
export interface SliceOptions {
  readonly clock: Clock;
  /**
   * How long a slice may take, in milliseconds; a step is never cut. Default: 2, since a request that goes to an upstream and
   * back can meet several slices.
   */
  readonly sliceMs?: number;
}

/** Workers stop their clocks while a program runs: then this many steps are a slice. */
const stepsWithoutTime = 64;

/** Does work in slices, and lets whatever waits have its turn after each. Rejects with what the work throws. */
export async function inSlices<T>(
  steps: Steps<T>,
  { clock, sliceMs = 2 }: SliceOptions,
): Promise<T> {
  let beganAt = clock.monotonic();
  let count = 0;
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    count += 1;
    const now = clock.monotonic();
    if (now < beganAt + sliceMs && (now > beganAt || count < stepsWithoutTime)) continue;
    await new Promise<void>((resolve) => clock.schedule(resolve, 0));
    beganAt = clock.monotonic();
    count = 0;
  }
}
