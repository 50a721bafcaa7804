import { expect, test } from 'vitest';
import { lateVotes } from '../../src/gateway/late-votes.ts';
import { rulesFrom } from '../support/rules.ts';

function rulesWith(...breakers: readonly string[]) {
  return rulesFrom(
    `routes: [${breakers.map((block, index) => `{ path: /${index}, breaker: ${block} }`)}]`,
  );
}

test('breakers that are open for less than news of it may take are named', () => {
  expect(lateVotes(rulesWith('{ open_for: 30s }', '{ open_for: 60s }'), 60_000)).toBe(
    "others may hear of an open breaker 1m later, when those of '/0' are closed again; write open_for: 2m",
  );
  const many = rulesWith(...Array.from({ length: 9 }, () => '{ failures: 5 }'));
  expect(lateVotes(many, 60_000)).toContain("those of '/0', '/1', '/2', 6 more are closed again");
});

test('there is nothing to say where none is', () => {
  const rules = rulesWith('{ open_for: 60s }', 'off', '{ open_for: 1s, mode: metrics_only }');
  expect(lateVotes(rules, 60_000)).toBeUndefined();
  expect(lateVotes(rulesWith('{ open_for: 1s }'), 0)).toBeUndefined();
});
