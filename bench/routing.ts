/**
 * What finding a route costs, by the number of routes and of conditions. Run by bench/run.ts on Node, Bun and Deno.
 */

import { compileMatcher, type MatchableRoute } from '../src/routing/match.ts';
import { RequestFacts } from '../src/routing/request-facts.ts';
import { type Contestant, measure } from './measure.ts';
import { freshFacts, inputsFor, routes } from './routing-table.ts';

/** Finds routes for a hundred of the inputs, which are made fresh each time. */
function lookUp<T>(
  name: string,
  table: readonly MatchableRoute[],
  inputs: readonly T[],
  fresh: (input: T) => RequestFacts,
): Contestant {
  const matcher = compileMatcher(table);
  let turn = 0;
  let sum = 0;
  return {
    name,
    run: () => {
      for (let call = 0; call < 100; call++) {
        sum += matcher.find(fresh(inputs[turn++ % inputs.length] as T)) ?? 0;
      }
      return sum;
    },
  };
}

const contestants: Contestant[] = [10, 1_000, 10_000].map((count) => {
  const table = routes(count);
  return lookUp(`${count} routes`, table, inputsFor(table), freshFacts);
});
for (const count of [1, 50]) {
  const table = Array.from({ length: count }, (_, index) => ({
    path: '/a',
    match: [{ headers: { 'x-tenant': `t${index}` } }],
  }));
  // As many requests, however many routes: else one of them would be known by heart.
  const requests = Array.from(
    { length: 97 },
    (_, index) =>
      new Request('http://shop.example/a', { headers: { 'x-tenant': `t${index % count}` } }),
  );
  const url = new URL('http://shop.example/a');
  contestants.push(
    lookUp(
      `${count} routes on one header`,
      table,
      requests,
      (request) => new RequestFacts(request, url, '/a'),
    ),
  );
}

const results = await measure(contestants);
const first = results[0]?.median ?? 1;
for (const { name, median } of results) {
  // A run is a hundred look-ups.
  console.log(
    `${name.padEnd(28)} ${(median * 10).toFixed(0).padStart(6)} ns   ${(median / first).toFixed(2)} ×`,
  );
}
