/**
 * Values in Workers KV: read everywhere and fast, seen by others within a minute.
 *
 * @module
 */

import { type Clock, sleep, systemClock } from '../core/clock.ts';
import { knownOptions } from '../core/option.ts';
import {
  type Capabilities,
  type Entry,
  type SetOptions,
  type Store,
  StoreError,
} from './contract.ts';

/** What is used of a KV namespace. */
export interface KvNamespaceLike {
  getWithMetadata(
    key: string,
    options: { readonly type: 'text'; readonly cacheTtl?: number },
  ): Promise<{ readonly value: string | null; readonly metadata: unknown }>;
  put(
    key: string,
    value: string,
    options: { readonly expirationTtl?: number; readonly metadata: unknown },
  ): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Settings of {@link workersKvStore}. */
export interface WorkersKvStoreOptions {
  /** In front of every key. Default: `'fm:'`. */
  readonly prefix?: string;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1): isolates do not all write again at once. Default: `Math.random`. */
  readonly random?: () => number;
}

const capabilities: Capabilities = {
  consistency: 'eventual',
  staleMs: 60_000,
  minWriteMs: 1_000,
  minTtlMs: 60_000,
};

/** How far apart writes to one key are kept, in milliseconds: KV takes one a second. */
const writeSpacingMs = 1_100;

/** How many keys are remembered as just written. */
const mostRecentWrites = 1_000;

/** A write that waits for longer ended with the request that began it, in milliseconds. */
const longestWaitMs = 10_000;

/** How often a write is tried that KV refuses because somebody else wrote. */
const maxAttempts = 4;

/**
 * Makes a store of a KV namespace, for rules and for the votes of breakers.
 *
 * It cannot count: a read may be a minute old, and of two writes the later one stays. So it has no `take`, and refuses `if`.
 * Of several writes to one key that come too fast the last one is made, a second after the one before; all of them resolve
 * with it.
 *
 * @throws {TypeError} where there is no namespace.
 *
 * @example
 * ```ts
 * const kv = { getWithMetadata: async () => ({ value: 'open', metadata: { version: '1' } }) } as unknown as KvNamespaceLike;
 * await workersKvStore(kv).get('breaker'); // { value: 'open', version: '1' }
 * ```
 */
export function workersKvStore(
  namespace: KvNamespaceLike,
  options: WorkersKvStoreOptions = {},
): Store {
  knownOptions('workersKvStore', options, {
    prefix: true,
    clock: true,
    random: true,
  });
  if (typeof namespace?.getWithMetadata !== 'function') {
    throw new TypeError(
      'workersKvStore: there is no KV namespace; is its binding in wrangler.toml?',
    );
  }
  const { prefix = 'fm:', clock = systemClock, random = Math.random } = options;
  /** Writes that are to be made. */
  const pending = new Map<string, PendingWrite>();
  /** When a key was last written, on the monotonic clock. */
  const written = new Map<string, number>();

  async function flush(key: string, write: PendingWrite): Promise<string> {
    const last = written.get(key);
    const waitMs = last === undefined ? 0 : last + writeSpacingMs - clock.monotonic();
    if (waitMs > 0) await sleep(clock, waitMs, undefined);
    for (let attempt = 1; ; attempt++) {
      remember(key);
      // What comes from now on is a write of its own.
      if (pending.get(key) === write) pending.delete(key);
      try {
        return await put(key, write);
      } catch (error) {
        if (attempt === maxAttempts || !isTooFast(error)) throw error;
        // A later write must not be overtaken by this one.
        const newer = pending.get(key);
        if (newer !== undefined) return await newer.done;
        pending.set(key, write);
        write.since = clock.monotonic();
        await sleep(clock, writeSpacingMs * (1 + random()), undefined);
      }
    }
  }

  async function put(key: string, { value, ttlMs }: PendingWrite): Promise<string> {
    if (value === null) {
      await namespace.delete(prefix + key);
      return '';
    }
    const version = crypto.randomUUID();
    await namespace.put(prefix + key, value, {
      ...(ttlMs !== undefined && {
        expirationTtl: Math.ceil(Math.max(capabilities.minTtlMs, ttlMs) / 1_000),
      }),
      // KV itself keeps a value for a minute at least.
      metadata: { version, ...(ttlMs !== undefined && { expiresAt: clock.now() + ttlMs }) },
    });
    return version;
  }

  function remember(key: string): void {
    written.delete(key);
    written.set(key, clock.monotonic());
    if (written.size <= mostRecentWrites) return;
    const [oldest] = written.keys();
    written.delete(oldest as string);
  }

  return {
    name: 'Workers KV',
    capabilities,
    async get(key, { cacheMs } = {}): Promise<Entry | null> {
      const cacheTtl = cacheMs === undefined ? undefined : Math.max(30, Math.ceil(cacheMs / 1_000));
      const { value, metadata } = await namespace.getWithMetadata(prefix + key, {
        type: 'text',
        ...(cacheTtl !== undefined && { cacheTtl }),
      });
      if (value === null) return null;
      const { version = '', expiresAt = Number.POSITIVE_INFINITY } = (metadata ?? {}) as Metadata;
      return clock.now() < expiresAt ? { value, version } : null;
    },
    set(key, value, { ttlMs, if: version }: SetOptions = {}) {
      if (version !== undefined) {
        return Promise.reject(
          new StoreError('UNSUPPORTED', 'Workers KV is eventual: it cannot set under a condition'),
        );
      }
      const waiting = pending.get(key);
      if (waiting !== undefined && clock.monotonic() - waiting.since <= longestWaitMs) {
        waiting.value = value;
        waiting.ttlMs = ttlMs;
        return waiting.done;
      }
      const since = clock.monotonic();
      const write: PendingWrite = { value, ttlMs, since, done: Promise.resolve('') };
      pending.set(key, write);
      write.done = flush(key, write);
      return write.done;
    },
  };
}

interface PendingWrite {
  value: string | null;
  ttlMs: number | undefined;
  /** When it began to wait, on the monotonic clock. */
  since: number;
  done: Promise<string>;
}

interface Metadata {
  readonly version?: string;
  readonly expiresAt?: number;
}

function isTooFast(error: unknown): boolean {
  return /\b429\b|too many requests/i.test(String((error as Error)?.message ?? error));
}
