/**
 * What every store has to hold, as checks that any test runner can run: the proof of an adapter.
 *
 * @module
 */

import { type Entry, isStoreError, type Limit, type Store, type TakingStore } from './contract.ts';

/** One thing that a store has to hold. */
export interface StoreCheck {
  readonly name: string;
  /** Rejects with an `Error` that says what was seen in place of what. */
  run(): Promise<void>;
}

/** Settings of {@link storeChecks}. */
export interface StoreChecksOptions {
  /** Waits so many milliseconds on the store's clock. Default: a timer of the runtime. */
  readonly wait?: (ms: number) => Promise<void>;
  /** How long a change may take to be seen, in milliseconds. Default: 2000. */
  readonly patienceMs?: number;
}

/**
 * The checks for what a store declares that it can do.
 *
 * Keys are new in every run, so the store may be one that others use.
 *
 * @param make The store to check, made or connected once.
 *
 * @example
 * ```ts
 * const checks = storeChecks(memoryStore());
 * for (const { run } of checks) await run();
 * checks.length; // 19
 * ```
 */
export function storeChecks(store: Store, options: StoreChecksOptions = {}): readonly StoreCheck[] {
  const bench = new Bench(store, options);
  const { consistency } = store.capabilities;
  return [
    ...registerChecks(bench),
    ...(consistency === 'eventual' ? eventualChecks(bench) : compareAndSetChecks(bench)),
    ...(store.take === undefined ? [] : takeChecks(bench, store as TakingStore)),
    ...(store.watch === undefined ? [] : watchChecks(bench)),
  ];
}

/** What the checks share. */
class Bench {
  readonly store: Store;
  readonly wait: (ms: number) => Promise<void>;
  readonly patienceMs: number;

  constructor(store: Store, options: StoreChecksOptions) {
    this.store = store;
    this.wait = options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    this.patienceMs = options.patienceMs ?? 2_000;
  }

  readonly key = (): string => `fetchmesh-check:${crypto.randomUUID()}`;

  /** Asks until it holds, for as long as the store may lag behind. */
  readonly eventually = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const stepMs = 10;
    const most = this.patienceMs + this.store.capabilities.staleMs;
    for (let waitedMs = 0; waitedMs <= most; waitedMs += stepMs) {
      if (await holds()) return;
      await this.wait(stepMs);
    }
    throw new Error(`${what}: not within ${most} ms`);
  };
}

function registerChecks(bench: Bench): readonly StoreCheck[] {
  const { store } = bench;
  const seen = async (key: string, value: string | null): Promise<boolean> =>
    ((await store.get(key))?.value ?? null) === value;
  return [
    check('a key that was never set is null', async () => {
      equal('get', await store.get(bench.key()), null);
    }),
    check('a value is read back under the version that set returned', async () => {
      const key = bench.key();
      const version = await store.set(key, 'one');
      await bench.eventually('get after set', () => seen(key, 'one'));
      equal('version', (await store.get(key))?.version, version);
    }),
    check('every write has a version of its own', async () => {
      const key = bench.key();
      const first = await store.set(key, 'one');
      await bench.wait(store.capabilities.minWriteMs);
      const second = await store.set(key, 'one');
      equal('the same version twice', first === second, false);
    }),
    check('any text comes back as it was', async () => {
      const key = bench.key();
      const text = `{"a":"\u0000\n\u2028 🍋 ${'x'.repeat(20_000)}"}`;
      await store.set(key, text);
      await bench.eventually('get after set', () => seen(key, text));
    }),
    check('null removes a value', async () => {
      const key = bench.key();
      await store.set(key, 'one');
      await bench.wait(store.capabilities.minWriteMs);
      await store.set(key, null);
      await bench.eventually('get after removal', () => seen(key, null));
    }),
    check('a value with a ttl is gone after it', async () => {
      if (store.capabilities.minTtlMs > bench.patienceMs) return;
      const key = bench.key();
      const ttlMs = Math.max(100, store.capabilities.minTtlMs);
      await store.set(key, 'one', { ttlMs });
      await bench.wait(ttlMs);
      await bench.eventually('get after the ttl', () => seen(key, null));
    }),
  ];
}

function eventualChecks({ store, key }: Bench): readonly StoreCheck[] {
  return [
    check('refuses to set under a condition, which would hold nothing', async () => {
      const settings = { if: null };
      const answer = (async () => await store.set(key(), 'one', settings))();
      const error = await answer.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      equal('a StoreError UNSUPPORTED', isStoreError(error) && error.code, 'UNSUPPORTED');
    }),
    check('has no take: counting on it would grant everyone everything', async () => {
      equal('take', store.take, undefined);
    }),
  ];
}

