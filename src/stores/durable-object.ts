/**
 * State in Durable Objects: linearizable, close to a Worker's users, exact under any number of callers.
 *
 * @module
 */

import type { BaseClass, ExtendedClass } from '../core/extended-class.ts';
import { knownOptions, wholeOption } from '../core/option.ts';
import type { Capabilities, Entry, Grant, Limit, SetOptions, TakingStore } from './contract.ts';
import { believableState, depthOf, takeGcra } from './gcra.ts';

/** What is used of a namespace of Durable Objects. */
export interface DurableObjectNamespaceLike {
  idFromName(name: string): object;
  // biome-ignore lint/suspicious/noExplicitAny: an id is a type of its own in the types of Workers.
  get(id: any): unknown;
}

/** Settings of {@link durableObjectStore}. */
export interface DurableObjectStoreOptions {
  /**
   * How many objects share the keys. One object serves some 500 to 1,000 calls a second, and a key always meets the same
   * object. Another number forgets what was kept. Default: 16.
   */
  readonly shards?: number;
}

const capabilities: Capabilities = {
  consistency: 'linearizable',
  staleMs: 0,
  minWriteMs: 0,
  minTtlMs: 1,
};

/**
 * Makes a store of a namespace of Durable Objects whose class is made by {@link storeObject}.
 *
 * It cannot watch: who would, polls.
 *
 * @throws {TypeError} where there is no namespace.
 *
 * @example
 * ```ts
 * const object = { take: async () => ({ granted: 1, remaining: 4, retryMs: 0, resetMs: 200 }) };
 * const store = durableObjectStore({ idFromName: (name) => ({ name }), get: () => object });
 * (await store.take('ada', { quota: 5, windowMs: 1_000, burst: 5 }, 1, 1)).remaining; // 4
 * ```
 */
export function durableObjectStore(
  namespace: DurableObjectNamespaceLike,
  options: DurableObjectStoreOptions = {},
): TakingStore {
  knownOptions('durableObjectStore', options, {
    shards: true,
  });
  const { shards = 16 } = options;
  if (typeof namespace?.idFromName !== 'function') {
    throw new TypeError(
      'durableObjectStore: there is no namespace; is its binding in wrangler.toml?',
    );
  }
  wholeOption('durableObjectStore.shards', shards, 1);
  // Not kept: a stub belongs to the request that made it.
  const objectOf = (key: string): StoreObject =>
    namespace.get(namespace.idFromName(`fetchmesh:${hash(key) % shards}`)) as StoreObject;
  return {
    name: 'durable object',
    capabilities,
    get: async (key) => await objectOf(key).get(key),
    set: async (key, value, { ttlMs, if: version }: SetOptions = {}) =>
      await objectOf(key).set(key, value, {
        ...(ttlMs !== undefined && { ttlMs }),
        ...(version !== undefined && { if: version }),
      }),
    take: async (key, limit, n, min) => await objectOf(key).take(key, limit, n, min),
  };
}

/** FNV-1a: spreads keys, and protects nothing. */
function hash(key: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    sum = Math.imul(sum ^ key.charCodeAt(index), 0x01000193);
  }
  return sum >>> 0;
}

/** What is used of an object's storage, on SQLite or not. */
export interface ObjectStorage {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  delete(keys: string | string[]): Promise<unknown>;
  list(options: {
    prefix: string;
    limit: number;
    startAfter?: string;
  }): Promise<Map<string, unknown>>;
  getAlarm(): Promise<number | null>;
  setAlarm(at: number): Promise<void>;
}

/** What a {@link storeObject} does. */
export interface StoreObject {
  get(key: string): Promise<Entry | null>;
  set(key: string, value: string | null, options?: SetOptions): Promise<string | false>;
  take(key: string, limit: Limit, n: number, min: number): Promise<Grant>;
  alarm(): Promise<void>;
}

/** The class that {@link storeObject} makes: what the platform constructs. */
export type StoreObjectClass<Base extends BaseClass> = ExtendedClass<Base, StoreObject>;

/**
 * Makes the class of the objects, on the platform's own base class.
 *
 * A Worker exports it, and names it in `wrangler.toml` under `durable_objects.bindings` and `migrations`:
 *
 *     import { DurableObject } from 'cloudflare:workers';
 *     import { storeObject } from 'fetchmesh/stores/durable-object';
 *     export class Store extends storeObject(DurableObject) {}
 *
 * Limits live in memory. What is written is a reservation: a hundred units ahead, once in a hundred units, since writes are
 * what limits an object. An object that loses its memory has granted nothing too much; up to a hundred units of a limit may
 * be missing until they come back.
 *
 * @param base `DurableObject` of `cloudflare:workers`.
 *
 * @example
 * ```ts
 * const values = new Map<string, unknown>();
 * const storage = { get: async (key: string) => values.get(key), put: async () => {}, getAlarm: async () => 1 };
 * const Store = storeObject(class {});
 * const limit = { quota: 1, windowMs: 1_000, burst: 5 };
 * (await new Store({ storage }).take('ada', limit, 2, 2)).remaining; // 3
 * ```
 */
