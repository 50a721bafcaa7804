/**
 * State in Deno KV, local or on Deno Deploy.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { knownOptions } from '../core/option.ts';
import { takeByCompareAndSet } from './compare-and-set.ts';
import type { Capabilities, Entry, SetOptions, Store, TakingStore } from './contract.ts';

/** What is used of what `Deno.openKv` brings, or of `@deno/kv` elsewhere. */
export interface DenoKvLike {
  get(key: readonly string[]): Promise<DenoKvEntryLike>;
  atomic(): DenoKvAtomicLike;
  watch(keys: readonly (readonly string[])[]): ReadableStream<DenoKvEntryLike[]>;
  close(): void;
}

/** A value and its version, both `null` where there is none. */
export interface DenoKvEntryLike {
  readonly value: unknown;
  readonly versionstamp: string | null;
}

/** A transaction. */
export interface DenoKvAtomicLike {
  check(check: { key: string[]; versionstamp: string | null }): DenoKvAtomicLike;
  set(key: string[], value: unknown, options?: { expireIn?: number }): DenoKvAtomicLike;
  delete(key: string[]): DenoKvAtomicLike;
  commit(): Promise<{ readonly ok: boolean; readonly versionstamp?: string }>;
}

/** Settings of {@link denoKvStore}. */
export interface DenoKvStoreOptions {
  /** First part of every key. Default: `'fetchmesh'`. */
  readonly prefix?: string;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1) that spreads the attempts of several instances. Default: `Math.random`. */
  readonly random?: () => number;
  /** See `takeByCompareAndSet`. Default: nobody is told. */
  readonly onClockAhead?: (aheadMs: number) => void;
}

const capabilities: Capabilities = {
  consistency: 'linearizable',
  staleMs: 0,
  minWriteMs: 0,
  minTtlMs: 1,
};

/** Several processes on one local file lock each other out for a moment. */
const lockAttempts = 5;

/**
 * Makes a store of Deno KV. Limits are kept by compare-and-set, so the note on clocks of `takeByCompareAndSet` holds.
 *
 * @example
 * ```ts
 * const kv = { get: async () => ({ value: { text: 'open' }, versionstamp: '1' }) } as unknown as DenoKvLike;
 * await denoKvStore(kv).get('breaker'); // { value: 'open', version: '1' }
 * ```
 */
export function denoKvStore(kv: DenoKvLike, options: DenoKvStoreOptions = {}): TakingStore {
  knownOptions('denoKvStore', options, {
    prefix: true,
    clock: true,
    random: true,
    onClockAhead: true,
  });
  const { prefix = 'fetchmesh', clock = systemClock, random = Math.random } = options;
  const { onClockAhead } = options;
  const keyOf = (key: string): string[] => [prefix, key];

  /** Deno removes what expired some time later, so the moment is kept with the value. */
  function entryOf({ value, versionstamp }: DenoKvEntryLike): Entry | null {
    if (versionstamp === null) return null;
    const { text, expiresAt = Number.POSITIVE_INFINITY } = value as StoredText;
    return clock.now() < expiresAt ? { value: text, version: versionstamp } : null;
  }

  async function set(
    key: string,
    value: string | null,
    { ttlMs, if: version }: SetOptions = {},
  ): Promise<string | false> {
    const transaction = kv.atomic();
    if (version !== undefined) {
      const present = await kv.get(keyOf(key));
      if (version !== (entryOf(present)?.version ?? null)) return false;
      // An entry that expired but is there still has a version all the same.
      transaction.check({ key: keyOf(key), versionstamp: present.versionstamp });
    }
    if (value === null) transaction.delete(keyOf(key));
    else if (ttlMs === undefined) transaction.set(keyOf(key), { text: value });
    else {
      const stored: StoredText = { text: value, expiresAt: clock.now() + ttlMs };
      transaction.set(keyOf(key), stored, { expireIn: Math.max(1, Math.ceil(ttlMs)) });
    }
    const { ok, versionstamp } = await transaction.commit();
    return ok && (value === null ? '' : (versionstamp ?? ''));
  }

  let isClosed = false;
  const store: Store = {
    name: 'Deno KV',
    capabilities,
    get: (key) => unlocked(async () => entryOf(await kv.get(keyOf(key)))),
    set: (key, value, settings) => unlocked(() => set(key, value, settings)),
    watch(key, changed, signal) {
      if (signal.aborted) return;
      const reader = kv.watch([keyOf(key)]).getReader();
      const stop = (): void => void reader.cancel().catch(() => {});
      signal.addEventListener('abort', stop, { once: true });
      void follow(reader, ([entry]) => {
        if (entry !== undefined && !signal.aborted) changed(entryOf(entry));
      });
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      kv.close();
    },
  };
  return takeByCompareAndSet(store, { clock, random, ...(onClockAhead && { onClockAhead }) });
}

interface StoredText {
  readonly text: string;
  readonly expiresAt?: number;
}

async function unlocked<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const isLocked = String((error as Error)?.message).includes('database is locked');
      if (!isLocked || attempt === lockAttempts) throw error;
    }
  }
}

async function follow<T>(
  reader: ReadableStreamDefaultReader<T>,
  changed: (value: T) => void,
): Promise<void> {
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      changed(next.value);
    }
  } catch {
    // The database was closed. Whoever watches polls as well.
  }
}
