/**
 * A limit on how long an exchange may take.
 *
 * @module
 */

import { deadline, signalOf, timeoutError } from '../core/abort.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Duration, delayOption } from '../core/duration.ts';
import { flagOption, knownOptions } from '../core/option.ts';
import { reject } from '../core/rejection.ts';
import { type Limit, withinLimit } from './within-limit.ts';

/** Settings of {@link timeout}. */
export interface TimeoutOptions {
  /**
   * Whether the limit goes on after the headers: a body that is not complete by then fails with the `TimeoutError`. The
   * response is made anew for it, and loses its `url`. Default: false.
   */
  readonly body?: boolean;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/**
 * Ends an exchange that has brought no response headers after `limit`: the attempt's signal aborts with a
 * `TimeoutError`, and the caller gets a 504.
 *
 * Around `retry` it covers all tries and the waits between them; inside of it, one try. The body may take longer, unless
 * `body` says otherwise. When the caller leaves first, the call rejects with the caller's own reason.
 *
 * Semantics: Envoy's route timeout and per-try timeout.
 *
 * @param limit Such as `'3s'`; `false` or a duration of zero makes it a pass-through. Default: `'15s'`, as in Envoy.
 *
 * @example
 * ```ts
 * const slow = () => new Promise<Response>(() => {});
 * const app = inbound(slow, timeout('5ms'));
 * (await app(new Request('http://shop.example/'))).status; // 504
 * ```
 */
export function timeout(limit: Duration | false = '15s', options: TimeoutOptions = {}): Middleware {
  knownOptions('timeout', options, { body: true, clock: true });
  const limitMs = limit === false ? 0 : delayOption('timeout', limit);
  const { body: coversBody = false, clock = systemClock } = options;
  flagOption('timeout.body', coversBody);
  if (limitMs === 0) return layer('timeout off', (next) => next);

  const ownLimit: Limit = {
    watch: (pass) => clock.schedule(pass, limitMs),
    coversBody,
    reason: () => timeoutError(`No ${coversBody ? 'complete ' : ''}response within ${limit}`),
    answer: () => reject('timeout', { detail: `No response within ${limit}.` }),
  };
  return layer(
    `timeout ${limit}${coversBody ? ', body included' : ''}`,
    (next) =>
      function timeout(request, context) {
        const caller = signalOf(request, context);
        if (caller.aborted) return Promise.reject(caller.reason);
        // An outer limit that comes first ends this exchange too, with its own answer. One that has passed ends nothing
        // any more: this call outlives the exchange that it limited. The body is another matter: the outer limit may
        // end with the headers.
        const outer = context.get(deadline);
        const now = clock.monotonic();
        if (!coversBody && now < outer && outer <= now + limitMs) return next(request, context);
        return withinLimit(next, request, context.with(deadline, now + limitMs), ownLimit);
      },
  );
}
