/**
 * What can be said of one limit of a {@link import('./rate-limit.ts').rateLimit}.
 *
 * @module
 */

import type { Context } from '../core/context.ts';
import { type Duration, delayOption, durationOption } from '../core/duration.ts';
import { flagOption, knownOptions, shown, wholeOption, wordOption } from '../core/option.ts';
import { isPolicyName } from '../core/rate-limit-fields.ts';
import type { PlatformLimiter } from '../stores/cf-ratelimit.ts';
import type { Store } from '../stores/contract.ts';

/** Tells callers apart; `undefined`, `null` and the empty text mean that a request has no key. */
export type LimitKey = (request: Request, context: Context) => string | undefined | null;

/** A limit: so much in so long for each key. */
export interface RateLimit {
  /** Called so in the fields `RateLimit` and `RateLimit-Policy`. Default: `'default'`, or `'100 per 1m'` among several. */
  readonly name?: string;
  /** How much is granted in every `per`: a whole number above 0. */
  readonly limit: number;
  /** In what time, such as `'1m'`. */
  readonly per: Duration;
  /** How much of it may come at once: a whole number above 0. Default: `limit`. */
  readonly burst?: number;
  /** Who shares the quota. Default: the address of the peer, IPv6 by its /64 network. */
  readonly by?: LimitKey;
  /** What is done with requests that have no key: they share one quota, or are not limited. Default: `'shared'`. */
  readonly anonymous?: 'shared' | 'skip';
  /** How much a request takes: a whole number of 0 or more. Default: 1. */
  readonly cost?: number | ((request: Request, context: Context) => number);
  /** A request that comes too early waits for up to so long, in the order of arrival. Default: none waits. */
  readonly maxWait?: Duration;
  /** Whether requests beyond the limit are refused; if not, they are counted, marked and passed on. Default: true. */
  readonly enforce?: boolean;
  /**
   * What is done where the store cannot be had: this process counts alone and grants its share of the limit (`instances`),
   * or nothing is refused (`'open'`), or everything with a 503 (`'closed'`). Default: `'local'`.
   */
  readonly onStoreError?: 'local' | 'open' | 'closed';
  /**
   * Where this one counts, in place of the store of all: `exactStore(…)` for one that must never be exceeded beside others
   * that are leased, or `'memory'`: each instance alone, its share (`instances`). Default: the store of all.
   */
  readonly store?: Store | 'memory';
  /**
   * Keeps the limit in place of a store, such as `cfRateLimit(env.LIMITER)`: by numbers of its own, so `limit` and `per` repeat
   * them for those who read. There is no `burst`, `cost` or `maxWait` then, and nobody is told what is left. Default: none.
   */
  readonly platform?: PlatformLimiter;
}

/**
 * Refuses what makes no sense.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function checkLimit(settings: RateLimit): void {
  knownOptions('rateLimit', settings, {
    name: true,
    limit: true,
    per: true,
    burst: true,
    by: true,
    anonymous: true,
    cost: true,
    maxWait: true,
    enforce: true,
    onStoreError: true,
    store: true,
    platform: true,
  });
  const { name, limit, per, burst, cost, maxWait } = settings;
  const { anonymous = 'shared', onStoreError = 'local', by, enforce, store, platform } = settings;
  wholeOption('rateLimit.limit', limit, 1);
  if (burst !== undefined) wholeOption('rateLimit.burst', burst, 1);
  if (durationOption('rateLimit.per', per) === 0) {
    throw new RangeError(`rateLimit.per: '${per}' has to be longer than 0`);
  }
  if (maxWait !== undefined) delayOption('rateLimit.maxWait', maxWait);
  if (typeof cost !== 'function' && cost !== undefined) wholeOption('rateLimit.cost', cost, 0);
  if (typeof cost === 'number' && cost > (burst ?? limit)) {
    throw new RangeError(
      `rateLimit.cost: ${cost} is more than ever comes at once, ${burst ?? limit}`,
    );
  }
  wordOption('rateLimit.anonymous', anonymous, ['shared', 'skip']);
  wordOption('rateLimit.onStoreError', onStoreError, ['local', 'open', 'closed']);
  if (typeof store === 'string') wordOption('rateLimit.store', store, ['memory']);
  if (platform !== undefined) {
    for (const [option, value] of Object.entries({ burst, cost, maxWait })) {
      if (value === undefined) continue;
      throw new RangeError(`rateLimit.${option}: the limit of a platform has none`);
    }
  }
  if (name !== undefined && !isPolicyName(name)) {
    throw new RangeError(
      `rateLimit.name: ${shown(name)} is not 1 to 64 printable characters of ASCII`,
    );
  }
  if (by !== undefined && typeof by !== 'function') {
    throw new RangeError(
      `rateLimit.by: ${shown(by)} is not a function (request, context) => key; for expressions such as 'cookie:sid' there is keyBy`,
    );
  }
  flagOption('rateLimit.enforce', enforce);
}
