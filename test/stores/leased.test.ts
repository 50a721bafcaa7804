import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { storeChecks } from '../../src/stores/conformance.ts';
import type { Grant, Limit, TakingStore } from '../../src/stores/contract.ts';
import { StoreError } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { leasedStore } from '../../src/stores/leased.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { promisesTurn, VirtualClock } from '../support/virtual-clock.ts';
import { type Spending, worstExcess } from '../support/window.ts';

/** For thousands of milliseconds one by one, in which nothing but promises is waited for. */
const virtualClock = () => new VirtualClock(undefined, undefined, promisesTurn);

const perSecond = (quota: number, burst = quota): Limit => ({ quota, windowMs: 1_000, burst });

/** A store that answers `delayMs` later, and counts how often it is asked. */
function remote(clock: VirtualClock, delayMs = 1) {
  const memory = memoryStore({ clock });
  const asked = { calls: 0 };
  const store = delegateTo(memory, {
    async take(...args: Parameters<TakingStore['take']>): Promise<Grant> {
      asked.calls += 1;
      const grant = memory.take(args[0], args[1], args[2], args[3]);
      await new Promise<void>((resolve) => clock.schedule(resolve, delayMs));
      return grant;
    },
  });
  return { store, asked };
}

/** A store that can be out. */
function failing(clock: VirtualClock, state: { readonly isOut: boolean }): TakingStore {
  const memory = memoryStore({ clock });
  return delegateTo(memory, {
    take: async (...args: [string, Limit, number, number]) => {
      if (state.isOut) throw new StoreError('UNAVAILABLE', 'out');
      return memory.take(...args);
    },
  });
}

describe('leasedStore holds what a store has to hold', () => {
  const clock = virtualClock();
  const store = leasedStore(memoryStore({ clock }), { clock });
  const checks = storeChecks(store, { wait: (ms) => clock.advance(ms) });
  test.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run());
});

