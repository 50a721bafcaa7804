/**
 * A limit on how long an exchange may take.
 *
 * @module
 */

import {
  abortSignal,
  deadline,
  follow,
  isTimeoutError,
  signalOf,
  timeoutError,
} from '../core/abort.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, longestDelayMs, systemClock } from '../core/clock.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { discard } from '../core/message.ts';
import { reject } from '../core/rejection.ts';

/** Settings of {@link timeout}. */
export interface TimeoutOptions {
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/**
 * Ends an exchange that has brought no response headers after `limit`: the attempt's signal aborts with a
 * `TimeoutError`, and the caller gets a 504.
 *
 * Around `retry` it covers all tries and the waits between them; inside of it, one try. The body may take longer. When
 * the caller leaves first, the call rejects with the caller's own reason.
 *
 * Semantics: Envoy's route timeout and per-try timeout.
 *
 * @param limit Such as `'3s'`; `false` or a duration of zero makes it a pass-through.
 *
 * @example
 * ```ts
 * const slow = () => new Promise<Response>(() => {});
 * const app = inbound(slow, timeout('5ms'));
 * (await app(new Request('http://shop.example/'))).status; // 504
 * ```
 */
export function timeout(limit: Duration | false, options: TimeoutOptions = {}): Middleware {
  const limitMs = limit === false ? 0 : durationOption('timeout', limit);
  if (limitMs > longestDelayMs) {
    throw new RangeError(
      `timeout: '${limit}' is longer than timers can wait, 2147483647ms (24.8d)`,
    );
  }
  if (limitMs === 0) return layer('timeout off', (next) => next);
  const { clock = systemClock } = options;

  return layer(
    `timeout ${limit}`,
    (next) =>
      function timeout(request, context) {
        const caller = signalOf(request, context);
        if (caller.aborted) return Promise.reject(caller.reason);
        const now = clock.monotonic();
        const end = now + limitMs;
        // An outer limit that comes first ends this exchange too, with its own answer. One that has passed ends nothing
        // any more: this call outlives the exchange that it limited.
        const outer = context.get(deadline);
        if (now < outer && outer <= end) return next(request, context);

        return new Promise<Response>((resolve, rejectWith) => {
          const follower = follow(caller, onAbort);
          const { signal } = follower;
          const cancelTimer = clock.schedule(() => {
            follower.abort(timeoutError(`No response within ${limit}`));
          }, limitMs);

          let settled = false;
          function settle(response: Response | undefined): boolean {
            if (settled) return false;
            settled = true;
            cancelTimer();
            follower.release(response);
            return true;
          }
          function onAbort(reason: unknown): void {
            if (!settle(undefined)) return;
            if (caller.aborted || !isTimeoutError(reason)) rejectWith(reason);
            else resolve(reject('timeout', { detail: `No response within ${limit}.` }));
          }

          // Async, so that a middleware that throws at once rejects like any other.
          const exchange = async () =>
            await next(request, context.with(abortSignal, signal).with(deadline, end));
          exchange().then(
            (response) => {
              if (settle(response)) resolve(response);
              else discard(response);
            },
            (error) => {
              if (settle(undefined)) rejectWith(error);
            },
          );
        });
      },
  );
}
