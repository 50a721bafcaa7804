import { describe, expect, test } from 'vitest';
import { takeByCompareAndSet } from '../../src/stores/compare-and-set.ts';
import type { Store } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { countListeners } from '../support/listeners.ts';
import { register } from '../support/stores.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const perDay = (burst: number) => ({ quota: 1, windowMs: 86_400_000, burst });

function counted(store: Store): { store: Store; calls: { get: number; set: number } } {
  const calls = { get: 0, set: 0 };
  return {
    calls,
    store: delegateTo(store, {
      get: (key: string) => {
        calls.get += 1;
        return store.get(key);
      },
      set: (...args: Parameters<Store['set']>) => {
        calls.set += 1;
        return store.set(...args);
      },
    }),
  };
}

describe('takeByCompareAndSet', () => {
  test('answers all callers of one tick by one read and one write', async () => {
    const { store, calls } = counted(register());
    const taking = takeByCompareAndSet(store);
    const grants = await Promise.all(
      Array.from({ length: 100 }, async () => await taking.take('hot', perDay(30), 1, 1)),
    );
    expect(grants.filter(({ granted }) => granted === 1).length).toBe(30);
    expect(calls).toEqual({ get: 1, set: 1 });
  });

  test('does not write where nothing was granted', async () => {
    const { store, calls } = counted(register());
    const taking = takeByCompareAndSet(store);
    await taking.take('spent', perDay(1), 2, 2);
    expect(calls).toEqual({ get: 1, set: 0 });
  });

  test('FT-15 is exact while instances write at the same time', async () => {
    const shared = register();
    const instances = Array.from({ length: 4 }, () =>
      takeByCompareAndSet(shared, { maxAttempts: 100 }),
    );
    const calls = instances.flatMap((instance) =>
      Array.from({ length: 50 }, async () => await instance.take('hot', perDay(77), 1, 1)),
    );
    const granted = (await Promise.all(calls)).filter((grant) => grant.granted === 1);
    expect(granted.length).toBe(77);
  });

  test('FT-09 tells once that the clock of another instance is ahead by more than a second', async () => {
    const shared = register();
    const [ahead, here] = [new VirtualClock(), new VirtualClock()];
    const told: number[] = [];
    const onClockAhead = (ms: number) => told.push(ms);
    const other = takeByCompareAndSet(shared, { clock: ahead });
    const taking = takeByCompareAndSet(shared, { clock: here, onClockAhead });
    for (const jumpMs of [1_000, 1, 60_000]) {
      ahead.jump(jumpMs);
      await other.take('hot', perDay(9), 1, 1);
      await taking.take('hot', perDay(9), 0, 0);
    }
    expect(told).toEqual([1_001]);
  });

  test('ST-05 says after the last attempt that others were faster, and grants nothing', async () => {
    const clock = new VirtualClock();
    const { store, calls } = counted(delegateTo(register(), { set: () => false as const }));
    const taking = takeByCompareAndSet(store, { maxAttempts: 10, clock, random: () => 0.5 });
    const call = Promise.resolve(taking.take('hot', perDay(5), 1, 1)).catch(
      (error: { code: string }) => error.code,
    );
    await clock.advance(1_000);
    expect(await call).toBe('CONTENTION');
    expect(calls).toEqual({ get: 10, set: 10 });
    expect(clock.pending).toBe(0);
  });

  test('a store that fails fails the callers of that round, and not the next', async () => {
    let broken = true;
    const store = register();
    const taking = takeByCompareAndSet(
      delegateTo(store, {
        get: async (key: string) => {
          if (broken) throw new Error('connection reset');
          return store.get(key);
        },
      }),
    );
    const answers = await Promise.allSettled([
      taking.take('k', perDay(1), 1, 1),
      taking.take('k', perDay(1), 1, 1),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    broken = false;
    expect((await taking.take('k', perDay(1), 1, 1)).granted).toBe(1);
  });

  test('a caller that leaves before the call takes nothing, and leaves no listener behind', async () => {
    const taking = takeByCompareAndSet(register());
    const caller = new AbortController();
    const listeners = countListeners(caller.signal);
    const first = taking.take('k', perDay(5), 1, 1, { signal: caller.signal });
    expect(listeners.current).toBe(1);
    await first;
    expect(listeners.current).toBe(0);
    const second = Promise.resolve(taking.take('k', perDay(5), 1, 1, { signal: caller.signal }));
    const outcome = second.catch((error: Error) => error.message);
    caller.abort(new Error('gone'));
    expect(await outcome).toBe('gone');
    await settled();
    expect((await taking.take('k', perDay(5), 0, 0)).remaining).toBe(4);
  });

  test('is the store itself where that can take', () => {
    const store = memoryStore();
    expect(takeByCompareAndSet(store)).toBe(store);
  });

  test('refuses an eventual store', () => {
    const eventual = delegateTo(register(), {
      capabilities: { consistency: 'eventual', staleMs: 60_000, minWriteMs: 0, minTtlMs: 0 },
    });
    expect(() => takeByCompareAndSet(eventual)).toThrow(
      "the store 'register' is eventual: it can neither take nor compare and set",
    );
  });

  test.each([0, 1.5, Number.NaN])('refuses %s attempts', (maxAttempts) => {
    expect(() => takeByCompareAndSet(register(), { maxAttempts })).toThrow(
      `takeByCompareAndSet.maxAttempts: ${maxAttempts} is not a whole number above 0`,
    );
  });
});
