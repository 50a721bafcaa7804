import { describe, expect, it } from 'vitest';
import {
  type Adoption,
  countPlaces,
  isAdopted,
  isInstanceId,
  mergeVotes,
  mostVotes,
  newInstanceId,
  openVotes,
  probeRank,
  readVotes,
  type Vote,
} from '../../../../src/policies/breaker/fleet/votes.ts';

function vote(id: string, state: Vote['state'], epoch: number, openMs = 1_000): Vote {
  return { id, state, epoch, openMs, openedAt: 5_000 };
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const at = Math.floor(random() * (last + 1));
    [mixed[last], mixed[at]] = [mixed[at] as T, mixed[last] as T];
  }
  return mixed;
}

describe('votes on a breaker', () => {
  it.each([8, 3 * mostVotes])(
    'end in the same register, duplicated, reordered and delayed (%i instances)',
    (instances) => {
      for (let seed = 1; seed <= 40; seed += 1) {
        const random = seeded(seed);
        const votes = Array.from({ length: instances * 2 }, () =>
          vote(
            `i${Math.floor(random() * instances)}`,
            random() < 0.5 ? 'open' : 'closed',
            Math.floor(random() * 5),
            Math.floor(random() * 3),
          ),
        );
        const expected = mergeVotes(votes, []);
        const twice = shuffled([...votes, ...votes.filter(() => random() < 0.5)], random);
        // Groups travel apart from each other, and meet in any tree of merges.
        const registers: (readonly Vote[])[] = twice.map((one) => [one]);
        while (registers.length > 1) {
          const [one = []] = registers.splice(Math.floor(random() * registers.length), 1);
          const at = Math.floor(random() * registers.length);
          const other = registers[at] ?? [];
          registers[at] = random() < 0.5 ? mergeVotes(one, other) : mergeVotes(other, one);
        }
        expect(registers[0], `seed ${seed}`).toEqual(expected);
        expect(expected.length).toBeLessThanOrEqual(mostVotes);
        expect(mergeVotes(expected, expected)).toEqual(expected);
        expect(readVotes(JSON.parse(JSON.stringify(expected)))).toEqual(expected);
      }
    },
  );

  it('to open of an older epoch never open again what was closed', () => {
    const closed = mergeVotes([vote('a', 'open', 1)], [vote('b', 'closed', 2)]);
    expect(openVotes(mergeVotes(closed, [vote('c', 'open', 1), vote('d', 'open', 2)]))).toEqual([]);
    expect(openVotes(mergeVotes(closed, [vote('c', 'open', 3)]))).toEqual([vote('c', 'open', 3)]);
  });

  it('ST-08: one broken instance of ten opens no other by quorum, five do', () => {
    const opened = (adopt: Adoption) =>
      [1, 4, 5, 6].map((broken) => isAdopted(broken, 10, adopt, 0.5));
    expect(opened('quorum')).toEqual([false, false, true, true]);
    expect(opened('any')).toEqual([true, true, true, true]);
    expect(opened('off')).toEqual([false, false, false, false]);
  });

  it('of instances that start at one place, one after the other, are those of one', () => {
    const ids = ['web-1:8080', 'web-1:8080', 'web-2:8080', undefined, undefined].map(newInstanceId);
    expect(new Set(ids).size).toBe(5);
    expect(ids.every(isInstanceId)).toBe(true);
    expect(countPlaces(ids)).toBe(4);
    expect(countPlaces(ids.slice(0, 2))).toBe(1);
  });

  it('of a lone instance are no quorum', () => {
    expect(isAdopted(1, 1, 'quorum', 0.5)).toBe(false);
  });

  it('give each instance a place of its own among the probers, another one in other epochs', () => {
    const ids = Array.from({ length: 10 }, (_, at) => `i${at}`);
    const orders = [1, 2, 3, 4].map((epoch) => ids.map((id) => probeRank(id, ids, epoch)));
    for (const order of orders) {
      expect([...order].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(new Set(orders.map(String)).size).toBe(4);
  });

  it.each([
    'null',
    '{}',
    '[null, 1, {}]',
    '[{"id":"","state":"open","epoch":1,"openMs":1,"openedAt":1}]',
    '[{"id":"a","state":"ajar","epoch":1,"openMs":1,"openedAt":1}]',
    '[{"id":"a","state":"open","epoch":1e300,"openMs":1,"openedAt":1}]',
    '[{"id":"a","state":"open","epoch":1,"openMs":-1,"openedAt":1}]',
  ])('that are none are left out: %s', (text) => {
    expect(readVotes(JSON.parse(text))).toEqual([]);
  });
});