describe('leasedStore', () => {
  test('answers at once, without a promise, where units are at hand', async () => {
    const clock = virtualClock();
    const { store, asked } = remote(clock);
    const leased = leasedStore(store, { clock });
    const limit = perSecond(1_000);
    for (let ms = 0; ms < 100; ms++) {
      void leased.take('hot', limit, 1, 1);
      await clock.advance(1);
    }
    const before = asked.calls;
    const grant = leased.take('hot', limit, 1, 1);
    expect(grant).toMatchObject({ granted: 1, retryMs: 0 });
    expect(asked.calls - before).toBeLessThanOrEqual(1);
  });

  test('asks at most once for a hundred units where the limit is exhausted, and grants what it allows', async () => {
    const clock = virtualClock();
    const { store, asked } = remote(clock);
    const limit = perSecond(20_000, 2_000);
    const instances = Array.from({ length: 4 }, () => leasedStore(store, { clock, instances: 4 }));
    const spendings: Spending[] = [];
    for (let ms = 0; ms < 4_000; ms++) {
      for (const instance of instances) {
        for (let call = 0; call < 10; call++) {
          const answer = instance.take('hot', limit, 1, 1);
          void Promise.resolve(answer).then(({ granted }) => {
            if (granted > 0) spendings.push({ at: clock.monotonic(), units: granted });
          });
        }
      }
      await clock.advance(1);
    }
    const allowed = limit.burst + 4 * limit.quota;
    expect(spendings.length).toBeGreaterThanOrEqual(0.99 * allowed);
    expect(spendings.length / asked.calls).toBeGreaterThanOrEqual(100);
    const bound = Math.min(4 * (limit.burst / 8), (limit.quota / 1_000) * 200);
    expect(worstExcess(spendings, limit)).toBeLessThanOrEqual(bound);
  });

  test('is told by a part of a batch that there is no more, and does not ask in vain', async () => {
    const clock = virtualClock();
    const { store, asked } = remote(clock);
    const leased = leasedStore(store, { clock });
    const limit = perSecond(100_000, 10_000);
    let granted = 0;
    for (let ms = 0; ms < 500; ms++) {
      for (let call = 0; call < 1_000; call++) {
        const answer = leased.take('hot', limit, 1, 1);
        void Promise.resolve(answer).then((grant) => {
          granted += grant.granted;
        });
      }
      await clock.advance(1);
    }
    const allowed = limit.burst + (limit.quota / 1_000) * 500;
    expect(granted).toBeGreaterThanOrEqual(0.99 * allowed);
    expect(granted / asked.calls).toBeGreaterThanOrEqual(150);
  });

  const limits = fc.record({
    quota: fc.integer({ min: 1, max: 2_000 }),
    windowMs: fc.constant(1_000),
    burst: fc.integer({ min: 1, max: 500 }),
  });
  const steps = fc.array(
    fc.record({
      waitMs: fc.integer({ min: 0, max: 150 }),
      instance: fc.nat({ max: 2 }),
      calls: fc.integer({ min: 1, max: 40 }),
    }),
    { maxLength: 25 },
  );

  test('grants at most burst + L × r + min(N × B, r × lease) in any window of L', async () => {
    await fc.assert(
      fc.asyncProperty(
        limits,
        steps,
        fc.integer({ min: 0, max: 30 }),
        async (limit, run, delay) => {
          const clock = virtualClock();
          const { store } = remote(clock, delay);
          const instances = [0, 1, 2].map(() => leasedStore(store, { clock, instances: 3 }));
          const spendings: Spending[] = [];
          for (const { waitMs, instance, calls } of run) {
            for (let call = 0; call < calls; call++) {
              const answer = (instances[instance] as TakingStore).take('k', limit, 1, 1);
              void Promise.resolve(answer).then(({ granted }) => {
                if (granted > 0) spendings.push({ at: clock.monotonic(), units: granted });
              });
            }
            await clock.advance(waitMs);
          }
          await clock.advance(1_000);
          const perMs = limit.quota / limit.windowMs;
          const most = Math.max(1, Math.floor(limit.burst / 6));
          // What a caller waits for is spent when the answer comes: so much later than it was granted.
          const bound = Math.min(3 * most, perMs * 200) + perMs * delay;
          expect(worstExcess(spendings, limit)).toBeLessThanOrEqual(bound + 1);
          expect(clock.pending).toBe(0);
        },
      ),
      { seed: 14, numRuns: 60 },
    );
  });

  test('what is fetched ahead is given to the request that began it, and asked for anew where it died all the same', async () => {
    const clock = virtualClock();
    const memory = memoryStore({ clock });
    const begunAt = clock.monotonic();
    const asked: number[] = [];
    let isDying = false;
    const store = delegateTo(memory, {
      async take(...args: [string, Limit, number, number]) {
        asked.push(clock.monotonic() - begunAt);
        return isDying ? await new Promise<never>(() => {}) : memory.take(...args);
      },
    });
    const leased = leasedStore(store, { clock, lease: '60s' });
    const beyond: Promise<unknown>[] = [];
    const settings = { waitUntil: (work: Promise<unknown>) => void beyond.push(work) };
    const take = () => leased.take('k', perSecond(1, 1_000), 1, 1, settings);
    for (let call = 0; call < 4; call++) await take();
    await clock.advance(20);
    await take();
    // 20 units are at hand now but for this one; the next ones are fetched when a quarter is left.
    asked.length = 0;
    isDying = true;
    for (let call = 0; call < 16; call++) expect(take()).not.toBeInstanceOf(Promise);
    expect([asked, beyond.length]).toEqual([[20], 1]);
    await clock.advance(4_999);
    take();
    expect(asked).toEqual([20]);
    await clock.advance(1);
    take();
    expect(asked).toEqual([20, 5_020]);
  });

  test('units that were leased and not spent are lost when the lease ends: nobody spends them later', async () => {
    const clock = virtualClock();
    const leased = leasedStore(memoryStore({ clock }), { clock });
    const limit = perSecond(10, 100);
    for (let ms = 0; ms < 50; ms++) {
      await leased.take('k', limit, 1, 1);
      await clock.advance(1);
    }
    // A clock that stands still after the lease: what was at hand is not any more.
    await clock.advance(200);
    const answer = leased.take('k', limit, 1, 1);
    expect(answer).toBeInstanceOf(Promise);
  });

  test('knows for how long the store has said no, and asks no more until then', async () => {
    const clock = virtualClock();
    const { store, asked } = remote(clock);
    const leased = leasedStore(store, { clock });
    const limit = perSecond(1);
    const first = leased.take('k', limit, 1, 1);
    const second = leased.take('k', limit, 1, 1);
    await clock.advance(10);
    expect((await first).granted + (await second).granted).toBe(1);
    const { calls } = asked;
    for (let call = 0; call < 100; call++) {
      const refusal = leased.take('k', limit, 1, 1) as Grant;
      expect(refusal).toMatchObject({ granted: 0, remaining: 0 });
      expect(refusal.retryMs).toBeGreaterThan(0);
    }
    expect(asked.calls).toBe(calls);
  });

  test('gives back what is left when it is closed', async () => {
    const clock = virtualClock();
    const memory = memoryStore({ clock });
    const leased = leasedStore(memory, { clock });
    const limit: Limit = { quota: 1, windowMs: 86_400_000, burst: 1_000 };
    for (let call = 0; call < 50; call++) {
      await leased.take('k', limit, 1, 1);
      await clock.advance(1);
    }
    expect(memory.take('k', limit, 0, 0).remaining).toBeLessThan(950);
    await leased.close?.();
    expect(memory.take('k', limit, 0, 0).remaining).toBe(950);
  });

  test('passes an outage on to those that wait, and recovers with the store', async () => {
    const clock = virtualClock();
    const state = { isOut: true };
    const leased = leasedStore(failing(clock, state), { clock });
    const limit = perSecond(10);
    const answers = await Promise.allSettled([
      leased.take('k', limit, 1, 1),
      leased.take('k', limit, 1, 1),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    state.isOut = false;
    expect((await leased.take('k', limit, 1, 1)).granted).toBe(1);
  });

  test('what is at hand is spent while the store is out', async () => {
    const clock = virtualClock();
    const state = { isOut: false };
    const leased = leasedStore(failing(clock, state), { clock });
    const limit = perSecond(1_000);
    for (let ms = 0; ms < 100; ms++) {
      await leased.take('k', limit, 1, 1);
      await clock.advance(1);
    }
    state.isOut = true;
    let spent = 0;
    for (;;) {
      const answer = leased.take('k', limit, 1, 1);
      if (answer instanceof Promise) {
        await expect(answer).rejects.toThrow('out');
        break;
      }
      spent += answer.granted;
    }
    expect(spent).toBeGreaterThan(50);
  });

  test('a store that takes longer than a lease lasts is asked once, and counts as out', async () => {
    const clock = virtualClock();
    let asked = 0;
    const slow = delegateTo(memoryStore({ clock }), {
      take: async () => {
        asked += 1;
        await clock.advance(201);
        return { granted: 1, remaining: 9, retryMs: 0, resetMs: 1 };
      },
    });
    const leased = leasedStore(slow, { clock });
    const limit = { quota: 10, windowMs: 1_000, burst: 100 };
    const answer = Promise.resolve(leased.take('k', limit, 1, 1));
    await expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(asked).toBe(1);
  });

  test.each([
    [{ lease: '0s' }, 'leasedStore.lease: has to be longer than 0'],
    [{ lease: 'long' }, 'leasedStore.lease: "long" is not a duration'],
    [{ instances: 0 }, 'leasedStore.instances: 0 is not a whole number above 0'],
    [{ instances: Number.NaN }, 'leasedStore.instances: NaN is not a whole number above 0'],
    [{ capacity: 1.5 }, 'leasedStore.capacity: 1.5 is not a whole number above 0'],
  ])('refuses %j', (options, message) => {
    expect(() => leasedStore(memoryStore(), options)).toThrow(message);
  });
});
