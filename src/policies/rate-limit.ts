/**
 * Limits on how much a caller may ask for.
 *
 * @module
 */

import type { Middleware } from '../core/chain.ts';
import type { Clock } from '../core/clock.ts';
import type { Duration } from '../core/duration.ts';
import { knownOptions } from '../core/option.ts';
import type { Store, TakingStore } from '../stores/contract.ts';
import type { RateLimit } from './limit-options.ts';
import { limitRates } from './limiter.ts';
import { platformStore } from './platform-limit.ts';
import { sharedStore } from './shared-store.ts';

export type { LimitKey, RateLimit } from './limit-options.ts';
export { exceededLimits } from './limiter.ts';

/** Settings of {@link rateLimit} that concern all limits. */
export interface RateLimitOptions {
  /** Where the counts live. Default: in memory, one store for each limit. */
  readonly store?: Store;
  /** What the keys in a store given begin with: policies of one scope and limits of one name share their quotas. */
  readonly scope?: string;
  /**
   * How many instances run with these limits. Where each counts alone, because there is no store or because it is out, each
   * grants that part of a limit; a burst of at least one unit. Default: 1.
   */
  readonly instances?: number;
  /** How long a store may take to answer before `onStoreError` applies. Default: `'25ms'`. */
  readonly storeDeadline?: Duration;
  /**
   * Where the fields `RateLimit` and `RateLimit-Policy` go: on all answers, on refusals alone, or nowhere. Default:
   * `'always'` for requests that come in, `'rejections'` for those that go out.
   */
  readonly fields?: 'always' | 'rejections' | 'never';
  /** Sends `RateLimit-Limit`, `-Remaining` and `-Reset` of an earlier draft as well. Default: not. */
  readonly legacy?: 'draft-6';
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1). Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * Refuses requests beyond a limit, or beyond any of several, with a 429 that says when to come back.
 *
 * Within any time t a key gets at most `burst + limit × t / per` units, with no edge of a window at which twice as much
 * would pass (GCRA). What one limit granted is given back where another one refuses. A store that fails or is slow makes a
 * 503 at the worst, never a 429. With the store in memory nothing is awaited.
 *
 * Semantics: GCRA as in throttled and redis-cell, reservations as in Go's x/time/rate; the fields are those of
 * draft-ietf-httpapi-ratelimit-headers.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const app = inbound(() => new Response('hello'), rateLimit({ limit: 100, per: '1m', burst: 1 }));
 * const request = new Request('http://shop.example/');
 * (await app(request)).headers.get('ratelimit'); // '"default";r=0;t=1'
 * (await app(request)).status; // 429
 * ```
 */
export function rateLimit(
  limits: RateLimit | readonly RateLimit[],
  options: RateLimitOptions = {},
): Middleware {
  knownOptions('rateLimit', options, {
    store: true,
    scope: true,
    instances: true,
    storeDeadline: true,
    fields: true,
    legacy: true,
    clock: true,
    random: true,
  });
  const { store, storeDeadline: deadline, ...rest } = options;
  const { clock, random } = options;
  const reliable = (store: Store): TakingStore =>
    sharedStore(store, { owner: 'rateLimit', deadline, clock, random });
  const own = (limit: RateLimit): RateLimit => {
    const { store, platform } = limit;
    if (platform !== undefined) return { ...limit, store: platformStore(platform, rest) };
    return typeof store === 'object' ? { ...limit, store: reliable(store) } : limit;
  };
  const list = Array.isArray(limits) ? (limits as readonly RateLimit[]) : [limits as RateLimit];
  return limitRates(list.map(own), {
    ...rest,
    ...(store !== undefined && { store: reliable(store) }),
  });
}
