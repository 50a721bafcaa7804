/** Tables of routes to look in. */

import type { MatchableRoute } from '../src/routing/match.ts';

/** Routes as an API has them: exact paths, parameters, prefixes. */
export function routes(count: number): MatchableRoute[] {
  return Array.from({ length: count }, (_, index) => {
    const service = `/service-${Math.floor(index / 10)}`;
    switch (index % 4) {
      case 0:
        return { path: `${service}/items-${index}` };
      case 1:
        return { path: `${service}/items-${index}/:id` };
      case 2:
        return { path: `${service}/items-${index}/:id/parts/:part` };
      default:
        return { path: `${service}/items-${index}/**` };
    }
  });
}

/** Some that fit, from everywhere in the list. */
export function requestsFor(table: readonly MatchableRoute[]): Request[] {
  return Array.from({ length: 97 }, (_, index) => {
    const { path } = table[(index * 31) % table.length] as MatchableRoute;
    const concrete = path.replace(/:\w+/g, '42').replace('**', 'a/b');
    return new Request(`http://shop.example${concrete}`);
  });
}
