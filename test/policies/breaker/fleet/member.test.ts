import { describe, expect, test } from 'vitest';
import { type BreakerOptions, breaker } from '../../../../src/policies/breaker/breaker.ts';
import { readRegister } from '../../../../src/policies/breaker/fleet/register.ts';
import type { Vote } from '../../../../src/policies/breaker/fleet/votes.ts';
import type { Grant, Store } from '../../../../src/stores/contract.ts';
import { memoryStore } from '../../../../src/stores/memory.ts';
import { fleetOf, type Instance } from '../../../support/breaker-fleet.ts';
import type { VirtualClock } from '../../../support/virtual-clock.ts';

const vote = (id: string, others: Partial<Vote> = {}): Vote => ({
  ...{ id, state: 'open', epoch: 1, openMs: 10_000, openedAt: 0 },
  ...others,
});

type Ill = 'well' | 'failing' | 'slow';

/** Votes of instances that are not here. */
const tell = (store: Store, votes: readonly Vote[]) =>
  store.set('breakers/default', JSON.stringify({ beats: {}, circuits: { pay: votes } }));

const votesIn = async (store: Store): Promise<readonly Vote[]> =>
  readRegister((await store.get('breakers/default'))?.value).circuits.get('pay') ?? [];

async function alone(options: Parameters<typeof fleetOf>[1] = {}) {
  const made = await fleetOf(1, options);
  const [one] = made.instances as [Instance];
  return { ...made, one };
}

describe('ST-08: votes on a circuit', () => {
  test('of one epoch: that it is closed counts for more than that it is open', async () => {
    const { store, one } = await alone({ fleet: { adopt: 'any' } });
    await tell(store, [vote('a')]);
    expect(one.state).toBe('open: peers');
    await tell(store, [vote('a'), vote('b', { state: 'closed' })]);
    expect(one.state).toBe('closed');
    await tell(store, [vote('a'), vote('c')]);
    expect(one.state).toBe('closed');
  });

  const byRate = { failures: undefined as never, minRequests: 8 };
  test.each<[what: string, options: BreakerOptions, before: readonly Ill[], last: Ill]>([
    ['failures in a row', { failures: 7 }, ['failing', 'failing', 'failing'], 'failing'],
    // With the good call that each instance has made, four are half of eight, and one in four half of a half.
    ['a rate', { ...byRate, errorRate: 0.5 }, ['well', 'well'], 'failing'],
    ['a rate of few calls', { ...byRate, errorRate: 0.5 }, ['failing', 'failing'], 'failing'],
    ['slow calls', { ...byRate, slowRate: 0.5, slowAfter: '1s' }, ['well', 'well'], 'slow'],
  ])('one, and half of what opens it: %s', async (_, options, before, last) => {
    const { store, one } = await alone({ options });
    const call = async (ill: Ill) => {
      one.status = ill === 'failing' ? 503 : 200;
      one.tookMs = ill === 'slow' ? 2_000 : 0;
      await one.call();
    };
    for (const ill of before) await call(ill);
    await tell(store, [vote('a', { openMs: 60_000 })]);
    expect(one.state).toBe('closed');
    await call(last);
    expect(one.state).toMatch(/^open: (failures|error_rate|slow_rate)$/);
  });

  test('to close are told for as long as any to open before', async () => {
    const { store, one } = await alone();
    await tell(store, [vote('a', { openMs: 60_000 })]);
    expect(one.state).toBe('closed');
    one.breaker.trip('1s');
    one.breaker.reset();
    await one.fleet.sync();
    const own = (await votesIn(store)).find(({ id }) => id !== 'a');
    expect(own).toMatchObject({ state: 'closed', openMs: 60_000 });
  });

  test('come from the circuit that has the name now', async () => {
    const { store, clock, one } = await alone();
    const successor = breaker({ fleet: one.fleet, clock, name: 'pay', key: 'all' });
    successor.trip('1s');
    await one.fleet.sync();
    const [before] = await votesIn(store);
    one.breaker.trip('60s');
    await one.fleet.sync();
    expect(await votesIn(store)).toEqual([before]);
    expect(before?.openMs).toBe(1_000);
  });
});

describe('a circuit that another instance closed', () => {
  async function closedByOthers(random: () => number) {
    const made = await alone({ fleet: { adopt: 'any', random } });
    await tell(made.store, [vote('a')]);
    await tell(made.store, [vote('a', { state: 'closed', epoch: 2 })]);
    return made;
  }

  test('lets a tenth of the calls through at first', async () => {
    let draw = 0.09;
    const { one } = await closedByOthers(() => draw);
    expect(await one.call()).toEqual([200]);
    draw = 0.11;
    expect(await one.call()).toEqual([503]);
  });

  test('lets all of them through after a probe of its own', async () => {
    const { clock, one } = await closedByOthers(() => 0.5);
    one.breaker.trip('1ms');
    await clock.advance(1);
    expect(await one.call()).toEqual([503]);
    await clock.advance(0);
    expect(await one.call(3)).toEqual([200, 200, 200]);
  });
});

test('CB-27: an election that comes after the circuit has changed makes no prober', async () => {
  const answers: ((grant: Grant) => void)[] = [];
  const slow = (clock: VirtualClock): Store => ({
    ...memoryStore({ clock }),
    take: () => new Promise((resolve) => answers.push(resolve)),
  });
  const { clock, one } = await alone({ store: slow });
  one.breaker.trip('1s');
  await clock.advance(1_000);
  expect(await one.call()).toEqual([503]);
  one.breaker.trip('1s');
  answers[0]?.({ granted: 1, remaining: 0, retryMs: 0, resetMs: 0 });
  await clock.advance(1_000);
  expect(await one.call(2)).toEqual([503, 503]);
  expect(one.calls).toBe(0);
});

test.each(['metrics_only', 'disabled'] as const)(
  'CB-33 a breaker that is %s follows nobody',
  async (mode) => {
    const { store, one } = await alone({ fleet: { adopt: 'any' } });
    one.breaker.setMode(mode);
    await tell(store, [vote('a', { openMs: 60_000 })]);
    expect(await one.call()).toEqual([200]);
    one.breaker.setMode('on');
    expect(await one.call()).toEqual([200]);
  },
);

test('ST-07: a turn that was begun ends with the time of one probe, also where that said nothing', async () => {
  let isIgnored = true;
  const { clock, one } = await alone({ options: { isIgnored: () => isIgnored } });
  one.breaker.trip('1s');
  await clock.advance(1_000);
  expect(await one.call()).toEqual([503]);
  await clock.advance(0);
  expect(await one.call()).toEqual([200]);
  await clock.advance(10_000);
  isIgnored = false;
  // Another instance may have the turn by now: it has to be asked for.
  expect(await one.call()).toEqual([503]);
  await clock.advance(0);
  expect(await one.call()).toEqual([200]);
  expect(one.state).toBe('closed');
});