function compareAndSetChecks(bench: Bench): readonly StoreCheck[] {
  const { store } = bench;
  const racers = Array.from({ length: 20 }, (_, index) => String(index));
  const winners = (answers: readonly (string | false)[]): number =>
    answers.filter((answer) => answer !== false).length;
  return [
    check('sets where the version is the one that was read, and only there', async () => {
      const key = bench.key();
      const first = (await store.set(key, 'one', { if: null })) as string;
      equal('a second creation', await store.set(key, 'two', { if: null }), false);
      const second = (await store.set(key, 'two', { if: first })) as string;
      equal('a write on an old version', await store.set(key, 'three', { if: first }), false);
      equal('a removal on an old version', await store.set(key, null, { if: first }), false);
      equal('value', (await store.get(key))?.value, 'two');
      equal('a removal that lost', (await store.set(key, null, { if: second })) === false, false);
    }),
    check('one of many creations at once wins', async () => {
      const key = bench.key();
      const answers = racers.map(async (value) => await store.set(key, value, { if: null }));
      equal('winners', winners(await Promise.all(answers)), 1);
    }),
    check('one of many writes on one version wins', async () => {
      const key = bench.key();
      const version = (await store.set(key, 'start')) as string;
      const answers = racers.map(async (value) => await store.set(key, value, { if: version }));
      equal('winners', winners(await Promise.all(answers)), 1);
    }),
    check('a key that was removed and set again has another version', async () => {
      const key = bench.key();
      const first = (await store.set(key, 'one')) as string;
      await store.set(key, null);
      const second = await store.set(key, 'one');
      equal('the same version twice', first === second, false);
      equal('a write on the old version', await store.set(key, 'two', { if: first }), false);
    }),
  ];
}

/** A day for one unit: nothing comes back while a check runs. */
const day = (burst: number): Limit => ({ quota: 1, windowMs: 86_400_000, burst });

function takeChecks(bench: Bench, store: TakingStore): readonly StoreCheck[] {
  return [
    check('as many callers at once as the burst has units get one', async () => {
      const key = bench.key();
      const calls = Array.from({ length: 200 }, async () => await store.take(key, day(50), 1, 1));
      const grants = await Promise.all(calls);
      equal('granted', grants.filter(({ granted }) => granted === 1).length, 50);
    }),
    check('one of 64 callers is elected where the burst is 1', async () => {
      const key = bench.key();
      const calls = Array.from({ length: 64 }, async () => await store.take(key, day(1), 1, 1));
      equal('elected', (await Promise.all(calls)).filter(({ granted }) => granted > 0).length, 1);
    }),
    check('grants what there is from `min` to `n`, and nothing below `min`', async () => {
      const key = bench.key();
      equal('granted', (await store.take(key, day(5), 3, 3)).granted, 3);
      equal('granted of 3, at least 3', (await store.take(key, day(5), 3, 3)).granted, 0);
      equal('granted of 3, at least 1', (await store.take(key, day(5), 3, 1)).granted, 2);
      equal('remaining', (await store.take(key, day(5), 0, 0)).remaining, 0);
    }),
    check('units given back can be taken again, and never fill above the burst', async () => {
      const key = bench.key();
      await store.take(key, day(4), 4, 4);
      await store.take(key, day(4), -2, 0);
      equal('remaining', (await store.take(key, day(4), 0, 0)).remaining, 2);
      await store.take(key, day(4), -9, 0);
      equal('remaining at most', (await store.take(key, day(4), 0, 0)).remaining, 4);
    }),
    check('looking takes nothing', async () => {
      const key = bench.key();
      for (let look = 0; look < 3; look++) await store.take(key, day(1), 0, 0);
      equal('granted', (await store.take(key, day(1), 1, 1)).granted, 1);
    }),
    check('says that more than the burst is never to be had', async () => {
      const grant = await store.take(bench.key(), day(5), 6, 6);
      equal('granted', grant.granted, 0);
      equal('retryMs', grant.retryMs, Number.POSITIVE_INFINITY);
    }),
    check('grants after retryMs what it refused before', async () => {
      const key = bench.key();
      const limit = { quota: 1, windowMs: 1_000, burst: 1 };
      await store.take(key, limit, 1, 1);
      const { granted, retryMs } = await store.take(key, limit, 1, 1);
      equal('granted', granted, 0);
      equal('retryMs from 1 to 1000', retryMs > 0 && retryMs <= 1_000, true);
      await bench.wait(Math.ceil(retryMs) + 1);
      equal('granted after retryMs', (await store.take(key, limit, 1, 1)).granted, 1);
    }),
    check('a limit and a value of one name do not meet', async () => {
      const key = bench.key();
      await store.take(key, day(1), 1, 1);
      equal('get', await store.get(key), null);
      await store.set(key, 'one');
      equal('granted', (await store.take(key, day(1), 1, 1)).granted, 0);
    }),
  ];
}

function watchChecks({ store, key, eventually }: Bench): readonly StoreCheck[] {
  return [
    check('tells who watches of a change, and of no other key', async () => {
      const watching = new AbortController();
      const watched = key();
      const seen: (string | null)[] = [];
      await store.watch?.(
        watched,
        (entry: Entry | null) => seen.push(entry?.value ?? null),
        watching.signal,
      );
      await store.set(key(), 'other');
      await store.set(watched, 'one');
      await eventually('the change', async () => seen.includes('one'));
      await store.set(watched, null);
      await eventually('the removal', async () => seen.at(-1) === null);
      equal('the other key was told', seen.includes('other'), false);
      watching.abort();
    }),
  ];
}

function check(name: string, run: () => Promise<void>): StoreCheck {
  return { name, run };
}

function equal(what: string, seen: unknown, wanted: unknown): void {
  if (!Object.is(seen, wanted)) {
    throw new Error(
      `${what}: ${JSON.stringify(seen) ?? String(seen)} in place of ${String(wanted)}`,
    );
  }
}
