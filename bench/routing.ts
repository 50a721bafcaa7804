/**
 * What finding a route costs, by the number of routes and of conditions. Run by bench/run.ts on Node, Bun and Deno.
 */

import { compileMatcher, type MatchableRoute } from '../src/routing/match.ts';
import { RequestFacts } from '../src/routing/request-facts.ts';
import { type Contestant, measure } from './measure.ts';
import { requestsFor, routes } from './routing-table.ts';

/** Finds routes from everywhere in the list, so that no cache is always right. */
function lookUp(
  name: string,
  table: readonly MatchableRoute[],
  requests: readonly Request[],
): Contestant {
  const matcher = compileMatcher(table);
  const facts = requests.map((request) => {
    const url = new URL(request.url);
    return new RequestFacts(request, url, url.pathname);
  });
  let turn = 0;
  return {
    name,
    run: () => {
      for (let call = 0; call < 100; call++) {
        const found = matcher.find(facts[turn++ % facts.length] as RequestFacts);
        if (found === undefined) throw new Error('A route was not found');
      }
    },
  };
}

const contestants: Contestant[] = [10, 1_000, 10_000].map((count) => {
  const table = routes(count);
  return lookUp(`${count} routes`, table, requestsFor(table));
});
for (const count of [1, 50]) {
  const table = Array.from({ length: count }, (_, index) => ({
    path: '/a',
    match: [{ headers: { 'x-tenant': `t${index}` } }],
  }));
  const requests = table.map(
    (_, index) => new Request('http://shop.example/a', { headers: { 'x-tenant': `t${index}` } }),
  );
  contestants.push(lookUp(`${count} routes on one header`, table, requests));
}

const results = await measure(contestants);
const first = results[0]?.median ?? 1;
for (const { name, median } of results) {
  // A run is a hundred look-ups.
  console.log(
    `${name.padEnd(28)} ${(median * 10).toFixed(0).padStart(6)} ns   ${(median / first).toFixed(2)} ×`,
  );
}
