/**
 * Spending a shared limit without asking for each unit: units are leased in batches, and spent at once.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { ignore } from '../core/discard.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { knownOptions, wholeOption } from '../core/option.ts';
import {
  type CallOptions,
  type Grant,
  type Limit,
  type Maybe,
  StoreError,
  type TakingStore,
} from './contract.ts';
import { checkCounts } from './counting.ts';
import { arrange, delegateTo } from './delegate.ts';
import { nameOf, sameLimit } from './limit.ts';
import { type Lifetime, type Waiter, Waiters } from './waiters.ts';

/** Settings of {@link leasedStore}. */
export interface LeasedStoreOptions {
  /** How long leased units can be spent; those left over are lost then. Default: `'200ms'`. */
  readonly lease?: Duration;
  /** How many instances share the limits, more or less: a batch is at most half of an instance's share. Default: 1. */
  readonly instances?: number;
  /** How many keys are remembered. Beyond it the one made first is forgotten, with what it holds. Default: 65536. */
  readonly capacity?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** A batch lasts so long at the rate at which an instance spends, in milliseconds. */
const batchMs = 100;

/** A batch that was asked for ahead and is not there by then ended with the request that asked for it, as it can on Workers. */
const longestFetchMs = 5_000;

/** The shortest time that says something of how fast an instance spends, in milliseconds. */
const measuredMs = 10;

/** Where a limit is exhausted, so many units are worth a question to the store … */
const saturationUnits = 192;

/** … or what comes back in so many milliseconds, where that is less. */
const saturationMs = 20;

/**
 * Makes `take` of a shared store fast: where units are at hand it answers at once, without a promise.
 *
 * With N instances any window of L ms has at most `burst + L × r + min(N × B, r × lease)` units, where r is
 * `quota / windowMs` and B the largest batch, `burst / (2 × instances)`. A batch follows what the instance spends, is
 * fetched before the last one is used up, and lives for `lease`, counted from before the store was asked. Where the limit is
 * exhausted the store is asked only when a batch worth asking for can be there. {@link TakingStore.close} gives back what is left.
 *
 * Only calls for one unit are served from leases; others go to the store.
 *
 * @throws {RangeError} for settings that make no sense.
 *
 * @example
 * ```ts
 * const store = leasedStore(memoryStore());
 * const limit = { quota: 100, windowMs: 1_000, burst: 100 };
 * (await store.take('ada', limit, 1, 1)).granted; // 1
 * ```
 */
export function leasedStore(store: TakingStore, options: LeasedStoreOptions = {}): TakingStore {
  knownOptions('leasedStore', options, {
    lease: true,
    instances: true,
    capacity: true,
    clock: true,
  });
  checkCounts(store, 'leasedStore');
  const { instances = 1, capacity = 65_536, clock = systemClock } = options;
  const leaseMs = durationOption('leasedStore.lease', options.lease ?? '200ms');
  if (leaseMs <= 0) throw new RangeError('leasedStore.lease: has to be longer than 0');
  wholeOption('leasedStore.instances', instances, 1);
  wholeOption('leasedStore.capacity', capacity, 1);
  const leases = new Map<string, Lease>();
  const waiters = new Waiters(serve, clock);

  function leaseOf(key: string, limit: Limit): Lease {
    const present = leases.get(key);
    if (present !== undefined && sameLimit(present.limit, limit)) return present;
    const lease = new Lease(limit, instances, clock.monotonic());
    leases.set(key, lease);
    if (leases.size > capacity) {
      const [oldest] = leases.keys();
      leases.delete(oldest as string);
    }
    return lease;
  }

  /** Asks the store for a batch. The lease begins before the question is sent, so it never outlives what was granted. */
  async function fetchBatch(
    key: string,
    lease: Lease,
    wanted: number,
    lifetime: Lifetime | undefined,
  ): Promise<Grant> {
    const now = clock.monotonic();
    const { n, min } = lease.plan(wanted, now);
    const grant = await store.take(key, lease.limit, n, min, lifetime);
    lease.receive(n, grant, now + leaseMs, clock.monotonic());
    return grant;
  }

  async function serve(round: readonly Waiter[], lifetime: Lifetime): Promise<void> {
    const { key, limit } = round[0] as Waiter;
    const lease = leaseOf(key, limit);
    let next = 0;
    while (next < round.length) {
      const atHand = lease.spend(clock.monotonic());
      if (atHand !== undefined) {
        (round[next++] as Waiter).resolve(atHand);
        continue;
      }
      const { granted } = await fetchBatch(key, lease, round.length - next, lifetime);
      if (granted > 0) {
        if (lease.isEmpty(clock.monotonic())) throw tooSlow(store);
        continue;
      }
      const refusal = lease.refusal(clock.monotonic());
      for (const waiter of round.slice(next)) waiter.resolve(refusal);
      return;
    }
  }

  /** Fetches the next batch before this one is used up; whoever comes meanwhile still spends from this one. */
  function prefetch(key: string, lease: Lease, settings: CallOptions | undefined): void {
    lease.fetchingUntil = clock.monotonic() + longestFetchMs;
    const lifetime = settings?.waitUntil && {
      waitUntil: (work: Promise<unknown>) => settings.waitUntil?.(work),
    };
    // What it fails by, the caller that finds no unit left is told.
    const fetching = fetchBatch(key, lease, 0, lifetime)
      .catch(ignore)
      .finally(() => {
        lease.fetchingUntil = Number.NEGATIVE_INFINITY;
      });
    settings?.waitUntil?.(fetching);
  }

  function take(
    key: string,
    limit: Limit,
    n: number,
    min: number,
    settings?: CallOptions,
  ): Maybe<Grant> {
    if (n !== 1 || min !== 1) return store.take(key, limit, n, min, settings);
    const lease = leaseOf(key, limit);
    const now = clock.monotonic();
    const grant = lease.spend(now);
    if (grant !== undefined) {
      if (lease.isRunningOut(now)) prefetch(key, lease, settings);
      return grant;
    }
    if (now < lease.deniedUntil) return lease.refusal(now);
    return waiters.wait(nameOf(key, limit), { key, limit, n, min }, settings);
  }

  async function close(): Promise<void> {
    const now = clock.monotonic();
    const back = Array.from(leases, async ([key, lease]) => {
      const left = lease.giveUp(now);
      if (left > 0) await store.take(key, lease.limit, -left, 0);
    });
    leases.clear();
    await Promise.allSettled(back);
    await store.close?.();
  }
  return arrange(delegateTo(store, { take, close }), { mode: 'leased', store });
}

/** Asking again would only take more units that nobody can spend. */
function tooSlow({ name }: TakingStore): StoreError {
  return new StoreError(
    'UNAVAILABLE',
    `the store '${name}' takes longer than what it leases lasts`,
  );
}

interface Batch {
  units: number;
  readonly expiresAt: number;
}

/** What one instance holds of one limit. Moments are on its monotonic clock, in milliseconds. */
class Lease {
  readonly limit: Limit;
  /** Until then the store said that no unit can be had. */
  deniedUntil = Number.NEGATIVE_INFINITY;
  /** So long the next batch is under way. */
  fetchingUntil = Number.NEGATIVE_INFINITY;
  readonly #instances: number;
  /** The most units that may be held unspent. */
  readonly #most: number;
  /** Where the limit is exhausted, fewer units are not worth a question. */
  readonly #worthAsking: number;
  #min = 1;
  /** The one that expires first is spent first. */
  readonly #batches: Batch[] = [];
  #size = 1;
  #isExhausted = false;
  #spent = 0;
  #since: number;
  /** What the store had left, as far as it is this instance's. */
  #share = 0;
  #fullAt: number;

