import { describe, expect, test } from 'vitest';
import type { BreakerOptions } from '../../../../src/policies/breaker/breaker.ts';
import { type Capabilities, type Store, StoreError } from '../../../../src/stores/contract.ts';
import { memoryStore } from '../../../../src/stores/memory.ts';
import { fleetOf, Instance } from '../../../support/breaker-fleet.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

describe('ST-08: a fleet', () => {
  test('is not opened by one broken instance, but by a quorum of those that live', async () => {
    const { clock, instances, talk } = await fleetOf(5);
    const states = () => instances.map(({ state }) => state);
    const fail = async (at: number) => {
      (instances[at] as Instance).status = 503;
      await (instances[at] as Instance).call(4);
      await talk();
    };
    await fail(0);
    expect(states()).toEqual(['open: failures', 'closed', 'closed', 'closed', 'closed']);
    await fail(1);
    expect(states().slice(2)).toEqual(['closed', 'closed', 'closed']);
    await fail(2);
    expect(states().slice(3)).toEqual(['open: peers', 'open: peers']);
    expect((await instances[3]?.call())?.[0]).toBe(503);
    expect(instances[3]?.calls).toBe(0);
    await clock.advance(0);
  });

  test('counts the silent no longer', async () => {
    const { clock, instances } = await fleetOf(5);
    const [one, two, three] = instances as [Instance, Instance, Instance];
    // Two of five fell silent, so two of three are a quorum.
    for (let second = 0; second < 16; second++) {
      await clock.advance(1_000);
      for (const { fleet } of [one, two, three]) await fleet.sync();
    }
    for (const broken of [one, two]) {
      broken.status = 503;
      await broken.call(4);
      await broken.fleet.sync();
    }
    await three.fleet.sync();
    expect(three.state).toBe('open: peers');
  });

  test('opens where one found it failing and another one is half way there', async () => {
    const { instances, talk } = await fleetOf(5);
    const [one, two, three] = instances as [Instance, Instance, Instance];
    for (const each of [one, two]) each.status = 503;
    await two.call(1);
    await one.call(4);
    await talk();
    expect(two.state).toBe('closed');
    // The second of four failures.
    await two.call(1);
    expect(two.state).toBe('open: failures');
    await talk();
    expect(three.state).toBe('closed');
  });

  test('off: every instance for itself', async () => {
    const { instances, talk } = await fleetOf(2, { fleet: { adopt: 'off' } });
    const [one, two] = instances as [Instance, Instance];
    one.status = 503;
    await one.call(4);
    await talk();
    expect([one.state, two.state]).toEqual(['open: failures', 'closed']);
  });

  test('tells of each transition at once: no request waits, and no poll is needed', async () => {
    const { instances } = await fleetOf(2, { fleet: { adopt: 'any' } });
    const [one, two] = instances as [Instance, Instance];
    one.status = 503;
    await one.call(4);
    // Without a call or a look of its own.
    await new VirtualClock().advance(0);
    expect(two.state).toBe('open: peers');
  });
});

