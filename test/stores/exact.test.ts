import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { storeChecks } from '../../src/stores/conformance.ts';
import type { Grant, Limit, TakingStore } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { promisesTurn, VirtualClock } from '../support/virtual-clock.ts';

const limit: Limit = { quota: 10, windowMs: 1_000, burst: 5 };

function counted(clock: VirtualClock) {
  const memory = memoryStore({ clock });
  const asked: [n: number, min: number][] = [];
  const store = delegateTo(memory, {
    async take(...args: Parameters<TakingStore['take']>): Promise<Grant> {
      asked.push([args[2], args[3]]);
      return memory.take(args[0], args[1], args[2], args[3]);
    },
  });
  return { store, asked };
}

describe('exactStore holds what a store has to hold', () => {
  const clock = new VirtualClock();
  const store = exactStore(memoryStore({ clock }), { clock });
  const checks = storeChecks(store, { wait: (ms) => clock.advance(ms) });
  test.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run());
});

test.each([0, 1.5, Number.NaN])('exactStore refuses a capacity of %s', (capacity) => {
  expect(() => exactStore(memoryStore(), { capacity })).toThrow(
    `exactStore.capacity: ${capacity} is not a whole number above 0`,
  );
});

describe('exactStore', () => {
  test('asks once for all callers of a tick, and answers each as if it had come alone', async () => {
    const clock = new VirtualClock();
    const { store, asked } = counted(clock);
    const exact = exactStore(store, { clock });
    const grants = await Promise.all(
      Array.from({ length: 7 }, async () => await exact.take('k', limit, 1, 1)),
    );
    expect(asked).toEqual([[7, 1]]);
    const alone = memoryStore({ clock });
    const wanted = Array.from({ length: 7 }, () => alone.take('k', limit, 1, 1));
    expect(grants).toEqual(wanted);
  });

  test('does not ask again before a call could succeed', async () => {
    const clock = new VirtualClock();
    const { store, asked } = counted(clock);
    const exact = exactStore(store, { clock });
    for (let call = 0; call < 6; call++) await exact.take('k', limit, 1, 1);
    const { length } = asked;
    await clock.advance(99);
    expect(exact.take('k', limit, 1, 1)).toMatchObject({ granted: 0, retryMs: 1 });
    expect(asked.length).toBe(length);
    await clock.advance(1);
    expect((await exact.take('k', limit, 1, 1)).granted).toBe(1);
  });

  test('a refusal holds for the limit that it was spoken for', async () => {
    const exact = exactStore(memoryStore());
    for (let call = 0; call < 6; call++) await exact.take('k', limit, 1, 1);
    expect((await exact.take('k', { ...limit, burst: 50 }, 1, 1)).granted).toBe(1);
  });

  test('remembers no more refusals than its capacity', async () => {
    const clock = new VirtualClock();
    const { store, asked } = counted(clock);
    const exact = exactStore(store, { clock, capacity: 2 });
    const once: Limit = { quota: 1, windowMs: 60_000, burst: 1 };
    for (const key of ['a', 'b', 'c']) {
      for (let call = 0; call < 2; call++) await exact.take(key, once, 1, 1);
    }
    const before = asked.length;
    for (const key of ['b', 'c', 'a']) await exact.take(key, once, 1, 1);
    expect(asked.length - before).toBe(1);
  });

  test('decides as the store alone would, whatever comes together', async () => {
    const run = fc.array(
      fc.record({ waitMs: fc.nat({ max: 400 }), calls: fc.integer({ min: 1, max: 9 }) }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(run, async (steps) => {
        const clock = new VirtualClock(undefined, undefined, promisesTurn);
        const exact = exactStore(memoryStore({ clock }), { clock });
        const alone = memoryStore({ clock });
        for (const { waitMs, calls } of steps) {
          await clock.advance(waitMs);
          const grants = await Promise.all(
            Array.from({ length: calls }, async () => await exact.take('k', limit, 1, 1)),
          );
          const wanted = Array.from({ length: calls }, () => alone.take('k', limit, 1, 1));
          expect(grants.map(({ granted }) => granted)).toEqual(
            wanted.map(({ granted }) => granted),
          );
        }
      }),
      { seed: 15, numRuns: 100 },
    );
  });
});
