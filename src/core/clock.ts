/**
 * Time as an option: everything that measures or waits takes a {@link Clock}, so that tests run in virtual time.
 *
 * @module
 */

/** The two times and the one way to wait that fetchmesh uses. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch: for state that leaves the process. May step back. */
  now(): number;
  /** Monotonic time in milliseconds from an arbitrary origin: for durations within the process. */
  monotonic(): number;
  /**
   * Calls back once, `delayMs` milliseconds from now.
   *
   * @returns Cancels the call; harmless once it was made.
   */
  schedule(callback: () => void, delayMs: number): () => void;
}

/** The longest delay that timers of all runtimes take, in milliseconds (2^31 - 1, some 24.8 days). */
export const longestDelayMs = 2_147_483_647;

/** The runtime's own clock and timers. Touches neither before its first use, as Workers demand. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(delayMs, longestDelayMs));
    return () => clearTimeout(timer);
  },
};

/**
 * Waits, unless the signal aborts first.
 *
 * @returns Resolves after `delayMs` milliseconds; rejects with `signal.reason` itself, in the tick of the abort, and then
 * leaves neither timer nor listener behind.
 */
export function sleep(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const cancel = clock.schedule(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    function onAbort(): void {
      cancel();
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
