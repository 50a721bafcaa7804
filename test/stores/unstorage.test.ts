import { createStorage } from 'unstorage';
import { describe, expect, test } from 'vitest';
import { breakerFleet } from '../../src/policies/breaker/fleet/fleet.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { publishRules, storeRules } from '../../src/rules/sources/store.ts';
import { storeChecks } from '../../src/stores/conformance.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { leasedStore } from '../../src/stores/leased.ts';
import { type UnstorageLike, unstorageStore } from '../../src/stores/unstorage.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('unstorageStore holds what an eventual store has to hold', () => {
  const checks = storeChecks(unstorageStore(createStorage(), { staleMs: 0 }));
  test.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run());

  test('and that is all: it neither counts nor watches', () => {
    expect(checks).toHaveLength(8);
  });
});

describe('unstorageStore', () => {
  test('declares what it was told of its driver', () => {
    const storage = createStorage();
    expect(unstorageStore(storage).capabilities).toEqual({
      ...{ consistency: 'eventual', staleMs: 60_000, minWriteMs: 0, minTtlMs: 0 },
    });
    const told = unstorageStore(storage, { staleMs: 5_000, minWriteMs: 1_000 });
    expect(told.capabilities).toMatchObject({ staleMs: 5_000, minWriteMs: 1_000 });
  });

  test('keeps keys apart that drivers would take for one', async () => {
    const store = unstorageStore(createStorage());
    const keys = ['a/b', 'a:b', 'a\\b', 'a?b', 'a', '/a', 'a/'];
    for (const key of keys) await store.set(key, key);
    const values = await Promise.all(keys.map(async (key) => (await store.get(key))?.value));
    expect(values).toEqual(keys);
  });

  test('ends a value by its own clock, whether the driver does or not', async () => {
    const clock = new VirtualClock();
    const store = unstorageStore(createStorage(), { clock });
    await store.set('k', 'one', { ttlMs: 500 });
    await clock.advance(499);
    expect((await store.get('k'))?.value).toBe('one');
    await clock.advance(1);
    expect(await store.get('k')).toBeNull();
  });

  test.each([['a text'], [7], [{ value: 'no version' }], [null]])(
    'passes over what somebody else wrote: %j',
    async (foreign) => {
      const storage = createStorage();
      await storage.setItem('fetchmesh:k', foreign);
      expect(await unstorageStore(storage).get('k')).toBeNull();
    },
  );

  test('holds rules', async () => {
    const store = unstorageStore(createStorage());
    const { rules } = parseRules('routes: [{ path: /**, timeout: 3s }]');
    if (rules === undefined) throw new Error('no rules');
    expect(await publishRules(store, rules)).toBe(1);
    expect(await publishRules(store, rules)).toBe(2);
    expect((await storeRules(store).latest(AbortSignal.timeout(5_000)))?.revision).toBe(2);
  });

  test('holds the votes of breakers', async () => {
    const store = unstorageStore(createStorage());
    expect(() => breakerFleet({ store, adopt: 'quorum' })).toThrow(/nobody knows who lives/);
    await breakerFleet({ store }).sync();
  });

  test('ST-06 is refused by all that counts, and told what to use', () => {
    const store = unstorageStore(createStorage());
    const one = { limit: 1, per: '1s' } as const;
    const alternatives = /cannot count; use one with `take` \(Redis, a Durable Object, Deno KV\)/;
    expect(() => rateLimit(one, { store })).toThrow(alternatives);
    expect(() => exactStore(store as never)).toThrow(alternatives);
    expect(() => leasedStore(store as never)).toThrow(alternatives);
  });

  test('says what is missing where there is no storage', () => {
    expect(() => unstorageStore(undefined as never as UnstorageLike)).toThrow(
      'unstorageStore: there is no storage; pass createStorage({ driver })',
    );
  });
});
