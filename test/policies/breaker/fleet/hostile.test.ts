import { describe, expect, test } from 'vitest';
import { Knowledge } from '../../../../src/policies/breaker/fleet/knowledge.ts';
import {
  longestRegister,
  mostCircuits,
  type Register,
  readRegister,
} from '../../../../src/policies/breaker/fleet/register.ts';
import {
  latestEpochAt,
  longestOpenMs,
  mostVotes,
  type Vote,
} from '../../../../src/policies/breaker/fleet/votes.ts';
import type { Entry, Store } from '../../../../src/stores/contract.ts';
import { memoryStore } from '../../../../src/stores/memory.ts';
import { fleetOf, type Instance } from '../../../support/breaker-fleet.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const vote = (id: string, others: Partial<Vote> = {}): Vote => ({
  ...{ id, state: 'open', epoch: 1, openMs: 1_000, openedAt: 5_000 },
  ...others,
});
const written = (circuits: Record<string, readonly Vote[]>, beats = {}): string =>
  JSON.stringify({ beats, circuits });

describe('ST-09: whatever stands in the store', () => {
  test.each([
    [
      'a text that is longer than any register',
      `${written({ pay: [vote('a')] })}${' '.repeat(longestRegister)}`,
    ],
    ['a circuit with a name that no breaker has', written({ ['p'.repeat(66)]: [vote('a')] })],
    [
      'a vote for longer than is told',
      written({ pay: [vote('a', { openMs: longestOpenMs + 1 })] }),
    ],
    ['nesting without end', `${'['.repeat(200_000)}`],
  ])('%s is passed over', (_, text) => {
    expect(readRegister(text).circuits.get('pay') ?? []).toEqual([]);
    expect([...readRegister(text).circuits.values()].flat()).toEqual([]);
  });

  test('what is kept of it has a bound, however often it changes', () => {
    const clock = new VirtualClock();
    const knowledge = new Knowledge({ clock, silenceMs: 15_000, travelMs: 2_000 });
    const flood = (round: number): Register => ({
      beats: new Map(),
      circuits: new Map(
        Array.from({ length: mostCircuits }, (_, at) => [
          `c${round}.${at}`,
          [vote('a', { openMs: longestOpenMs })],
        ]),
      ),
    });
    for (let round = 0; round < 20; round++) knowledge.learn(flood(round));
    const rounds = Array.from({ length: 20 }, (_, round) => [...flood(round).circuits.keys()]);
    const kept = rounds.flat().filter((name) => knowledge.votesOn(name).length > 0);
    expect(kept).toEqual(rounds.at(-1));

    const crowd = (round: number): Register => ({
      beats: new Map(),
      circuits: new Map([
        [
          'pay',
          Array.from({ length: mostVotes }, (_, at) => vote(`i${round}.${at}`, { openMs: 60_000 })),
        ],
      ]),
    });
    for (let round = 0; round < 5; round++) knowledge.learn(crowd(round));
    expect(knowledge.votesOn('pay').length).toBe(mostVotes);
  });

  test('what an instance says itself has a bound: circuits may be named by clients', () => {
    const knowledge = new Knowledge({
      clock: new VirtualClock(),
      ...{ silenceMs: 15_000, travelMs: 2_000 },
    });
    for (let at = 0; at < 3 * mostCircuits; at++) {
      knowledge.say(`c${at}`, { state: 'open', epoch: 1, openMs: 60_000, openedAt: 0 });
    }
    const { circuits } = knowledge.own();
    expect(circuits.size).toBe(mostCircuits);
    expect(circuits.has(`c${3 * mostCircuits - 1}`)).toBe(true);
  });

  test.each([
    ['that nobody can have counted to', 86_400_000],
    ['as high as anybody can have counted', 0],
  ])('an epoch %s is the end of no vote, and does not stay', async (_, beyond) => {
    const { clock, store, instances, talk } = await fleetOf(2, { fleet: { adopt: 'any' } });
    const [one, two] = instances as [Instance, Instance];
    const epoch = clock.now() + beyond;
    const forged = ['x', 'y'].map((id) => vote(id, { epoch, state: 'closed', openMs: 1 }));
    await store.set('breakers/default', written({ pay: forged }));
    await talk();
    await clock.advance(1);
    one.status = 503;
    await one.call(4);
    await clock.advance(1);
    await talk();
    expect(two.state).toBe('open: peers');
    const before = await store.get('breakers/default');
    await talk();
    // What stands there is not written over and over.
    expect((await store.get('breakers/default'))?.version).toBe(before?.version);
    one.status = 200;
    one.breaker.reset();
    await clock.advance(1);
    await talk();
    expect(two.state).toBe('closed');
  });

  test('votes with such epochs, however many, crowd out none that counts', () => {
    const now = 1_000_000;
    const crowd = Array.from({ length: 2 * mostVotes }, (_, at) =>
      vote(`x${at}`, { epoch: now + 1 }),
    );
    const read = readRegister(written({ pay: [...crowd, vote('a')] }), latestEpochAt(now));
    expect(read.circuits.get('pay')).toEqual([vote('a')]);
  });

  test('a circuit that a person opens for longer than is told is told all the same', async () => {
    const { instances, talk } = await fleetOf(2, { fleet: { adopt: 'any' } });
    const [one, two] = instances as [Instance, Instance];
    one.breaker.trip('30d');
    await talk();
    expect(two.state).toBe('open: peers');
    expect(two.breaker.status().openForMs).toBe(longestOpenMs);
  });
});