describe('CB-27: once it is time for a probe', () => {
  async function opened(size: number, options: Parameters<typeof fleetOf>[1] = {}) {
    const made = await fleetOf(size, { ...options, fleet: { adopt: 'any', ...options.fleet } });
    const [first] = made.instances as [Instance];
    first.status = 503;
    await first.call(4);
    await made.talk();
    first.status = 200;
    for (const instance of made.instances) instance.calls = 0;
    await made.clock.advance(5_000);
    return made;
  }
  /** A call of each, with time for what it begins. */
  async function round({ clock, instances }: Awaited<ReturnType<typeof opened>>) {
    const calls = await Promise.all(instances.map((instance) => instance.call()));
    await clock.advance(1);
    return calls.flat();
  }

  test('one instance makes it, and closes the circuit for all', async () => {
    const made = await opened(3, { fleet: { ramp: '0ms' } });
    expect(await round(made)).toEqual([503, 503, 503]);
    expect((await round(made)).filter((status) => status === 200)).toEqual([200]);
    expect(made.instances.reduce((sum, { calls }) => sum + calls, 0)).toBe(1);
    await made.talk();
    expect(made.instances.map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
  });

  test('closes slowly where another one had found it well', async () => {
    const made = await opened(2);
    await round(made);
    await round(made);
    await made.talk();
    const follower = made.instances.find(({ calls }) => calls === 0) as Instance;
    expect(follower.state).toBe('closed');
    // Of the draws, all 0.5, the share is above only after a while.
    expect(await follower.call()).toEqual([503]);
    await made.clock.advance(1_000);
    expect(await follower.call()).toEqual([200]);
  });

  test('ST-07: an instance that is elected and dies costs the time of one probe', async () => {
    const { clock, instances } = await opened(3);
    const [dead, ...living] = instances as [Instance, ...Instance[]];
    // It asks first, is elected and makes no call any more.
    expect(await dead.call()).toEqual([503]);
    await clock.advance(1);
    const callAll = async () => {
      const statuses = await Promise.all(living.map((instance) => instance.call()));
      await clock.advance(1);
      return statuses.flat();
    };
    await callAll();
    await clock.advance(9_000);
    expect(await callAll()).toEqual([503, 503]);
    await clock.advance(1_500);
    expect(await callAll()).toEqual([503, 503]);
    expect((await callAll()).filter((status) => status === 200)).toEqual([200]);
  });

  test('ST-07: whoever is elected probes with its next call, however late it comes', async () => {
    const { clock, instances } = await opened(1, { options: { halfOpen: { successes: 3 } } });
    const [one] = instances as [Instance];
    const statuses: number[] = [];
    for (let hour = 0; hour < 5; hour++) {
      statuses.push(...(await one.call()));
      await clock.advance(3_600_000);
    }
    // The first one is asked for, since others may be making it; whoever found the upstream well goes on.
    expect(statuses).toEqual([503, 200, 200, 200, 200]);
  });

  test('a probe that fails keeps one instance open for longer, and no other one', async () => {
    const made = await opened(2);
    for (const instance of made.instances) instance.status = 503;
    await round(made);
    await round(made);
    expect(made.instances.reduce((sum, { calls }) => sum + calls, 0)).toBe(1);
    const prober = made.instances.find(({ calls }) => calls === 1) as Instance;
    expect(prober.breaker.status()).toMatchObject({ state: 'open', reason: 'probe_failed' });
    expect(prober.breaker.status().openForMs).toBeGreaterThan(5_000);
  });

  test('without the store each one probes after a while of its own', async () => {
    let isOut = false;
    const failing = (clock: VirtualClock): Store => {
      const store = memoryStore({ clock });
      const out = <T>(call: () => T): T => {
        if (isOut) throw new StoreError('UNAVAILABLE', 'out');
        return call();
      };
      return {
        ...store,
        get: (key) => out(() => store.get(key)),
        set: (key, value, options) => out(() => store.set(key, value, options)),
        take: (key, limit, n, min) => out(() => store.take(key, limit, n, min)),
      };
    };
    const errors: unknown[] = [];
    const made = await opened(2, {
      store: failing,
      fleet: { onError: (error) => errors.push(error) },
    });
    isOut = true;
    await round(made);
    expect(made.instances.reduce((sum, { calls }) => sum + calls, 0)).toBe(0);
    for (let second = 0; second < 7; second++) {
      await made.clock.advance(1_000);
      await round(made);
    }
    expect(made.instances.map(({ state }) => state)).toEqual(['closed', 'closed']);
    // Once for each instance, however often it was asked.
    expect(errors.length).toBe(2);
  });
});

describe('an eventual store', () => {
  const capabilities: Capabilities = {
    ...{ consistency: 'eventual', staleMs: 60_000, minWriteMs: 1_000, minTtlMs: 60_000 },
  };
  /** One that shows each write a minute late, and cannot take, compare or watch. */
  function eventual(clock: VirtualClock): Store {
    const writes: { at: number; value: string | null }[] = [];
    return {
      name: 'eventual',
      capabilities,
      async get() {
        const seen = writes.filter(({ at }) => clock.monotonic() - at >= 60_000).at(-1);
        return seen?.value ? { value: seen.value, version: '' } : null;
      },
      async set(_, value, settings) {
        if (settings?.if !== undefined) throw new StoreError('UNSUPPORTED', 'no');
        writes.push({ at: clock.monotonic(), value });
        return '';
      },
    };
  }

  test('brings an open circuit to an instance that never failed, for what is left of its time', async () => {
    const clock = new VirtualClock();
    const store = eventual(clock);
    const options: BreakerOptions = { openFor: '120s', maxOpenFor: '120s' };
    const one = new Instance(store, clock, {}, options);
    one.status = 503;
    await one.call(4);
    await one.fleet.sync();
    await clock.advance(61_000);

    const fresh = new Instance(store, clock, { ramp: '0ms' }, options);
    expect(await fresh.call()).toEqual([200]);
    await fresh.fleet.sync();
    expect(fresh.state).toBe('open: peers');
    expect(fresh.breaker.status().openForMs).toBe(59_000);

    await clock.advance(59_000);
    // Nobody can be asked: the instances take turns.
    for (let second = 0; second < 5 && fresh.state !== 'closed'; second++) {
      await fresh.call();
      await clock.advance(1_000);
    }
    expect(fresh.state).toBe('closed');
    await fresh.fleet.sync();
    await clock.advance(61_000);
    await one.fleet.sync();
    expect(one.state).toBe('closed');
  });
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'FT-22 votes that arrive late, twice or out of order end alike (seed %i)',
  async (seed) => {
    let draw = seed * 7_919;
    const random = () => {
      draw = (Math.imul(draw, 1_664_525) + 1_013_904_223) >>> 0;
      return draw / 2 ** 32;
    };
    /** Answers what was there some reads ago, now and then. */
    const unsteady = (clock: VirtualClock): Store => {
      const { watch: _, ...store } = memoryStore({ clock });
      const past: Awaited<ReturnType<Store['get']>>[] = [];
      return {
        ...store,
        async get(key) {
          const entry = await store.get(key);
          past.push(entry);
          return random() < 0.3 ? (past[Math.floor(random() * past.length)] ?? null) : entry;
        },
      };
    };
    const { clock, instances } = await fleetOf(3, {
      store: unsteady,
      fleet: { adopt: 'any', random, ramp: '0ms' },
    });
    for (let step = 0; step < 60; step++) {
      const instance = instances[Math.floor(random() * 3)] as Instance;
      instance.status = random() < 0.5 ? 503 : 200;
      await instance.call(Math.floor(random() * 5));
      await clock.advance(random() * 2_000);
    }
    // Everything is well from here on: sooner or later all are closed, and stay so.
    for (const instance of instances) instance.status = 200;
    for (let second = 0; second < 200; second++) {
      for (const instance of instances) await instance.call();
      await clock.advance(1_000);
    }
    expect(instances.map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
    for (const instance of instances) {
      expect(await instance.call(5)).toEqual([200, 200, 200, 200, 200]);
    }
  },
);

test('by hand: a reset closes the circuit in all instances', async () => {
  const { instances, talk } = await fleetOf(2, { fleet: { adopt: 'any', ramp: '0ms' } });
  const [one, two] = instances as [Instance, Instance];
  one.breaker.trip('60s');
  await talk();
  expect(two.state).toBe('open: peers');
  two.breaker.reset();
  await talk();
  expect([one.state, two.state]).toEqual(['closed', 'closed']);
});

test('by hand: whoever resets knows of all that was said, whether it followed or not', async () => {
  const { instances, talk } = await fleetOf(3);
  const [one, two] = instances as [Instance, Instance];
  one.status = 503;
  await one.call(4);
  one.breaker.reset();
  await one.call(4);
  await talk();
  expect([one.state, two.state]).toEqual(['open: failures', 'closed']);
  two.breaker.trip('60s');
  two.breaker.reset();
  await talk();
  expect(one.state).toBe('closed');
});

test('a circuit that is used for the first time hears what its fleet knows', async () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  const one = new Instance(store, clock, { adopt: 'any' }, { key: 'origin' });
  one.status = 503;
  await one.call(4);
  await one.fleet.sync();
  const other = new Instance(store, clock, { adopt: 'any' }, { key: 'origin' });
  await other.fleet.sync();
  expect(await other.call()).toEqual([503]);
  expect(other.calls).toBe(0);
});
