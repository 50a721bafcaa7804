import { expect, test } from 'vitest';
import type { Grant, Limit, TakingStore } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { leasedStore } from '../../src/stores/leased.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { collectGarbage } from '../support/garbage.ts';
import { seeded } from '../support/simulation.ts';

const perDay: Limit = { quota: 10, windowMs: 86_400_000, burst: 10 };
const perSecond: Limit = { quota: 10, windowMs: 1_000, burst: 10 };
const spenders = Array.from({ length: 200 }, (_, index) => `spent-${index}`);
const capacity = 65_536;

test('FT-12 a million hostile keys: memory is bounded, and no spent quota is forgotten', async () => {
  const store = memoryStore({ random: seeded(12) });
  for (const key of spenders) store.take(key, perDay, 10, 10);
  // Full once, so that what it may grow to is there.
  for (let id = 0; id < 2 * capacity; id++) store.take(`first-${id}`, perSecond, 1, 1);
  await collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let id = 0; id < 1_000_000; id++) store.take(`flood-${id}`, perSecond, 1, 1);
  await collectGarbage();
  const grownMb = (process.memoryUsage().heapUsed - before) / 1e6;
  const forgotten = spenders.filter((key) => store.take(key, perDay, 1, 1).granted > 0);
  console.log(
    `FT-12 ${store.size} limits kept, ${grownMb.toFixed(1)} MB more, ${forgotten.length} of 200 spent quotas forgotten`,
  );
  expect(store.size).toBe(capacity);
  expect(forgotten).toEqual([]);
  expect(grownMb).toBeLessThan(16);
});

/** A store that all share, which answers later and remembers everything that is spent. */
function remote(): TakingStore {
  const memory = memoryStore({ random: seeded(12) });
  return delegateTo(memory, {
    take: async (...args: [string, Limit, number, number]): Promise<Grant> => memory.take(...args),
  });
}

test.each([
  ['exactStore', (store: TakingStore) => exactStore(store)],
  ['leasedStore', (store: TakingStore) => leasedStore(store, { lease: '1h' })],
] as const)('FT-12 %s remembers no more of them than its capacity', async (_, arranged) => {
  const store = arranged(remote());
  const day = async (key: string): Promise<number> => (await store.take(key, perDay, 1, 1)).granted;
  for (const key of spenders) for (let unit = 0; unit < 11; unit++) await day(key);
  const flood = async (name: string, count: number): Promise<void> => {
    for (let id = 0; id < count; id += 1_000) {
      await Promise.all(
        Array.from({ length: 1_000 }, (_, at) => store.take(`${name}-${id + at}`, perSecond, 1, 1)),
      );
    }
  };
  await flood('first', 80_000);
  await collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await flood('flood', 80_000);
  await collectGarbage();
  const grownMb = (process.memoryUsage().heapUsed - before) / 1e6;
  const again = await Promise.all(spenders.map(day));
  console.log(`FT-12 ${grownMb.toFixed(1)} MB more`);
  expect(again.filter((granted) => granted > 0)).toEqual([]);
  expect(grownMb).toBeLessThan(16);
});