  constructor(limit: Limit, instances: number, now: number) {
    this.limit = limit;
    this.#instances = instances;
    this.#most = Math.max(1, Math.floor(limit.burst / (2 * instances)));
    const perMs = limit.quota / limit.windowMs;
    const worthAsking = Math.min(saturationUnits, perMs * saturationMs);
    this.#worthAsking = Math.max(1, Math.min(this.#most, Math.floor(worthAsking)));
    this.#since = now;
    this.#fullAt = now;
  }

  spend(now: number): Grant | undefined {
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      if (batch.units > 0 && now < batch.expiresAt) {
        batch.units -= 1;
        this.#spent += 1;
        return {
          granted: 1,
          remaining: this.#held + this.#share,
          retryMs: 0,
          resetMs: Math.max(0, this.#fullAt - now),
        };
      }
      this.#batches.shift();
    }
    return undefined;
  }

  /** Whether nothing is at hand that can be spent. */
  isEmpty(now: number): boolean {
    return !this.#batches.some(({ units, expiresAt }) => units > 0 && now < expiresAt);
  }

  refusal(now: number): Grant {
    return {
      granted: 0,
      remaining: 0,
      retryMs: Math.max(0, this.deniedUntil - now),
      resetMs: Math.max(0, this.#fullAt - now),
    };
  }

  /** Whether the next batch is to be asked for; small ones are not worth it. */
  isRunningOut(now: number): boolean {
    const isFree = now >= this.fetchingUntil && now >= this.deniedUntil;
    return isFree && this.#size >= 4 && this.#held * 4 <= this.#size;
  }

  /** What to ask the store for. */
  plan(wanted: number, now: number): { n: number; min: number } {
    const elapsedMs = now - this.#since;
    if (elapsedMs >= measuredMs) {
      const batch = Math.ceil((this.#spent / elapsedMs) * batchMs);
      this.#size = Math.min(this.#most, Math.max(1, batch));
      this.#spent = 0;
      this.#since = now;
    }
    const least = this.#isExhausted ? this.#worthAsking : 1;
    const room = this.#most - this.#held;
    const n = Math.max(1, wanted, Math.min(room, Math.max(this.#size, least)));
    this.#min = Math.min(n, least);
    return { n, min: this.#min };
  }

  receive(asked: number, grant: Grant, expiresAt: number, now: number): void {
    const { granted, remaining, resetMs } = grant;
    this.#isExhausted = granted < asked;
    if (granted > 0) this.#batches.push({ units: granted, expiresAt });
    if (this.#isExhausted) this.deniedUntil = now + this.#untilWorthAsking(grant);
    this.#share = Math.floor(remaining / this.#instances);
    this.#fullAt = now + resetMs;
  }

  /** How long until a question is of use to all instances, not to the fastest alone: the others wait as well. */
  #untilWorthAsking({ granted, retryMs, resetMs }: Grant): number {
    const { burst, windowMs, quota } = this.limit;
    const unitMs = windowMs / quota;
    const least = granted === 0 ? this.#min : this.#worthAsking;
    const missingMs = granted === 0 ? retryMs : Math.max(0, resetMs - (burst - least) * unitMs);
    return missingMs + (this.#instances - 1) * least * unitMs;
  }

  /** Units that can still be given back; none are left here. */
  giveUp(now: number): number {
    const live = this.#batches.filter(({ expiresAt }) => now < expiresAt);
    this.#batches.length = 0;
    return live.reduce((sum, { units }) => sum + units, 0);
  }

  get #held(): number {
    let held = 0;
    for (const { units } of this.#batches) held += units;
    return held;
  }
}
