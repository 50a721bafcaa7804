import { describe, expect, test } from 'vitest';
import { takeByCompareAndSet } from '../../src/stores/compare-and-set.ts';
import { storeChecks } from '../../src/stores/conformance.ts';
import { type Store, StoreError } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { guardedStore } from '../../src/stores/guarded.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { register } from '../support/stores.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const clock = new VirtualClock();
const wait = (ms: number) => clock.advance(ms);

/** On the runtime's own timers, by which the checks wait where nothing else is said. */
const stores: Readonly<Record<string, () => Store>> = {
  memory: () => memoryStore(),
  'compare and set': () => takeByCompareAndSet(register()),
  'guarded memory': () => guardedStore(memoryStore()),
  'a guarded register': () => guardedStore(takeByCompareAndSet(register()), { deadline: '1s' }),
};

describe.each(Object.entries(stores))('%s', (_, make) => {
  const store = make();
  const checks = storeChecks(store);
  test('is checked for all that it declares', () => {
    expect(checks.length).toBe(store.watch === undefined ? 18 : 19);
  });
  test.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_name, run) => run());
});

/** A store that does one thing wrong, and the check that has to say so. */
const broken: Readonly<Record<string, [store: Store, complaint: string]>> = {
  'grants everyone everything': [
    delegateTo(memoryStore({ clock }), {
      take: (_key: string, _limit: unknown, n: number) => ({
        granted: n,
        remaining: 1,
        retryMs: 0,
        resetMs: 0,
      }),
    }),
    'granted: 200 in place of 50',
  ],
  'does not look at the version': [
    (() => {
      const store = memoryStore({ clock });
      return delegateTo(store, {
        set: (key: string, value: string | null) => store.set(key, value),
      });
    })(),
    'winners: 20 in place of 1',
  ],
  'forgets what it is told': [
    delegateTo(memoryStore({ clock }), { set: () => '1' }),
    'get after set: not within 20 ms',
  ],
  'counts although it is eventual': [
    delegateTo(memoryStore({ clock }), {
      capabilities: { consistency: 'eventual', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    }),
    'a StoreError UNSUPPORTED: false in place of UNSUPPORTED',
  ],
};

describe('the checks', () => {
  test.each(Object.entries(broken))('find a store that %s', async (_, [store, complaint]) => {
    const complaints: string[] = [];
    for (const { run } of storeChecks(store, { patienceMs: 20, wait })) {
      await run().catch((error: Error) => complaints.push(error.message));
    }
    expect(complaints).toContain(complaint);
  });

  test('pass an eventual store that refuses what it cannot do', async () => {
    const memory = memoryStore({ clock });
    const { take: _take, watch: _watch, ...rest } = memory;
    const store: Store = {
      ...rest,
      capabilities: { consistency: 'eventual', staleMs: 0, minWriteMs: 0, minTtlMs: 60_000 },
      set(key, value, options) {
        if (options?.if !== undefined) throw new StoreError('UNSUPPORTED', 'no conditions here');
        return memory.set(key, value, options);
      },
    };
    for (const { run } of storeChecks(store, { wait })) await run();
  });
});
