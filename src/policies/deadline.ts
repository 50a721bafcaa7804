/**
 * Passing on how much time is left, from hop to hop.
 *
 * @module
 */

import { deadline as deadlineKey, signalOf } from '../core/abort.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, longestDelayMs, systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { fieldNameOption } from '../core/header-field.ts';
import { knownOptions, shown } from '../core/option.ts';
import { removeHeader, setHeader } from '../core/outgoing.ts';
import { prepareRejection } from '../core/rejection.ts';
import { withinLimit } from './within-limit.ts';

/** Settings of {@link deadline}. */
export interface DeadlineOptions {
  /**
   * Whose word counts: everybody's, or that of the requests for which the function says so. A caller that may name its
   * own deadline can only shorten ours.
   */
  readonly trust: true | ((request: Request, context: Context) => boolean);
  /** The field that bears the remaining milliseconds. Default: `'x-fetchmesh-timeout-ms'`. */
  readonly header?: string;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** Settings of {@link forwardDeadline}. */
export interface ForwardDeadlineOptions {
  /** Default: `'x-fetchmesh-timeout-ms'`. */
  readonly header?: string;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

const defaultHeader = 'x-fetchmesh-timeout-ms';

/**
 * Ends an exchange when the caller's own time is over, as the caller says it in a header: milliseconds that are left, as
 * Envoy's `x-envoy-expected-rq-timeout-ms` has them. A duration and no date, so no clocks need to agree.
 *
 * Stands outermost; what is further in (timeouts, retries, queues) keeps within it. When it passes, or where nothing is
 * left on arrival, the answer is a 504 with the reason `deadline_exceeded`, which says nothing against the upstream. What
 * is no whole number of milliseconds is ignored. The header is taken off, whoever sent it; {@link forwardDeadline} puts
 * what is left onto the outgoing requests.
 *
 * @example
 * ```ts
 * const slow = () => new Promise<Response>(() => {});
 * const app = inbound(slow, deadline({ trust: true }));
 * const request = new Request('http://shop.example/', { headers: { 'x-fetchmesh-timeout-ms': '5' } });
 * (await app(request)).status; // 504
 * ```
 */
export function deadline(options: DeadlineOptions): Middleware {
  knownOptions('deadline', options, { trust: true, header: true, clock: true });
  const { trust, clock = systemClock } = options;
  if (trust !== true && typeof trust !== 'function') {
    throw new RangeError(
      `deadline.trust: ${shown(trust)} is neither true nor a function that says which requests to trust`,
    );
  }
  const header = headerOption('deadline.header', options.header);
  const exceeded = prepareExceeded();
  return layer(
    `deadline from ${header}`,
    (next) =>
      function deadline(request, outer) {
        const value = request.headers.get(header);
        if (value === null) return next(request, outer);
        const context = removeHeader(outer, header);
        const delayMs = parseRemaining(value);
        if (delayMs === undefined) return next(request, context);
        if (trust !== true && !trust(request, context)) return next(request, context);
        const caller = signalOf(request, context);
        if (caller.aborted) return Promise.reject(caller.reason);
        if (delayMs === 0) return Promise.resolve(exceeded());
        const now = clock.monotonic();
        const known = context.get(deadlineKey);
        if (now < known && known <= now + delayMs) return next(request, context);
        return withinLimit(next, request, context.with(deadlineKey, now + delayMs), {
          watch: (pass) => clock.schedule(pass, delayMs),
          coversBody: false,
          // As if the caller had left, which it does: no upstream is to blame.
          reason: () => new DOMException('The deadline of the caller has passed', 'AbortError'),
          answer: exceeded,
        });
      },
  );
}

/**
 * Tells the upstream how many milliseconds are left to answer in, where there is a deadline: the caller's, a timeout's or
 * that of the single try, whichever comes first.
 *
 * Stands innermost, so that each try carries what is left at that moment (rounded down). Where less than a millisecond is
 * left, nothing is sent, and the answer is a 504 with the reason `deadline_exceeded`.
 *
 * @example
 * ```ts
 * const echo = async (request: Request) => new Response(request.headers.get('x-fetchmesh-timeout-ms'));
 * const shop = outbound(echo, timeout('3s'), forwardDeadline());
 * Number(await (await shop('http://shop.example/')).text()) > 2_000; // true
 * ```
 */
export function forwardDeadline(options: ForwardDeadlineOptions = {}): Middleware {
  knownOptions('forwardDeadline', options, { header: true, clock: true });
  const { clock = systemClock } = options;
  const header = headerOption('forwardDeadline.header', options.header);
  const exceeded = prepareExceeded();
  return layer(
    `forward deadline as ${header}`,
    (next) =>
      function forwardDeadline(request, context) {
        const leftMs = context.get(deadlineKey) - clock.monotonic();
        // A deadline that has passed ends nothing any more: this call outlives the exchange that it limited.
        if (leftMs === Number.POSITIVE_INFINITY || leftMs <= 0) return next(request, context);
        if (leftMs < 1) return Promise.resolve(exceeded());
        return next(request, setHeader(context, header, String(Math.floor(leftMs))));
      },
  );
}

function prepareExceeded(): () => Response {
  return prepareRejection('deadline_exceeded', {
    detail: 'The deadline of the caller has passed.',
  });
}

/** DL-04: anything but a whole number of milliseconds that a timer can wait counts as no header. */
function parseRemaining(value: string): number | undefined {
  if (!/^\d{1,10}$/.test(value)) return undefined;
  const milliseconds = Number(value);
  return milliseconds <= longestDelayMs ? milliseconds : undefined;
}

function headerOption(option: string, name: string = defaultHeader): string {
  return fieldNameOption(option, name).toLowerCase();
}
