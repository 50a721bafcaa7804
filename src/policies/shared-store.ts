/**
 * Stores as policies can rely upon them.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { takeByCompareAndSet } from '../stores/compare-and-set.ts';
import type { Store, TakingStore } from '../stores/contract.ts';
import { checkCounts } from '../stores/counting.ts';
import { guardedStore } from '../stores/guarded.ts';

/** Settings of {@link sharedStore}. */
export interface SharedStoreOptions {
  /** Whose option the store is; stands in messages. */
  readonly owner: string;
  /** How long the store may take to answer. Default: `'25ms'`. */
  readonly deadline?: Duration | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

/**
 * A store that can take, and whose callers do not wait for long.
 *
 * @throws {RangeError} where the deadline makes no sense or the store cannot count.
 *
 * @example
 * ```ts
 * sharedStore(memoryStore(), { owner: 'gateway' }).name; // 'memory'
 * ```
 */
export function sharedStore(store: Store, options: SharedStoreOptions): TakingStore {
  const { owner, deadline = '25ms', clock = systemClock, random = Math.random } = options;
  if (durationOption(`${owner}.storeDeadline`, deadline) === 0) {
    throw new RangeError(`${owner}.storeDeadline: '${deadline}' has to be longer than 0`);
  }
  checkCounts(store, `${owner}.store`);
  const taking = takeByCompareAndSet(store, { clock, random });
  // A guarded store needs no second guard: it would only look later whether the store is back.
  if (store.capabilities.consistency === 'isolate' || 'available' in store) return taking;
  return guardedStore(taking, { deadline, clock, random }) as Store as TakingStore;
}
