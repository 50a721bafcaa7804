import { describe, expect, test } from 'vitest';
import {
  Election,
  type ElectionSettings,
} from '../../../../src/policies/breaker/fleet/election.ts';
import { Knowledge } from '../../../../src/policies/breaker/fleet/knowledge.ts';
import type { Grant, TakingStore } from '../../../../src/stores/contract.ts';
import { memoryStore } from '../../../../src/stores/memory.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const probeMs = 10_000;

function electing(clock: VirtualClock, settings: Partial<ElectionSettings> = {}) {
  const knowledge = new Knowledge({ clock, silenceMs: 15_000, travelMs: 2_000 });
  const election = new Election('pay', {
    ...{ knowledge, clock, store: undefined, prefix: 'probe/', pollMs: 1_000 },
    ...{ longestAskMs: 3_000, random: () => 0.5, onError: () => {} },
    ...settings,
  });
  return { knowledge, election };
}

describe('where nobody can be asked', () => {
  test('instances take turns, a quarter of a probe apart, in an order that all of them know', async () => {
    const clock = new VirtualClock();
    const instances = Array.from({ length: 4 }, () => electing(clock));
    const votes = instances.map(({ knowledge: { id } }) => ({
      ...({ id, state: 'open', epoch: 1, openMs: 60_000, openedAt: 0 } as const),
    }));
    for (const { knowledge } of instances) {
      knowledge.learn({ beats: new Map(), circuits: new Map([['pay', votes]]) });
    }
    const probedAt = new Map<number, number>();
    for (let second = 0; second < 10; second += 0.5) {
      for (const [place, { election }] of instances.entries()) {
        if (!election.isDue(clock.monotonic()) || probedAt.has(place)) continue;
        if (await election.isMine(probeMs, 1)) probedAt.set(place, second);
      }
      await clock.advance(500);
    }
    expect([...probedAt.values()]).toEqual([0, 2.5, 5, 7.5]);
  });

  test('a turn lasts for one probe, and is asked for again with every look', async () => {
    const clock = new VirtualClock();
    const { election } = electing(clock);
    expect(await election.isMine(probeMs, 1)).toBe(true);
    expect(election.isDue(clock.monotonic())).toBe(true);
    expect(await election.isMine(probeMs, 1)).toBe(false);
    await clock.advance(999);
    expect(election.isDue(clock.monotonic())).toBe(false);
    await clock.advance(1);
    expect(election.isDue(clock.monotonic())).toBe(true);
    expect(await election.isMine(probeMs, 1)).toBe(false);
    await clock.advance(9_000);
    expect(await election.isMine(probeMs, 1)).toBe(true);
    // The circuit opened anew: so do the turns.
    election.restart();
    expect(await election.isMine(probeMs, 2)).toBe(true);
  });
});

describe('where a store elects', () => {
  test('one is, and the others ask again when the next one can be, not all at once', async () => {
    const clock = new VirtualClock();
    const store = memoryStore({ clock });
    const [one, other] = [electing(clock, { store }), electing(clock, { store })];
    expect(await one.election.isMine(probeMs, 1)).toBe(true);
    expect(await other.election.isMine(probeMs, 1)).toBe(false);
    await clock.advance(probeMs * 1.05 - 1);
    expect(other.election.isDue(clock.monotonic())).toBe(false);
    await clock.advance(1);
    expect(other.election.isDue(clock.monotonic())).toBe(true);
    expect(await other.election.isMine(probeMs, 1)).toBe(true);
  });

  test('that fails, each one has a turn after a while of its own; it is told', async () => {
    const clock = new VirtualClock();
    const errors: unknown[] = [];
    const store: TakingStore = {
      ...memoryStore({ clock }),
      take: (): Promise<Grant> => Promise.reject(new Error('out')),
    };
    const onError = (error: unknown) => void errors.push(error);
    const { election } = electing(clock, { store, onError });
    expect(await election.isMine(probeMs, 1)).toBe(false);
    await clock.advance(probeMs / 2 - 1);
    expect(await election.isMine(probeMs, 1)).toBe(false);
    await clock.advance(1);
    expect(await election.isMine(probeMs, 1)).toBe(true);
    expect(errors.length).toBe(3);
  });
});
