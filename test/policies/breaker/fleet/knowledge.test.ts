import { expect, test } from 'vitest';
import { Knowledge } from '../../../../src/policies/breaker/fleet/knowledge.ts';
import { readRegister } from '../../../../src/policies/breaker/fleet/register.ts';
import type { Vote } from '../../../../src/policies/breaker/fleet/votes.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const travelMs = 2_000;

function knowing() {
  const clock = new VirtualClock();
  return { clock, knowledge: new Knowledge({ clock, silenceMs: 15_000, travelMs }) };
}

const vote = (id: string, others: Partial<Vote> = {}): Vote => ({
  ...{ id, state: 'open', epoch: 1, openMs: 10_000, openedAt: 0 },
  ...others,
});
const register = (votes: readonly Vote[], beats: Record<string, number> = {}) =>
  readRegister(JSON.stringify({ beats, circuits: { pay: votes } }));
const ids = (votes: readonly Vote[] = []) => votes.map(({ id }) => id);

test('an instance that reads its own vote in the register has one vote', () => {
  const { knowledge } = knowing();
  const { id: _, ...word } = vote('a');
  knowledge.say('pay', word);
  knowledge.learn(knowledge.own());
  expect(ids(knowledge.votesOn('pay'))).toEqual([knowledge.id]);
});

test('ST-08: that a circuit is closed is known for longer than that it was opened', async () => {
  const { clock, knowledge } = knowing();
  knowledge.learn(register([vote('a'), vote('b', { state: 'closed', epoch: 2 })]));
  await clock.advance(2 * 10_000 + travelMs);
  expect(ids(knowledge.votesOn('pay'))).toEqual(['b']);
  await clock.advance(2 * 10_000);
  expect(ids(knowledge.votesOn('pay'))).toEqual([]);
});

test('what stands there again and again is no news: its age goes by when it was first heard', async () => {
  const { clock, knowledge } = knowing();
  const text = register([vote('a')]);
  for (let second = 0; second < 5; second++) {
    knowledge.learn(text);
    await clock.advance(1_000);
  }
  const [heard] = knowledge.votesOn('pay') as [Vote];
  expect(knowledge.leftOf(heard, 'pay', false)).toBe(5_000);
});

test('what another writer overwrote is known for as long as it counts', async () => {
  const { clock, knowledge } = knowing();
  knowledge.learn(register([vote('a')]));
  knowledge.learn(register([vote('b', { openMs: 60_000 })]));
  expect(ids(knowledge.votesOn('pay')).sort()).toEqual(['a', 'b']);
  await clock.advance(2 * 10_000 + travelMs);
  expect(ids(knowledge.votesOn('pay'))).toEqual(['b']);
});

test('by the wall clock, one that runs ahead opens nothing for longer than was meant', () => {
  const { clock, knowledge } = knowing();
  const ahead = vote('a', { openedAt: clock.now() + 3_600_000 });
  const late = vote('b', { openedAt: clock.now() - 4_000 });
  knowledge.learn(register([ahead, late]));
  expect(knowledge.leftOf(ahead, 'pay', true)).toBe(10_000);
  expect(knowledge.leftOf(late, 'pay', true)).toBe(6_000);
});

test('of a register, that is written again which still means something', async () => {
  const { clock, knowledge } = knowing();
  const found = register([vote('a'), vote('b', { openMs: 60_000 })], { a: 1, b: 1 });
  knowledge.learn(found);
  // Nothing is known against what is read for the first time.
  const fresh = knowledge.fresh(register([vote('c')], { c: 1 }));
  expect([...fresh.beats.keys(), ...ids(fresh.circuits.get('pay'))]).toEqual(['c', 'c']);
  await clock.advance(2 * 10_000 + travelMs);
  const { beats, circuits } = knowledge.fresh(found);
  expect([...beats.keys()]).toEqual([]);
  expect(ids(circuits.get('pay'))).toEqual(['b']);
  expect(knowledge.fresh(register([vote('a')])).circuits.size).toBe(0);
});

test('those live who said so a short while ago, or voted', async () => {
  const { clock, knowledge } = knowing();
  knowledge.learn(register([vote('a')], { b: 1, c: 1 }));
  expect([...knowledge.living('pay')].sort()).toEqual([knowledge.id, 'a', 'b', 'c'].sort());
  expect([...knowledge.living('ship')].sort()).toEqual([knowledge.id, 'b', 'c'].sort());
  await clock.advance(14_999);
  knowledge.learn(register([vote('a')], { b: 2, c: 1 }));
  await clock.advance(1);
  expect([...knowledge.living('pay')].sort()).toEqual([knowledge.id, 'b'].sort());
});
