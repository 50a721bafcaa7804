import { describe, expect, it } from 'vitest';
import {
  isAdopted,
  mergeVotes,
  mostVotes,
  openVotes,
  probeRank,
  readVotes,
  type Vote,
  writeVotes,
} from '../../../src/policies/breaker/votes.ts';

function vote(id: string, state: Vote['state'], epoch: number, beat = 0): Vote {
  const isOpen = state === 'open';
  return { id, state, epoch, beat, openMs: isOpen ? 1000 : 0, openedAt: isOpen ? 5000 : 0 };
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
        expect(readVotes(writeVotes(expected))).toEqual(expected);
      }
    },
  );

  it('to open of an older epoch never open again what was closed', () => {
    const closed = mergeVotes([vote('a', 'open', 1)], [vote('b', 'closed', 2)]);
    expect(openVotes(mergeVotes(closed, [vote('c', 'open', 1), vote('d', 'open', 2)]))).toEqual([]);
    expect(openVotes(mergeVotes(closed, [vote('c', 'open', 3)]))).toEqual([vote('c', 'open', 3)]);
  });

  it('ST-08: one broken instance of ten opens no other by quorum, six do', () => {
    const fleet = (broken: number) =>
      Array.from({ length: 10 }, (_, at) =>
        at < broken ? vote(`i${at}`, 'open', 1) : vote(`i${at}`, 'closed', 0),
      );
    expect([1, 4, 5, 6].map((broken) => isAdopted(fleet(broken), 'quorum', 0.5))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(isAdopted(fleet(1), 'any', 0.5)).toBe(true);
    expect(isAdopted(fleet(10), 'off', 0.5)).toBe(false);
  });

  it('of a lone instance are no quorum', () => {
    expect(isAdopted([vote('a', 'open', 1)], 'quorum', 0.5)).toBe(false);
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
    'no JSON',
    'null',
    '{}',
    '[null, 1, {}]',
    '[{"id":"","state":"open","epoch":1,"beat":0,"openMs":1,"openedAt":1}]',
    '[{"id":"a","state":"ajar","epoch":1,"beat":0,"openMs":1,"openedAt":1}]',
    '[{"id":"a","state":"open","epoch":1e300,"beat":0,"openMs":1,"openedAt":1}]',
    '[{"id":"a","state":"open","epoch":1,"beat":-1,"openMs":1,"openedAt":1}]',
  ])('that are none are left out: %s', (text) => {
    expect(readVotes(text)).toEqual([]);
  });
});