describe('ST-09: nothing reaches a request', () => {
  test('where whoever is told of errors throws', async () => {
    const broken = (clock: VirtualClock): Store => ({
      ...memoryStore({ clock }),
      get: () => Promise.reject(new Error('out')),
    });
    const { instances } = await fleetOf(1, {
      store: broken,
      fleet: {
        onError: () => {
          throw new Error('no log either');
        },
      },
    });
    const [one] = instances as [Instance];
    await expect(one.fleet.sync()).resolves.toBeUndefined();
    one.status = 503;
    expect(await one.call(5)).toEqual([503, 503, 503, 503, 503]);
    expect(one.state).toBe('open: failures');
  });

  test('where a condition of the breaker throws when a vote comes', async () => {
    let isBroken = false;
    const listeners: ((entry: Entry | null) => void)[] = [];
    const { instances } = await fleetOf(1, {
      store: (clock) => ({
        ...memoryStore({ clock }),
        watch: (_, changed) => void listeners.push(changed),
      }),
      options: {
        failures: undefined as never,
        minRequests: 1,
        trip: () => {
          if (isBroken) throw new Error('a condition with a fault');
          return false;
        },
      },
    });
    isBroken = true;
    // Whoever calls these, such as a client of Redis, catches nothing.
    for (const changed of listeners) {
      changed({ value: written({ pay: [vote('x', { epoch: 9 })] }), version: '9' });
    }
    expect(listeners.length).toBe(1);
    expect(instances.map(({ state }) => state)).toEqual(['closed']);
  });
});

test('ST-07: a question that died with the request that asked it is asked again', async () => {
  let isHanging = true;
  const hanging = (clock: VirtualClock): Store => {
    const store = memoryStore({ clock });
    return {
      ...store,
      // As where a deadline of the store ends with the request as well.
      ...{ available: true },
      take: (key, limit, n, min) =>
        isHanging ? new Promise<never>(() => {}) : store.take(key, limit, n, min),
    };
  };
  const { clock, instances } = await fleetOf(1, { store: hanging });
  const [one] = instances as [Instance];
  one.status = 503;
  await one.call(4);
  one.status = 200;
  await clock.advance(5_000);
  expect(await one.call()).toEqual([503]);
  isHanging = false;
  await clock.advance(5_000);
  expect(await one.call()).toEqual([503]);
  await clock.advance(1);
  expect(await one.call()).toEqual([200]);
});

test('ST-08: who has fallen silent has no vote', async () => {
  const { clock, instances } = await fleetOf(4, { options: { openFor: '60s' } });
  const [one, two, three, four] = instances as [Instance, Instance, Instance, Instance];
  one.status = 503;
  await one.call(4);
  await one.fleet.sync();
  for (let second = 0; second < 16; second++) {
    await clock.advance(1_000);
    for (const { fleet } of [two, three, four]) await fleet.sync();
  }
  // Half of three are two: one of them says so, and one who is gone.
  two.status = 503;
  await two.call(4);
  await two.fleet.sync();
  await three.fleet.sync();
  expect(three.state).toBe('closed');
});
