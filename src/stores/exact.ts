/**
 * Asking a shared store once for many callers, and not at all where the answer is known.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { knownOptions, wholeOption } from '../core/option.ts';
import type { CallOptions, Limit, TakingStore } from './contract.ts';
import { checkCounts } from './counting.ts';
import { arrange, delegateTo } from './delegate.ts';
import { DenyCache } from './deny-cache.ts';
import { nameOf } from './limit.ts';
import { type Lifetime, type Waiter, Waiters } from './waiters.ts';

/** Settings of {@link exactStore}. */
export interface ExactStoreOptions {
  /** How many spent limits are remembered. Default: 65536. */
  readonly capacity?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/**
 * Makes `take` of a shared store cheaper, without granting one unit more: callers that come while a call for their key is
 * under way are answered together by the next one, and a refusal holds for as long as the store said that none can succeed.
 *
 * Any window of L ms has at most `burst + L × quota / windowMs` units, whatever the number of instances. Only calls for
 * one unit are put together; others go to the store one by one.
 *
 * @example
 * ```ts
 * const store = exactStore(memoryStore());
 * (await store.take('ada', { quota: 5, windowMs: 1_000, burst: 5 }, 1, 1)).remaining; // 4
 * ```
 */
export function exactStore(store: TakingStore, options: ExactStoreOptions = {}): TakingStore {
  knownOptions('exactStore', options, {
    capacity: true,
    clock: true,
  });
  checkCounts(store, 'exactStore');
  const { capacity = 65_536, clock = systemClock } = options;
  wholeOption('exactStore.capacity', capacity, 1);
  const refusals = new DenyCache(capacity);
  const waiters = new Waiters(serve, clock);

  async function serve(round: readonly Waiter[], lifetime: Lifetime): Promise<void> {
    const { key, limit } = round[0] as Waiter;
    const { granted, ...grant } = await store.take(key, limit, round.length, 1, lifetime);
    const unitMs = limit.windowMs / limit.quota;
    for (const [index, waiter] of round.entries()) {
      if (index >= granted) continue;
      // As if they had come one after the other.
      const later = granted - 1 - index;
      waiter.resolve({
        granted: 1,
        remaining: grant.remaining + later,
        retryMs: 0,
        resetMs: Math.max(0, grant.resetMs - later * unitMs),
      });
    }
    if (granted >= round.length) return;
    const missingMs = unitMs - (limit.burst * unitMs - grant.resetMs);
    const retryMs = granted === 0 ? grant.retryMs : Math.max(0, missingMs);
    const refusal = { ...grant, granted: 0, retryMs };
    refusals.remember(key, limit, refusal, clock.monotonic());
    for (const waiter of round.slice(granted)) waiter.resolve(refusal);
  }

  const exact = delegateTo(store, {
    take(key: string, limit: Limit, n: number, min: number, settings?: CallOptions) {
      if (n !== 1 || min !== 1) return store.take(key, limit, n, min, settings);
      const known = refusals.find(key, limit, clock.monotonic());
      if (known !== undefined) return known;
      return waiters.wait(nameOf(key, limit), { key, limit, n, min }, settings);
    },
  });
  return arrange(exact, { mode: 'exact', store });
}
