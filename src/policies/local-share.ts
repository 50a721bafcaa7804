/**
 * What an instance grants of a limit where it counts alone: its share, which keeps step with the store that counts for all.
 *
 * Two buckets that know nothing of each other would be worth twice the limit where a store comes and goes: while one of them
 * grants, the other one fills up. So what the store grants is taken from the share as well, and what the share grants is
 * taken from the store once it is back.
 *
 * @module
 */

import type { Limit } from '../stores/contract.ts';
import type { MemoryStore } from '../stores/memory.ts';

/** What a store is asked to count. */
export interface Bucket extends Limit {
  /** How long until one more unit is there, in milliseconds. */
  readonly unitMs: number;
}

/** A bucket of a limit. */
export function bucketOf(quota: number, windowMs: number, burst: number): Bucket {
  return { quota, windowMs, burst, unitMs: windowMs / quota };
}

/** How many keys are remembered as granted without the store. */
const mostOwed = 65_536;

/** The share of one instance. */
export class LocalShare {
  readonly #whole: Bucket;
  /** It fills up so much more slowly than the whole. */
  readonly #share: Bucket;
  readonly #store: () => MemoryStore;
  /** What was granted by key while the store was out. */
  readonly #owed = new Map<string, number>();

  /**
   * @param whole The limit of all instances together.
   * @param instances How many there are.
   * @param store Counts here; made once it is needed.
   */
  constructor(whole: Bucket, instances: number, store: () => MemoryStore) {
    const { quota, windowMs, burst } = whole;
    this.#whole = whole;
    this.#share = bucketOf(quota, windowMs * instances, Math.max(1, Math.floor(burst / instances)));
    this.#store = store;
  }

  /** Where it is counted. */
  get store(): MemoryStore {
    return this.#store();
  }

  /** What costs more than a share but not more than the whole must be possible also where there is no store. */
  bucketFor(units: number): Bucket {
    if (units <= this.#share.burst || units > this.#whole.burst) return this.#share;
    return { ...this.#share, burst: units };
  }

  /** The store granted units, so they are no longer here either, as far as they were. Below 0: they came back. */
  follow(key: string, units: number): void {
    this.store.take(key, this.#share, units, 0);
  }

  /** Units were granted here that the store does not know of. Below 0: they came back. */
  owe(key: string, units: number): void {
    const owed = (this.#owed.get(key) ?? 0) + units;
    this.#owed.delete(key);
    if (owed > 0) this.#owed.set(key, owed);
    if (this.#owed.size <= mostOwed) return;
    const [oldest] = this.#owed.keys();
    this.#owed.delete(oldest as string);
  }

  /** What the store is to be told that it answers again: what was granted without it, and has not filled up since. */
  settle(key: string): number {
    const owed = this.#owed.get(key);
    if (owed === undefined) return 0;
    this.#owed.delete(key);
    const { resetMs } = this.store.take(key, this.#share, 0, 0);
    return resetMs > 0 ? owed : 0;
  }
}