export function storeObject<Base extends BaseClass>(base: Base): StoreObjectClass<Base> {
  abstract class FetchmeshStoreObject extends base implements StoreObject {
    readonly #storage: ObjectStorage;
    readonly #limits = new Map<string, LimitState>();

    // biome-ignore lint/suspicious/noExplicitAny: what TypeScript asks of a class that extends one it does not know.
    constructor(...args: any[]) {
      super(...args);
      this.#storage = (args[0] as { storage: ObjectStorage }).storage;
    }

    async get(key: string): Promise<Entry | null> {
      const stored = (await this.#storage.get(`v:${key}`)) as StoredValue | undefined;
      if (stored === undefined) return null;
      const { value, version, expiresAt } = stored;
      return expiresAt === undefined || Date.now() < expiresAt ? { value, version } : null;
    }

    async set(key: string, value: string | null, options: SetOptions = {}) {
      const { ttlMs, if: version } = options;
      // No other call runs while storage is read: the platform's input gate.
      if (version !== undefined && version !== ((await this.get(key))?.version ?? null)) {
        return false;
      }
      if (value === null) {
        await this.#storage.delete(`v:${key}`);
        return '';
      }
      const stored: StoredValue = {
        value,
        version: crypto.randomUUID(),
        ...(ttlMs !== undefined && { expiresAt: Date.now() + ttlMs }),
      };
      await this.#put(`v:${key}`, stored);
      return stored.version;
    }

    async take(key: string, limit: Limit, n: number, min: number): Promise<Grant> {
      const state = this.#limits.get(key) ?? (await this.#load(key));
      const now = Date.now();
      const known = believableState(state.fullAt, state.depthMs, limit, now);
      const { grant, fullAt } = takeGcra(known, limit, n, min, now);
      if (n === 0) return grant;
      if (known !== state.fullAt) {
        state.fullAt = known;
        state.reservedUntil = Number.NEGATIVE_INFINITY;
      }
      if (n > 0 && grant.granted === 0) return grant;
      state.fullAt = fullAt;
      state.depthMs = depthOf(limit);
      if (fullAt > state.reservedUntil) {
        const unitMs = limit.windowMs / limit.quota;
        const furthest = now + limit.burst * unitMs;
        state.reservedUntil = Math.max(fullAt, Math.min(fullAt + reserve * unitMs, furthest));
        await this.#put(`t:${key}`, state.reservedUntil);
      }
      return grant;
    }

    /** Clears what has expired, and comes again as long as something is kept. */
    async alarm(): Promise<void> {
      const now = Date.now();
      for (const [key, { fullAt }] of this.#limits) if (fullAt <= now) this.#limits.delete(key);
      let kept = 0;
      for (const prefix of ['t:', 'v:']) kept += await this.#sweep(prefix, now);
      if (kept > 0) await this.#storage.setAlarm(now + sweepMs);
    }

    async #sweep(prefix: string, now: number): Promise<number> {
      let kept = 0;
      let startAfter: string | undefined;
      do {
        const page = { prefix, limit: pageSize, ...(startAfter !== undefined && { startAfter }) };
        const found = Array.from(await this.#storage.list(page));
        const expired = found.filter(([, stored]) => expiryOf(stored) <= now).map(([key]) => key);
        if (expired.length > 0) await this.#storage.delete(expired);
        kept += found.length - expired.length;
        startAfter = found.length === pageSize ? found.at(-1)?.[0] : undefined;
      } while (startAfter !== undefined);
      return kept;
    }

    async #load(key: string): Promise<LimitState> {
      const stored = (await this.#storage.get(`t:${key}`)) as number | undefined;
      // Another call may have been faster.
      const present = this.#limits.get(key);
      if (present !== undefined) return present;
      const state = {
        fullAt: stored ?? Number.NEGATIVE_INFINITY,
        // A reservation may lie deeper than any limit asked for now.
        depthMs: Number.POSITIVE_INFINITY,
        reservedUntil: stored ?? Number.NEGATIVE_INFINITY,
      };
      if (this.#limits.size >= mostLimits) {
        const [oldest] = this.#limits.keys();
        // Its reservation is in storage: forgetting it grants nothing.
        this.#limits.delete(oldest as string);
      }
      this.#limits.set(key, state);
      return state;
    }

    async #put(key: string, value: unknown): Promise<void> {
      await this.#storage.put(key, value);
      if ((await this.#storage.getAlarm()) === null) {
        await this.#storage.setAlarm(Date.now() + sweepMs);
      }
    }
  }
  return FetchmeshStoreObject as unknown as StoreObjectClass<Base>;
}

interface LimitState {
  /** See `takeGcra`. */
  fullAt: number;
  /** See `believableState`. */
  depthMs: number;
  /** What storage holds in its place. */
  reservedUntil: number;
}

interface StoredValue extends Entry {
  readonly expiresAt?: number;
}

/** How many units are reserved by one write. */
const reserve = 100;

/** How many limits an object keeps in memory. */
const mostLimits = 65_536;

/** As many keys as one removal takes. */
const pageSize = 128;

/** How often an object looks for what has expired, in milliseconds. */
const sweepMs = 3_600_000;

/** A limit is stored as the moment from which it need not be; a value may have one. */
function expiryOf(stored: unknown): number {
  return typeof stored === 'number'
    ? stored
    : ((stored as StoredValue).expiresAt ?? Number.POSITIVE_INFINITY);
}
