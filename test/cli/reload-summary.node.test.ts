import { expect, test } from 'vitest';
import { reloadSummary } from '../../src/cli/reload-summary.ts';
import type { Rules } from '../../src/rules/model.ts';
import { parseRules } from '../../src/rules/parse.ts';

function rulesOf(routes: readonly string[]): Rules {
  const text = `services: { a: "http://a" }\nroutes: [${routes.join(', ')}]`;
  return parseRules(text).rules as Rules;
}

const route = (name: string, rest = ''): string =>
  `{ name: ${name}, path: /${name}, to: a${rest} }`;

test('R7: what was changed, added and removed', () => {
  const before = rulesOf([route('x'), route('old')]);
  const after = rulesOf([route('x', ', timeout: 1s'), route('new')]);
  expect(reloadSummary(before, after)).toBe('route x changed, route old removed, route new added');
});

test('nothing, where only form and comments differ', () => {
  expect(reloadSummary(rulesOf([route('x')]), rulesOf([route('x')]))).toBe(
    'nothing that requests could tell',
  );
});

test('of much the first few, and how much more there is', () => {
  const many = Array.from({ length: 8 }, (_, index) => route(`r${index}`));
  expect(reloadSummary(rulesOf([route('x')]), rulesOf([route('x'), ...many]))).toBe(
    'route r0 added, route r1 added, route r2 added, route r3 added, route r4 added and 3 more things',
  );
});

test('of very many routes how many there are: requests would wait for more', () => {
  const many = rulesOf(Array.from({ length: 201 }, (_, index) => route(`r${index}`)));
  expect(
    reloadSummary(many, rulesOf(Array.from({ length: 200 }, (_, index) => route(`r${index}`)))),
  ).toBe('200 routes in place of 201; fetchmesh diff says what differs');
});
