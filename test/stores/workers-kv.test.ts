import { describe, expect, test } from 'vitest';
import { storeChecks } from '../../src/stores/conformance.ts';
import { type KvNamespaceLike, workersKvStore } from '../../src/stores/workers-kv.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type Put = { key: string; value: string; at: number; expirationTtl: number | undefined };

/** A namespace that refuses what comes within a second of the last write to a key, as KV does. */
function namespace(clock: VirtualClock) {
  const values = new Map<string, { value: string; metadata: unknown }>();
  const puts: Put[] = [];
  const kv: KvNamespaceLike = {
    async getWithMetadata(key) {
      return values.get(key) ?? { value: null, metadata: null };
    },
    async put(key, value, { expirationTtl, metadata }) {
      const at = clock.monotonic();
      const last = puts.findLast((put) => put.key === key);
      if (last !== undefined && at - last.at < 1_000) {
        throw new Error('KV PUT failed: 429 Too Many Requests');
      }
      puts.push({ key, value, at, expirationTtl });
      values.set(key, { value, metadata });
    },
    async delete(key) {
      values.delete(key);
    },
  };
  return { kv, puts, values };
}

function seeded() {
  const clock = new VirtualClock();
  const { kv, puts, values } = namespace(clock);
  return { clock, puts, values, kv, store: workersKvStore(kv, { clock, random: () => 0 }) };
}

describe('workersKvStore holds what an eventual store has to hold', () => {
  const { store, clock } = seeded();
  const checks = storeChecks(store, { wait: (ms) => clock.advance(ms) });
  test.each(checks.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    let ended = false;
    const running = run().finally(() => {
      ended = true;
    });
    running.catch(() => {});
    while (!ended) await clock.advance(100);
    await running;
  });
});

describe('workersKvStore', () => {
  test('FT-18 of writes that come too fast the last one is made, a second after the one before', async () => {
    const { store, clock, puts } = seeded();
    const versions = ['one', 'two', 'three', 'four'].map((value) => store.set('vote', value));
    await clock.advance(2_000);
    expect(puts.map(({ value, at }) => [value, at - (puts[0]?.at as number)])).toEqual([
      ['one', 0],
      ['four', 1_100],
    ]);
    const [, second, third, fourth] = await Promise.all(versions);
    expect([second, third]).toEqual([fourth, fourth]);
  });

  test('FT-18 a write that KV refuses because another isolate wrote is made again', async () => {
    const { clock, kv, puts } = seeded();
    const mine = workersKvStore(kv, { clock, random: () => 0 });
    const other = workersKvStore(kv, { clock, random: () => 0.5 });
    await mine.set('vote', 'mine');
    const writing = other.set('vote', 'other');
    await clock.advance(3_000);
    expect(await writing).toMatch(/^[\w-]{36}$/);
    expect(puts.map(({ value }) => value)).toEqual(['mine', 'other']);
  });

  test('a write that was refused does not overtake the one after it', async () => {
    const { clock, kv, puts } = seeded();
    await workersKvStore(kv, { clock }).set('vote', 'of another');
    const store = workersKvStore(kv, { clock, random: () => 0.9 });
    const first = store.set('vote', 'first');
    await clock.advance(1);
    const second = store.set('vote', 'second');
    await clock.advance(10_000);
    expect(puts.map(({ value }) => value)).toEqual(['of another', 'second']);
    expect(await first).toBe(await second);
  });

  test('FT-18 gives up where KV goes on refusing, and says so', async () => {
    const { clock, kv } = seeded();
    let refused = 0;
    const store = workersKvStore(
      {
        ...kv,
        put: async () => {
          refused += 1;
          throw new Error('KV PUT failed: 429 Too Many Requests');
        },
      },
      { clock, random: () => 0 },
    );
    const writing = Promise.resolve(store.set('vote', 'x')).catch((error: Error) => error.message);
    await clock.advance(60_000);
    expect(await writing).toContain('429');
    expect(refused).toBe(4);
    expect(clock.pending).toBe(0);
  });

  test('asks KV for a minute at least, and keeps the moment of expiry itself', async () => {
    const { store, clock, puts } = seeded();
    await store.set('vote', 'open', { ttlMs: 5_000 });
    expect(puts[0]?.expirationTtl).toBe(60);
    expect((await store.get('vote'))?.value).toBe('open');
    await clock.advance(5_000);
    expect(await store.get('vote')).toBeNull();
  });

  test('cannot take', () => {
    expect(seeded().store.take).toBeUndefined();
  });

  test('ST-06 refuses a condition', async () => {
    const refused = Promise.resolve(seeded().store.set('k', 'v', { if: null }));
    await expect(refused).rejects.toMatchObject({ name: 'StoreError', code: 'UNSUPPORTED' });
  });

  test('reads what others wrote without a version', async () => {
    const { store, values } = seeded();
    values.set('fm:rules', { value: 'by hand', metadata: null });
    expect(await store.get('rules')).toEqual({ value: 'by hand', version: '' });
  });

  test('says what is missing where there is no namespace', () => {
    expect(() => workersKvStore(undefined as never)).toThrow(
      'workersKvStore: there is no KV namespace; is its binding in wrangler.toml?',
    );
  });
});
