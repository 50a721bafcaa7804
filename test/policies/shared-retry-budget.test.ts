import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { outbound } from '../../src/index.ts';
import { retry } from '../../src/policies/retry.ts';
import { sharedRetryBudget } from '../../src/policies/shared-retry-budget.ts';
import type { Grant, Store, TakingStore } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** One that instances share; its answers take a millisecond, or never come. */
function remote(clock: VirtualClock) {
  const memory = memoryStore({ clock });
  const state = { asked: 0, isOut: false };
  const store: TakingStore = delegateTo(memory, {
    capabilities: { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    async take(...args: [...Parameters<TakingStore['take']>]): Promise<Grant> {
      state.asked += 1;
      if (state.isOut) throw new Error('connection refused');
      await new Promise<void>((resolve) => clock.schedule(resolve, 1));
      return memory.take(args[0], args[1], args[2], args[3]);
    },
  });
  return { store, state };
}

function fleetOf(size: number, store: Store, clock: VirtualClock) {
  return Array.from({ length: size }, () =>
    sharedRetryBudget({ store, name: 'users', minPerSecond: 1, clock, random: () => 0.5 }),
  );
}

/** How many of the tries that each instance wants in each tenth of a second are made. */
async function tries(
  instances: ReturnType<typeof fleetOf>,
  seconds: number,
  clock: VirtualClock,
): Promise<number> {
  let made = 0;
  for (let tenth = 0; tenth < 10 * seconds; tenth++) {
    for (const budget of instances) if (budget.withdraw()) made += 1;
    await clock.advance(100);
  }
  return made;
}

test('RB-09 the reserve is there once for all instances, not once for each', async () => {
  const clock = new VirtualClock();
  const { store } = remote(clock);
  const instances = fleetOf(8, store, clock);
  const made = await tries(instances, 20, clock);
  // 10 at once and one a second; and one of each instance before it hears that there is none.
  expect(made).toBeGreaterThanOrEqual(10 + 15);
  expect(made).toBeLessThanOrEqual(10 + 20 + 8);
});

test('RB-09 the share of its own requests an instance has without a question', async () => {
  const clock = new VirtualClock();
  const { store, state } = remote(clock);
  const [budget] = fleetOf(1, store, clock);
  for (let request = 0; request < 10; request++) budget?.deposit();
  expect([budget?.withdraw(), budget?.withdraw()]).toEqual([true, true]);
  await clock.advance(1);
  expect(state.asked).toBe(0);
});

test('RB-09 a yes that comes too late for its try is there for the next one, for a second', async () => {
  const clock = new VirtualClock();
  const { store, state } = remote(clock);
  const [budget] = fleetOf(1, store, clock);
  const next = async (): Promise<boolean | undefined> => {
    const made = budget?.withdraw();
    await clock.advance(1);
    return made;
  };
  for (let attempt = 0; attempt < 11; attempt++) await next();
  // From now on no try is made before the store has said yes.
  await clock.advance(2_100);
  expect(await next()).toBe(false);
  await clock.advance(1_000);
  // That yes is worth nothing any more: the store is asked again.
  expect(await next()).toBe(false);
  const { asked } = state;
  expect(await next()).toBe(true);
  expect(state.asked).toBe(asked);
  expect(await next()).toBe(false);
  expect(state.asked).toBe(asked + 1);
});

test('RB-09 the reserve is whole tries, rounded down', () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  const budget = sharedRetryBudget({ store, name: 'a', ratio: 0, minPerSecond: 0.15, clock });
  expect([budget.withdraw(), budget.withdraw()]).toEqual([true, false]);
});

test('RB-09 without the store each instance has a reserve of its own, and no more', async () => {
  const clock = new VirtualClock();
  const { store, state } = remote(clock);
  state.isOut = true;
  const made = await tries(fleetOf(2, store, clock), 9, clock);
  expect(made).toBe(20);
});

test('RB-09 a store that is out is not asked for each try, and is asked again', async () => {
  const clock = new VirtualClock();
  const { store, state } = remote(clock);
  const [budget] = fleetOf(1, store, clock);
  state.isOut = true;
  budget?.withdraw();
  await clock.advance(0);
  const { asked } = state;
  for (let attempt = 0; attempt < 5; attempt++) budget?.withdraw();
  await clock.advance(999);
  budget?.withdraw();
  await clock.advance(0);
  expect(state.asked).toBe(asked);
  await clock.advance(1);
  budget?.withdraw();
  await clock.advance(0);
  expect(state.asked).toBe(asked + 1);
  for (let second = 0; second < 10; second++) {
    await clock.advance(1_000);
    budget?.withdraw();
  }
  expect(state.asked).toBeGreaterThan(asked);
});

test('RB-09 a no is heard once, and holds for as long as it says', async () => {
  const clock = new VirtualClock();
  const { store, state } = remote(clock);
  const [budget] = fleetOf(1, store, clock);
  for (let attempt = 0; attempt < 11; attempt++) {
    budget?.withdraw();
    await clock.advance(2);
  }
  const { asked } = state;
  for (let attempt = 0; attempt < 50; attempt++) expect(budget?.withdraw()).toBe(false);
  expect(state.asked).toBe(asked);
});

test('FT-24 the answer of the store outlives the request that asked for it', async () => {
  const clock = new VirtualClock();
  const [budget] = fleetOf(1, remote(clock).store, clock);
  const context = Context.background();
  budget?.withdraw(context);
  expect(context.background.pending).toBe(1);
  await clock.advance(1);
  expect(context.background.pending).toBe(0);
});

test('no reserve is none, and no question', async () => {
  const clock = new VirtualClock();
  const { store, state } = remote(clock);
  const budget = sharedRetryBudget({ store, name: 'users', minPerSecond: 0, clock });
  expect(budget.withdraw()).toBe(false);
  await clock.advance(1);
  expect(state.asked).toBe(0);
});

test('RB-06 retries of several instances draw from it, and first tries do not', async () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  let calls = 0;
  const down = async () => {
    calls += 1;
    return new Response(null, { status: 503 });
  };
  const instance = () => {
    const budget = sharedRetryBudget({ store, name: 'a', ratio: 0, minPerSecond: 0.1, clock });
    return outbound(down, retry({ max: 1, baseDelay: '0ms', budget, clock }));
  };
  for (const send of [instance(), instance(), instance()]) {
    const answer = send('http://a.example/');
    await clock.advance(1);
    expect((await answer).status).toBe(503);
  }
  expect(calls).toBe(4);
});

test('ST-06 an eventual store is refused, with what can count', () => {
  const memory = memoryStore();
  const store: Store = {
    ...{ name: 'kv', get: memory.get, set: memory.set },
    capabilities: { consistency: 'eventual', staleMs: 60_000, minWriteMs: 0, minTtlMs: 0 },
  };
  expect(() => sharedRetryBudget({ store, name: 'users' })).toThrow(
    "sharedRetryBudget.store: the store 'kv' is eventual and cannot count; use one with `take`",
  );
  expect(() => sharedRetryBudget({ store: memory, name: '' })).toThrow('sharedRetryBudget.name: ');
});
