/**
 * A store in the memory of this process, or of this isolate: the default of every policy that keeps state.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { knownOptions, wholeOption } from '../core/option.ts';
import type { Capabilities, Entry, Grant, Limit, SetOptions, Store } from './contract.ts';
import { takeGcra } from './gcra.ts';

/** Settings of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * How many limits are kept, and how many values. Beyond it the limit goes that has the least left to forgive, so a
   * flood of new keys cannot make the store forget a spent quota. Default: 65536, some 8 MB when full.
   */
  readonly capacity?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1), asked only where the store is full. Default: `Math.random`. */
  readonly random?: () => number;
}

/** A store that answers at once, without promises. */
export interface MemoryStore extends Store {
  get(key: string): Entry | null;
  set(key: string, value: string | null, options?: SetOptions): string | false;
  take(key: string, limit: Limit, n: number, min: number): Grant;
  watch(key: string, changed: (entry: Entry | null) => void, signal: AbortSignal): void;
  /** How many limits and values are kept now. */
  readonly size: number;
}

const capabilities: Capabilities = {
  consistency: 'isolate',
  staleMs: 0,
  minWriteMs: 0,
  minTtlMs: 0,
};

/**
 * Makes a store in memory. Instances do not see each other's.
 *
 * No timer runs: what expired is forgotten when its key or its room is wanted.
 *
 * @throws {RangeError} for a capacity that is no whole number above 0.
 *
 * @example
 * ```ts
 * const store = memoryStore();
 * const limit = { quota: 10, windowMs: 1_000, burst: 1 };
 * store.take('ada', limit, 1, 1).granted; // 1
 * store.take('ada', limit, 1, 1).granted; // 0
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  knownOptions('memoryStore', options, {
    capacity: true,
    clock: true,
    random: true,
  });
  const { capacity = 65_536, clock = systemClock, random = Math.random } = options;
  wholeOption('memoryStore.capacity', capacity, 1);
  const limits = new Limits(capacity, random);
  const values = new Values(capacity);
  return {
    name: 'memory',
    capabilities,
    get: (key) => values.get(key, clock.monotonic()),
    set: (key, value, settings = {}) => values.set(key, value, settings, clock.monotonic()),
    take: (key, limit, n, min) => limits.take(key, limit, n, min, clock.monotonic()),
    watch: (key, changed, signal) => values.watch(key, changed, signal),
    get size() {
      return limits.size + values.size;
    },
  };
}

/** How many limits are looked at to find one to forget. */
const samples = 8;

/** The states of limits: numbers in an array, since a client can make many. */
class Limits {
  readonly #capacity: number;
  readonly #random: () => number;
  readonly #slots = new Map<string, number>();
  readonly #keys: string[] = [];
  #fullAt = new Float64Array(64);

  constructor(capacity: number, random: () => number) {
    this.#capacity = capacity;
    this.#random = random;
  }

  get size(): number {
    return this.#slots.size;
  }

  take(key: string, limit: Limit, n: number, min: number, now: number): Grant {
    const slot = this.#slots.get(key);
    const state = slot === undefined ? undefined : this.#fullAt[slot];
    const { grant, fullAt } = takeGcra(state, limit, n, min, now);
    if (n === 0 || (n > 0 && grant.granted === 0)) return grant;
    if (slot !== undefined) this.#fullAt[slot] = fullAt;
    else if (fullAt > now) this.#keep(key, fullAt);
    return grant;
  }

  #keep(key: string, fullAt: number): void {
    const count = this.#keys.length;
    const slot = count < this.#capacity ? count : this.#forget();
    if (slot === this.#fullAt.length) {
      const larger = new Float64Array(Math.min(2 * slot, this.#capacity));
      larger.set(this.#fullAt);
      this.#fullAt = larger;
    }
    this.#keys[slot] = key;
    this.#fullAt[slot] = fullAt;
    this.#slots.set(key, slot);
  }

  /** Frees the slot, of a few by chance, whose bucket is full first: who asks often is remembered. */
  #forget(): number {
    let chosen = this.#anySlot();
    for (let sample = 1; sample < samples; sample++) {
      const slot = this.#anySlot();
      if ((this.#fullAt[slot] as number) < (this.#fullAt[chosen] as number)) chosen = slot;
    }
    this.#slots.delete(this.#keys[chosen] as string);
    return chosen;
  }

  #anySlot(): number {
    return Math.floor(this.#random() * this.#keys.length);
  }
}

interface Value extends Entry {
  readonly expiresAt: number;
}

type Listener = (entry: Entry | null) => void;

class Values {
  readonly #capacity: number;
  readonly #values = new Map<string, Value>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #versions = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string, now: number): Value | null {
    const value = this.#values.get(key);
    if (value === undefined) return null;
    if (now < value.expiresAt) return value;
    this.#values.delete(key);
    return null;
  }

  set(key: string, value: string | null, options: SetOptions, now: number): string | false {
    const present = this.get(key, now);
    if (options.if !== undefined && options.if !== (present?.version ?? null)) return false;
    this.#values.delete(key);
    if (value === null) {
      this.#tell(key, null);
      return '';
    }
    if (this.#values.size >= this.#capacity) this.#makeRoom(now);
    const version = String(++this.#versions);
    const entry = { value, version, expiresAt: now + (options.ttlMs ?? Number.POSITIVE_INFINITY) };
    this.#values.set(key, entry);
    this.#tell(key, entry);
    return version;
  }

  watch(key: string, changed: Listener, signal: AbortSignal): void {
    if (signal.aborted) return;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(changed));
    const stop = (): void => {
      listeners.delete(changed);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) {
        this.#listeners.delete(key);
      }
    };
    signal.addEventListener('abort', stop, { once: true });
  }

  /** Forgets what expired, or else what was written longest ago. */
  #makeRoom(now: number): void {
    for (const [key, { expiresAt }] of this.#values) {
      if (expiresAt <= now) this.#values.delete(key);
    }
    if (this.#values.size < this.#capacity) return;
    const [oldest] = this.#values.keys();
    this.#values.delete(oldest as string);
  }

  #tell(key: string, entry: Entry | null): void {
    for (const changed of this.#listeners.get(key) ?? []) {
      try {
        changed(entry);
      } catch {
        // One that watches must not keep the others, or the writer, from going on.
      }
    }
  }
}
