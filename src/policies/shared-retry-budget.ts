/**
 * A retry budget whose reserve all instances share.
 *
 * @module
 */

import { systemClock } from '../core/clock.ts';
import { durationOption } from '../core/duration.ts';
import { knownOptions, shown } from '../core/option.ts';
import type { Limit, Store } from '../stores/contract.ts';
import { exactStore } from '../stores/exact.ts';
import { type RetryBudget, type RetryBudgetOptions, retryBudget } from './retry-budget.ts';
import { sharedStore } from './shared-store.ts';

/** Settings of {@link sharedRetryBudget}. */
export interface SharedRetryBudgetOptions extends RetryBudgetOptions {
  /** Where the reserve counts; all instances have the same one. One that cannot count is refused. */
  readonly store: Store;
  /** Which budget: one for each upstream. */
  readonly name: string;
  /** A number in [0, 1): instances do not all look for a store that is out at once. Default: `Math.random`. */
  readonly random?: () => number;
}

/** How long a yes can be made use of, in milliseconds. */
const atHandMs = 1_000;

/** How long an instance goes alone after the store failed, in milliseconds. */
const aloneMs = 1_000;

/**
 * Makes a budget like `retryBudget`, but for the reserve: `minPerSecond × ttl` further tries beyond the share of the requests
 * are there for all instances together. Shares need no store, since those of all instances add up to the share of all requests.
 *
 * Nothing waits for the store. It is asked when an instance needs the reserve. An instance that has not heard a no for `ttl`
 * makes its try meanwhile; once it has, it makes none before there was a yes. Where the store is out each instance has a
 * reserve of its own.
 *
 * @throws {RangeError | TypeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * // In place of it, one that all instances reach: Redis, a Durable Object, Deno KV.
 * const store = memoryStore();
 * const instance = () => sharedRetryBudget({ store, name: 'users', ratio: 0, minPerSecond: 0.1 });
 * const [one, other] = [instance(), instance()];
 * one.withdraw(); // true
 * other.withdraw(); // false
 * ```
 */
export function sharedRetryBudget(options: SharedRetryBudgetOptions): RetryBudget {
  knownOptions('sharedRetryBudget', options, {
    store: true,
    name: true,
    ratio: true,
    ttl: true,
    minPerSecond: true,
    clock: true,
    random: true,
  });
  const { store: given, name, random, ...rest } = options;
  const { ttl = '10s', minPerSecond = 1, clock = systemClock } = rest;
  const share = retryBudget({ ...rest, minPerSecond: 0 });
  const alone = retryBudget({ ...rest, ratio: 0 });
  if (typeof name !== 'string' || name === '') {
    throw new RangeError(
      `sharedRetryBudget.name: ${shown(name)} is not a name, which says what the budget is for`,
    );
  }
  const windowMs = durationOption('retryBudget.ttl', ttl);
  const reserve = Math.floor((minPerSecond * windowMs) / 1_000);
  const limit: Limit = { quota: Math.max(1, reserve), windowMs, burst: reserve };
  const shared = sharedStore(given, { owner: 'sharedRetryBudget', clock, random });
  const isLocal = shared.capabilities.consistency === 'isolate';
  const store = isLocal ? shared : exactStore(shared, { clock });
  const key = `retry budget:${name}`;
  let aloneUntil = Number.NEGATIVE_INFINITY;
  /** Until then it is known that there is not enough for all: nothing is tried before the store has said yes. */
  let scarceUntil = Number.NEGATIVE_INFINITY;
  /** Said yes to after the try was given up, for the next one. */
  let atHand = 0;
  let atHandUntil = Number.NEGATIVE_INFINITY;

  function heard(granted: boolean, isMade: boolean): void {
    const now = clock.monotonic();
    if (!granted) {
      scarceUntil = now + windowMs;
    } else if (!isMade) {
      atHand = now < atHandUntil ? atHand + 1 : 1;
      atHandUntil = now + atHandMs;
    }
  }

  return {
    deposit: share.deposit,
    withdraw(context) {
      if (share.withdraw()) return true;
      const now = clock.monotonic();
      if (reserve === 0) return false;
      if (atHand > 0 && now < atHandUntil) {
        atHand -= 1;
        return true;
      }
      if (now < aloneUntil) return alone.withdraw();
      const answer = store.take(key, limit, 1, 1, context);
      if (!('then' in answer)) return answer.granted === 1;
      const isMade = now >= scarceUntil && alone.withdraw();
      const told = answer.then(
        ({ granted }) => heard(granted === 1, isMade),
        () => {
          aloneUntil = clock.monotonic() + aloneMs;
        },
      );
      context?.waitUntil(told);
      return isMade;
    },
  };
}
