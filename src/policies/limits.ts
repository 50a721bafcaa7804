/**
 * Limits on what a single request may take up: how long, how many, how large, how slow.
 *
 * @module
 */

import { abortSignal, signalOf } from '../core/abort.ts';
import { compose, layer, type Middleware, type Next } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { knownOptions, shown, wholeOption } from '../core/option.ts';
import { bodyOf } from '../core/own.ts';
import { prepareRejection, type RejectionReason } from '../core/rejection.ts';
import { BodyMeter, type Excess } from './body-meter.ts';
import { bulkhead } from './bulkhead.ts';
import { withinLimit } from './within-limit.ts';

/** Settings of {@link limits}. What a server checks before its app is called comes on top, such as 16 KiB of headers on Node. */
export interface LimitsOptions {
  /** The longest path and query, in bytes; beyond: 414. Default: 8192, as in nginx. `Infinity`: any. */
  readonly urlBytes?: number;
  /** How many header fields; beyond: 431. Default: 100, as in Envoy. `Infinity`: any number. */
  readonly headerCount?: number;
  /** Names and values of all header fields, in bytes; beyond: 431. Default: 61440 (60 KiB), as in Envoy. `Infinity`: any. */
  readonly headerBytes?: number;
  /**
   * The largest body, in bytes; beyond: 413. One that says its length is refused before anything is read of it, any other
   * once it has grown too large, whatever was done with it until then. Default: `Infinity`, any.
   */
  readonly bodyBytes?: number;
  /**
   * How fast a body has to come, in bytes a second; below: 408. Only time counts in which the app waits for more of it.
   * Default: 0, it may take any time.
   */
  readonly bodyRate?: number;
  /** How long is waited in any case before `bodyRate` counts. Default: `'5s'`, as in Kestrel. */
  readonly bodyGrace?: Duration;
  /** How many requests may be under way; beyond: 503. Default: `Infinity`, any number. */
  readonly concurrent?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** What limits of the body have in common, where ever they are made. */
export type BodyLimits = Pick<LimitsOptions, 'bodyBytes' | 'bodyRate' | 'bodyGrace' | 'clock'>;

const refuse = {
  urlTooLong: /* @__PURE__ */ refusal('url_too_long', 'The URL is longer than is taken here.'),
  headersTooLarge: /* @__PURE__ */ refusal(
    'headers_too_large',
    'The headers are larger than is taken here.',
  ),
  // The rest of a body that nobody reads would have to come first else. It is not cancelled: that would end the connection
  // of a server before the answer is out.
  size: /* @__PURE__ */ refusal('body_too_large', 'The body is larger than is taken here.', true),
  rate: /* @__PURE__ */ refusal('body_too_slow', 'The body did not come fast enough.', true),
};

/** What holds where nothing is said. */
export const limitDefaults = {
  urlBytes: 8_192,
  headerCount: 100,
  headerBytes: 61_440,
  bodyGrace: '5s',
} as const;

/**
 * Refuses requests that take up more than they may, with 414, 431, 413, 408 or 503.
 *
 * A body is counted as it is read, and never held. One that turns out to be too large or too slow ends the exchange: what
 * reads it fails, the work at hand is aborted as if the caller had left, so that no upstream gets the blame, and the caller
 * gets its answer. Where an answer is on its way already, the body alone fails.
 *
 * Semantics: nginx's and Envoy's limits of the same names; of rates, Kestrel's `MinRequestBodyDataRate`.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const app = inbound(async (request) => new Response(await request.text()), limits({ bodyBytes: 5 }));
 * const post = (body: string) => app(new Request('http://shop.example/', { method: 'POST', body }));
 * [(await post('small')).status, (await post('larger')).status]; // [200, 413]
 * ```
 */
export function limits(options: LimitsOptions = {}): Middleware {
  knownOptions('limits', options, {
    urlBytes: true,
    headerCount: true,
    headerBytes: true,
    bodyBytes: true,
    bodyRate: true,
    bodyGrace: true,
    concurrent: true,
    clock: true,
  });
  const {
    urlBytes = limitDefaults.urlBytes,
    headerCount = limitDefaults.headerCount,
    headerBytes = limitDefaults.headerBytes,
  } = options;
  const { concurrent = Number.POSITIVE_INFINITY, clock } = options;
  for (const [name, value] of Object.entries({ urlBytes, headerCount, headerBytes, concurrent })) {
    checkCount(name, value, 1);
  }
  const head: Middleware = (next) =>
    function limits(request, context) {
      if (pathLength(request.url) > urlBytes) return Promise.resolve(refuse.urlTooLong());
      if (areHeadersBeyond(request.headers, headerCount, headerBytes)) {
        return Promise.resolve(refuse.headersTooLarge());
      }
      return next(request, context);
    };
  const parts = [head];
  if (Number.isFinite(concurrent)) {
    parts.push(bulkhead({ limit: concurrent, ...(clock && { clock }) }));
  }
  const body = bodyLimits(options);
  if (body !== undefined) parts.push(body);
  return layer('limits', compose(...parts));
}

/** The limits of bodies alone; `undefined` where there are none. */
export function bodyLimits(options: BodyLimits): Middleware | undefined {
  const { bodyBytes = Number.POSITIVE_INFINITY, bodyRate = 0 } = options;
  const { bodyGrace = limitDefaults.bodyGrace, clock = systemClock } = options;
  checkCount('bodyBytes', bodyBytes, 0);
  if (!Number.isFinite(bodyRate) || bodyRate < 0) {
    throw new RangeError(`limits.bodyRate: ${shown(bodyRate)} is not a number of 0 or more`);
  }
  const graceMs = durationOption('limits.bodyGrace', bodyGrace);
  if (bodyBytes === Number.POSITIVE_INFINITY && bodyRate === 0) return undefined;

  function metered(next: Next, request: Request, context: Context): Promise<Response> {
    const caller = signalOf(request, context);
    if (caller.aborted) return Promise.reject(caller.reason);
    const body = bodyOf(request) as NonNullable<Request['body']>;
    const meter = new BodyMeter(body, { bodyBytes, bodyRate, graceMs, clock });
    // Bun forgets the type of the former body unless the headers are given; `keepalive` forbids streams; `duplex` is
    // unknown to the types of the DOM, and demanded by Node.
    const { headers } = request;
    const init = { headers, body: meter.stream, duplex: 'half', keepalive: false };
    // On Node a copy follows the signal of its original only for as long as the copy is there.
    const inside = context.with(abortSignal, caller);
    let excess: Excess = 'size';
    return withinLimit(next, new Request(request, init as RequestInit), inside, {
      watch(pass) {
        meter.onExcess = (which) => {
          excess = which;
          pass();
        };
        return (response) => {
          meter.onExcess = undefined;
          if (response === undefined) meter.stop();
        };
      },
      coversBody: false,
      // As if the caller had left: no upstream is to blame.
      reason: () => new DOMException('The body of the request went beyond a limit', 'AbortError'),
      answer: () => refuse[excess](),
    });
  }

  return layer(
    'limits of bodies',
    (next) =>
      function bodyLimits(request, context) {
        const declared = request.headers.get('content-length');
        if (declared !== null && Number(declared) > bodyBytes) {
          return Promise.resolve(refuse.size());
        }
        return request.body === null ? next(request, context) : metered(next, request, context);
      },
  );
}

function refusal(reason: RejectionReason, detail: string, endsConnection = false): () => Response {
  return prepareRejection(reason, {
    detail,
    ...(endsConnection && { headers: { connection: 'close' } }),
  });
}

/** Of path and query, in bytes: a URL is ASCII. */
function pathLength(url: string): number {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  return start < 0 ? 1 : url.length - start;
}

function areHeadersBeyond(headers: Headers, mostFields: number, mostBytes: number): boolean {
  let fields = 0;
  let bytes = 0;
  headers.forEach((value, name) => {
    fields += 1;
    // Values are bytes, written as characters up to 255.
    bytes += name.length + value.length;
  });
  return fields > mostFields || bytes > mostBytes;
}

function checkCount(name: string, value: number, least: number): void {
  // No limit at all.
  if (value !== Number.POSITIVE_INFINITY) wholeOption(`limits.${name}`, value, least);
}
