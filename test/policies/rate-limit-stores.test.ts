/** Limits that a store keeps, that has no store, or whose store cannot be had. */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abortSignal } from '../../src/core/abort.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import type { RateLimit, RateLimitOptions } from '../../src/policies/rate-limit.ts';
import type { Store } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { byUser, limitedApp, perUser, statuses } from '../support/limited-app.ts';
import { countListeners } from '../support/listeners.ts';
import { register } from '../support/stores.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const limited = (limits: RateLimit | readonly RateLimit[], options: RateLimitOptions = {}) =>
  limitedApp(limits, { clock, ...options });

describe('a store that answers with promises', () => {
  const one = { ...perUser, limit: 1 };

  test.each([
    ['compare and set', () => register(clock)],
    ['take', () => Object.assign(memoryStore({ clock: new VirtualClock() }), async(memoryStore()))],
  ])('works as the one in memory does: %s', async (_, make) => {
    const { get } = limited(one, { store: make() });
    expect((await get()).status).toBe(200);
    expect((await get()).status).toBe(429);
  });

  test('leaves no listener behind', async () => {
    const { get, context } = limited(one, { store: register(clock) });
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    await get('ada', {}, context.with(abortSignal, signal));
    expect(listeners.highest).toBe(1);
    expect(listeners.current).toBe(0);
  });

  test('gets back what it granted to a caller that had left already', async () => {
    const store = register(clock);
    const { get } = limited(one, { store });
    await expect(get('ada', { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
    await settled();
    expect((await get()).status).toBe(200);
  });

  test('may be shared: policies of one scope and name share their quotas, others do not', async () => {
    const store = register(clock);
    const first = limited(one, { store, scope: 'a' });
    const same = limited(one, { store, scope: 'a' });
    const other = limited(one, { store, scope: 'b' });
    const named = limited({ ...one, name: 'own' }, { store, scope: 'a' });
    const answers: number[] = [];
    for (const { get } of [first, same, other, named]) answers.push((await get()).status);
    expect(answers).toEqual([200, 429, 200, 200]);
  });

  test('FT-24 the caller that leaves does not wait for it, and what comes later goes back', async () => {
    const memory = memoryStore({ clock });
    const released: (() => void)[] = [];
    const slow: Store = {
      ...memory,
      capabilities: { ...memory.capabilities, consistency: 'linearizable' },
      take: (key, limit, n, min) =>
        new Promise((resolve) => released.push(() => resolve(memory.take(key, limit, n, min)))),
    };
    const { get, context } = limited(one, { store: slow });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const call = get('ada', { signal: controller.signal });
    controller.abort('gone');
    await expect(call).rejects.toBe('gone');
    // The platform does: others may wait for the same answer, and something is to be done with it.
    expect(context.background.pending).toBe(2);
    released.shift()?.();
    await settled();
    expect(listeners.current).toBe(0);
    // The unit is on its way back.
    expect(context.background.pending).toBe(1);
    released.shift()?.();
    await settled();
    expect(context.background.pending).toBe(0);
    expect(
      memory.take(':default:ada', { quota: 1, windowMs: 10_000, burst: 1 }, 0, 0),
    ).toMatchObject({ remaining: 1 });
  });
});

describe('ST-04, FT-04 a store that cannot be had', () => {
  const broken = (take: () => never | Promise<never>): Store => ({
    ...register(clock),
    take: () => take(),
  });
  const failures: [string, () => Store][] = [
    ['throws', () => broken(() => raise())],
    ['rejects', () => broken(async () => raise())],
    ['is silent', () => broken(() => new Promise(() => {}))],
  ];
  const raise = (): never => {
    throw new Error('connect ECONNREFUSED 10.0.0.9:6379');
  };

  describe.each(failures)('%s', (_, store) => {
    /** The answers to three calls, each after the deadline of the store. */
    async function three(onStoreError: RateLimit['onStoreError']) {
      const { get, events } = limited(
        { ...perUser, limit: 2, ...(onStoreError && { onStoreError }) },
        { store: store() },
      );
      const answers: Response[] = [];
      for (let call = 0; call < 3; call++) {
        const answer = get();
        await clock.advance(25);
        answers.push(await answer);
      }
      return { answers, events };
    }

    test('by default the process keeps the limit by itself', async () => {
      const { answers, events } = await three(undefined);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(events[0]).toEqual({
        name: 'store_unavailable',
        attributes: { policy: 'default', outcome: 'passed' },
      });
    });

    test("'open' lets everything pass and says so", async () => {
      const { answers, events } = await three('open');
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(events.map(({ name }) => name)).toEqual(Array(3).fill('store_unavailable'));
      expect(answers[0]?.headers.has('ratelimit')).toBe(false);
    });

    test("'closed' is a 503 with Retry-After, never a 429, and tells nothing of the store", async () => {
      const { answers } = await three('closed');
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
      const [answer] = answers as [Response];
      expect(rejectionOf(answer)?.reason).toBe('store_unavailable');
      expect(answer.headers.get('retry-after')).toBe('1');
      const body = await answer.text();
      expect(body).toContain('#temporary-reduced-capacity');
      expect(body).not.toContain('10.0.0.9');
    });
  });

  test('outweighs a limit that another store keeps: the caller did nothing wrong', async () => {
    const { get } = limited(
      [
        { ...perUser, name: 'a', limit: 1, onStoreError: 'local' },
        { ...perUser, name: 'b', onStoreError: 'closed' },
      ],
      { store: broken(async () => raise()) },
    );
    expect((await get()).status).toBe(503);
    expect((await get()).status).toBe(503);
  });

  test('outweighs one that refuses, whichever of them speaks first', async () => {
    const out = { ...perUser, name: 'out', onStoreError: 'closed' } as const;
    const full = { ...perUser, name: 'full', limit: 1, cost: () => 2, store: 'memory' } as const;
    for (const limits of [
      [out, full],
      [full, out],
    ]) {
      const { get } = limited(limits, { store: broken(async () => raise()) });
      expect((await get()).status).toBe(503);
    }
  });
});

describe('ST-05 a store that instances write to by compare and set', () => {
  /** Others are always faster. */
  const contended = (): Store => ({ ...register(clock), set: async () => false as const });

  test.each([
    ['closed', [503, 503, 503]],
    ['local', [200, 200, 429]],
    ['open', [200, 200, 200]],
  ] as const)(
    'is one that is out where they keep getting in each other’s way: %s',
    async (onStoreError, expected) => {
      const { get, events } = limited({ ...perUser, onStoreError }, { store: contended() });
      const answers: number[] = [];
      for (let call = 0; call < 3; call++) {
        const answer = get();
        await clock.advance(1_000);
        answers.push((await answer).status);
      }
      expect(answers).toEqual(expected);
      // Nobody passes without a word.
      expect(events.filter(({ name }) => name === 'store_unavailable')).toHaveLength(3);
    },
  );
});

describe('FT-26 a store that comes and goes', () => {
  /** A store that may be out. */
  function flapping() {
    const memory = memoryStore({ clock });
    const state = { isOut: false };
    const store: Store = {
      ...memory,
      capabilities: { ...memory.capabilities, consistency: 'linearizable' },
      async take(key, limit, n, min) {
        if (state.isOut) throw new Error('out');
        return memory.take(key, limit, n, min);
      },
    };
    return { state, store };
  }
  const four = { limit: 4, per: '40s', by: byUser };

  test('grants no unit twice: what it granted is missing from the share, what the share granted from it', async () => {
    const { state, store } = flapping();
    const { get } = limited(four, { store });
    const seen: number[][] = [];
    for (const isOut of [false, true, false, true]) {
      state.isOut = isOut;
      seen.push(await statuses([get(), get()]));
      await settled();
    }
    expect(seen).toEqual([
      [200, 200],
      [200, 200],
      [429, 429],
      [429, 429],
    ]);
  });

  test.each(['throws', 'rejects'] as const)(
    'what the share granted stays owed to a store that %s when it is told',
    async (how) => {
      const memory = memoryStore({ clock });
      let failures = 2;
      const store: Store = {
        ...memory,
        capabilities: { ...memory.capabilities, consistency: 'linearizable' },
        take(key, limit, n, min) {
          if (failures-- <= 0) return Promise.resolve(memory.take(key, limit, n, min));
          if (how === 'throws') throw new Error('out');
          return Promise.reject(new Error('out'));
        },
      };
      const { get } = limited(four, { store });
      // The share grants the first one. The second one tells of it in vain, the third one again.
      for (let call = 0; call < 3; call++) {
        expect(await statuses([get()])).toEqual([200]);
        await settled();
      }
      const other = limited(four, { store });
      expect(await statuses([other.get(), other.get()])).toEqual([200, 429]);
    },
  );

  test('what another limit refuses is not missing from the share', async () => {
    const { state, store } = flapping();
    const { get } = limited(
      [
        { ...four, name: 'kept', by: () => 'all' },
        { ...four, name: 'strict', limit: 1, store: 'memory' },
      ],
      { store },
    );
    expect(await statuses([get('ada'), get('ada'), get('ada'), get('ada')])).toEqual([
      ...[200, 429, 429, 429],
    ]);
    await settled();
    state.isOut = true;
    expect(await statuses(['bob', 'cy', 'dan', 'eve'].map((user) => get(user)))).toEqual([
      ...[200, 200, 200, 429],
    ]);
  });

  test('what another limit refuses is owed by nobody', async () => {
    const { state, store } = flapping();
    const { get } = limited(
      [
        { ...four, name: 'kept' },
        { ...four, name: 'strict', limit: 1, store: 'memory' },
      ],
      { store },
    );
    expect(await statuses([get()])).toEqual([200]);
    state.isOut = true;
    expect(await statuses([get(), get(), get()])).toEqual([429, 429, 429]);
    state.isOut = false;
    const other = limited({ ...four, name: 'kept' }, { store });
    expect(await statuses([get(), other.get(), other.get(), other.get(), other.get()])).toEqual([
      ...[429, 200, 200, 200, 429],
    ]);
  });
});

describe('ST-11 instances that count alone', () => {
  /** How many of `asked` requests pass at once, and then in each window of `per`. */
  async function passed(limit: RateLimit, options: RateLimitOptions, asked = 100) {
    const { get } = limited(limit, options);
    const first = (await statuses(Array.from({ length: asked }, () => get()))).filter(is200);
    await clock.advance(10_000);
    const second = (await statuses(Array.from({ length: asked }, () => get()))).filter(is200);
    return [first.length, second.length];
  }
  const is200 = (status: number): boolean => status === 200;
  const ninety = { limit: 90, per: '10s', by: byUser } as const;
  const out: RateLimitOptions = {
    store: { ...register(), take: () => Promise.reject(new Error()) },
  };

  test('grant their share, without a store and where it is out', async () => {
    expect(await passed(ninety, { instances: 3 })).toEqual([30, 30]);
    expect(await passed(ninety, { ...out, instances: 3 })).toEqual([30, 30]);
    expect(await passed(ninety, out)).toEqual([90, 90]);
  });

  test('leave the whole limit to a store that counts for all', async () => {
    expect(await passed(ninety, { store: memoryStore({ clock }), instances: 3 })).toEqual([90, 90]);
  });

  test('together never grant more than the limit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        async (burst, instances) => {
          const [first = 0] = await passed({ ...ninety, burst }, { instances });
          const least = Math.max(1, Math.floor(burst / instances));
          expect(first).toBe(least);
          if (instances <= burst) expect(first * instances).toBeLessThanOrEqual(burst);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('let pass what costs more than a share, and wait for it accordingly', async () => {
    const { get } = limited({ limit: 8, per: '8s', cost: 4, by: byUser }, { instances: 4 });
    expect((await get()).status).toBe(200);
    const refused = await get();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '16']);
    await clock.advance(16_000);
    expect((await get()).status).toBe(200);
  });
});

/** The same, with promises. */
function async(memory: ReturnType<typeof memoryStore>): Partial<Store> {
  return {
    capabilities: { ...memory.capabilities, consistency: 'linearizable' },
    take: async (key, limit, n, min) => {
      await Promise.resolve();
      return memory.take(key, limit, n, min);
    },
  };
}
