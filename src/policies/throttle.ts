/**
 * Asking less of an upstream, the less of it succeeds.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import { layer, type Middleware, type Next } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { emit } from '../core/event.ts';
import { knownOptions, shown, wholeOption } from '../core/option.ts';
import { type Outcome, outcomeOfError, outcomeOfResponse } from '../core/outcome.ts';
import { prepareRejection } from '../core/rejection.ts';

/** Settings of {@link throttle}. */
export interface ThrottleOptions {
  /**
   * How many requests are made for each one that is accepted before some are held back. 2 lets up to half of the requests
   * fail. From 1. Default: 2.
   */
  readonly multiplier?: number;
  /** How far back is looked; at least twice as long as the longest call takes. Default: `'30s'`. */
  readonly window?: Duration;
  /** With fewer requests in the window nothing is held back. Default: 10. */
  readonly minRequests?: number;
  /** The largest share that is held back, above 0 and below 1: some must go on to find out. Default: 0.9. */
  readonly maxRejection?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1), asked where requests are held back. Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * Holds back a share of the requests, at random, that grows as the upstream accepts less: 503 `throttled` at once, and
 * nothing is sent. There is no state to flip and nothing to probe: as requests succeed again, fewer are held back.
 *
 * Requests count when they are made, those held back too, so an upstream that stalls is noticed before it answers. A 429
 * is not accepted, other 4xx are. What the caller gives up, or another policy answers, does not count.
 *
 * Where a breaker switches an upstream off, a throttle leans on it less: it suits upstreams that are overloaded and still
 * answer some. One for each upstream; all requests through it are counted together.
 *
 * Semantics: "Site Reliability Engineering", chapter 21, client-side throttling: max(0, (requests - K × accepts) /
 * (requests + 1)).
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const overloaded = async () => new Response(null, { status: 503 });
 * const shop = outbound(overloaded, throttle({ minRequests: 2, random: () => 0 }));
 * const reasons: (string | null)[] = [];
 * for (let call = 0; call < 3; call++) {
 *   reasons.push((await shop('http://shop.example/')).headers.get('x-fetchmesh-reason'));
 * }
 * reasons; // [null, null, 'throttled']
 * ```
 */
export function throttle(options: ThrottleOptions = {}): Middleware {
  knownOptions('throttle', options, {
    multiplier: true,
    window: true,
    minRequests: true,
    maxRejection: true,
    clock: true,
    random: true,
  });
  const { multiplier = 2, window = '30s', minRequests = 10, maxRejection = 0.9 } = options;
  const { clock = systemClock, random = Math.random } = options;
  const windowMs = durationOption('throttle.window', window);
  if (windowMs <= 0)
    throw new RangeError(`throttle.window: '${window}' is not longer than nothing`);
  if (!Number.isFinite(multiplier) || multiplier < 1) {
    throw new RangeError(`throttle.multiplier: ${shown(multiplier)} is not a number of 1 or more`);
  }
  wholeOption('throttle.minRequests', minRequests, 1);
  if (!(typeof maxRejection === 'number' && maxRejection > 0 && maxRejection < 1)) {
    throw new RangeError(
      `throttle.maxRejection: ${shown(maxRejection)} is not a number above 0 and below 1; with 1 nothing would ever find out that the upstream is well again`,
    );
  }
  const recent = new RecentRequests(windowMs);
  const throttled = prepareRejection('throttled', {
    detail: 'The upstream is overloaded; the request was not sent.',
  });

  return layer(`throttle ${multiplier} × accepted in ${window}`, (next: Next) => {
    async function call(
      bucket: number,
      request: Parameters<Next>[0],
      context: Parameters<Next>[1],
    ): Promise<Response> {
      let outcome: Outcome | undefined;
      let isOverloaded = false;
      try {
        const response = await next(request, context);
        outcome = outcomeOfResponse(response);
        isOverloaded = response.status === 429;
        return response;
      } catch (error) {
        outcome = outcomeOfError(error, signalOf(request, context));
        throw error;
      } finally {
        if (outcome?.verdict === 'ignored') recent.takeBack(bucket);
        else if (outcome?.verdict === 'success' && !isOverloaded) {
          recent.accepted(clock.monotonic());
        }
      }
    }

    return function throttle(request, context) {
      const { requests, accepts } = recent.at(clock.monotonic());
      const share =
        requests < minRequests
          ? 0
          : Math.min(maxRejection, rejectionShare(requests, accepts, multiplier));
      const bucket = recent.requested();
      if (share <= 0 || random() >= share) return call(bucket, request, context);
      emit(context, 'throttled', { share: Math.round(share * 1_000) / 1_000 });
      return Promise.resolve(throttled());
    };
  });
}

/**
 * The share of requests to hold back.
 *
 * @param multiplier K of the formula.
 */
export function rejectionShare(requests: number, accepts: number, multiplier: number): number {
  return Math.max(0, (requests - multiplier * accepts) / (requests + 1));
}

const buckets = 10;

/** Requests and accepts of the last ten tenths of a span, the present one included. */
class RecentRequests {
  readonly #bucketMs: number;
  readonly #requests = new Float64Array(buckets);
  readonly #accepts = new Float64Array(buckets);
  /** The present bucket, counted from the first one. */
  #present = 0;
  /** When it ends. */
  #endsAt: number | undefined;
  requests = 0;
  accepts = 0;

  constructor(spanMs: number) {
    this.#bucketMs = spanMs / buckets;
  }

  /** Forgets what is too old at this moment. */
  at(now: number): this {
    if (this.#endsAt === undefined) this.#endsAt = now + this.#bucketMs;
    if (now < this.#endsAt) return this;
    const passed = 1 + Math.floor((now - this.#endsAt) / this.#bucketMs);
    this.#endsAt += passed * this.#bucketMs;
    for (let step = Math.min(passed, buckets) - 1; step >= 0; step--) {
      const slot = (this.#present + passed - step) % buckets;
      this.requests -= this.#requests[slot] as number;
      this.accepts -= this.#accepts[slot] as number;
      this.#requests[slot] = 0;
      this.#accepts[slot] = 0;
    }
    this.#present += passed;
    return this;
  }

  /** Counts a request. @returns The bucket that it is in. */
  requested(): number {
    this.requests += 1;
    const slot = this.#present % buckets;
    this.#requests[slot] = (this.#requests[slot] as number) + 1;
    return this.#present;
  }

  accepted(now: number): void {
    this.at(now).accepts += 1;
    const slot = this.#present % buckets;
    this.#accepts[slot] = (this.#accepts[slot] as number) + 1;
  }

  /** A request that says nothing after all, unless it is forgotten already. */
  takeBack(bucket: number): void {
    if (bucket <= this.#present - buckets) return;
    this.requests -= 1;
    const slot = bucket % buckets;
    this.#requests[slot] = (this.#requests[slot] as number) - 1;
  }
}
