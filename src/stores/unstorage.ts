/**
 * Values in whatever unstorage has a driver for: files, S3, Vercel, Azure, Netlify …
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { knownOptions } from '../core/option.ts';
import {
  type Capabilities,
  type Entry,
  type SetOptions,
  type Store,
  StoreError,
} from './contract.ts';

/** What is used of a `Storage` of unstorage. */
export interface UnstorageLike {
  getItem(key: string): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: a type of its own in unstorage.
  setItem(key: string, value: any): Promise<void>;
  removeItem(key: string): Promise<void>;
}

/** Settings of {@link unstorageStore}. */
export interface UnstorageStoreOptions {
  /** In front of every key, as a folder. Default: `'fetchmesh'`. */
  readonly prefix?: string;
  /**
   * How old what the driver answers may be, in milliseconds: 0 for files of one machine and databases that are asked
   * directly. Default: 60000, as of the slowest that there are.
   */
  readonly staleMs?: number;
  /** How far apart the driver wants writes to one key, in milliseconds. Default: 0. */
  readonly minWriteMs?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/**
 * Makes a store of a `Storage`, for rules and for the votes of breakers.
 *
 * It cannot count: unstorage reads and writes, and of two writes at the same time one is lost. So it has no `take`, refuses
 * `if`, and every policy that counts refuses it. Instances that write each other's votes over write them again.
 *
 * @throws {TypeError} where there is no storage.
 *
 * @example
 * ```ts
 * const values = new Map<string, unknown>();
 * const storage = {
 *   getItem: async (key: string) => values.get(key) ?? null,
 *   setItem: async (key: string, value: unknown) => void values.set(key, value),
 *   removeItem: async (key: string) => void values.delete(key),
 * };
 * // In place of it, createStorage({ driver }) of unstorage.
 * const store = unstorageStore(storage);
 * await store.set('rules/shop', 'one');
 * (await store.get('rules/shop'))?.value; // 'one'
 * ```
 */
export function unstorageStore(storage: UnstorageLike, options: UnstorageStoreOptions = {}): Store {
  knownOptions('unstorageStore', options, {
    prefix: true,
    staleMs: true,
    minWriteMs: true,
    clock: true,
  });
  if (typeof storage?.getItem !== 'function') {
    throw new TypeError('unstorageStore: there is no storage; pass createStorage({ driver })');
  }
  const { prefix = 'fetchmesh', staleMs = 60_000, minWriteMs = 0, clock = systemClock } = options;
  const capabilities: Capabilities = { consistency: 'eventual', staleMs, minWriteMs, minTtlMs: 0 };
  // Drivers take ':' and '/' for folders and '?' for an end: as they stand keys would meet.
  const keyOf = (key: string): string => `${prefix}:${encodeURIComponent(key)}`;
  return {
    name: 'unstorage',
    capabilities,
    async get(key): Promise<Entry | null> {
      const stored = await storage.getItem(keyOf(key));
      if (!isStored(stored)) return null;
      const { value, version, expiresAt = Number.POSITIVE_INFINITY } = stored;
      return clock.now() < expiresAt ? { value, version } : null;
    },
    async set(key, value, { ttlMs, if: version }: SetOptions = {}) {
      if (version !== undefined) {
        throw new StoreError('UNSUPPORTED', 'unstorage cannot set under a condition');
      }
      if (value === null) {
        await storage.removeItem(keyOf(key));
        return '';
      }
      const stored: Stored = {
        value,
        version: crypto.randomUUID(),
        // Few drivers know an end of their own.
        ...(ttlMs !== undefined && { expiresAt: clock.now() + ttlMs }),
      };
      await storage.setItem(keyOf(key), stored);
      return stored.version;
    },
  };
}

interface Stored extends Entry {
  readonly expiresAt?: number;
}

/** Somebody else may have written there. */
function isStored(stored: unknown): stored is Stored {
  if (typeof stored !== 'object' || stored === null) return false;
  const { value, version } = stored as Partial<Stored>;
  return typeof value === 'string' && typeof version === 'string';
}
