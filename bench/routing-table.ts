/** Tables of routes to look in. */

import type { MatchableRoute } from '../src/routing/match.ts';
import { RequestFacts } from '../src/routing/request-facts.ts';

const origin = 'http://shop.example';

/** Routes as an API has them: exact paths, parameters, prefixes. */
export function routes(count: number): MatchableRoute[] {
  return Array.from({ length: count }, (_, index) => {
    const service = `/service-${Math.floor(index / 10)}`;
    const methods = ['GET'];
    switch (index % 4) {
      case 0:
        return { path: `${service}/items-${index}`, methods };
      case 1:
        return { path: `${service}/items-${index}/:id`, methods };
      case 2:
        return { path: `${service}/items-${index}/:id/parts/:part`, methods };
      default:
        return { path: `${service}/items-${index}/**`, methods };
    }
  });
}

/** What is looked for. */
export interface Input {
  readonly request: Request;
  readonly url: URL;
  readonly href: string;
}

/**
 * Requests for routes from everywhere in the list, with parameters of their own, so that no cache is always right and no
 * branch always the same; each eighth fits none.
 */
export function inputsFor(table: readonly MatchableRoute[]): Input[] {
  return Array.from({ length: 97 }, (_, index) => {
    const { path } = table[(index * 31) % table.length] as MatchableRoute;
    const concrete = path
      .replace(/:\w+/g, () => String((index * 7_919) % 100_003))
      .replace('**', 'a/b'.repeat(index % 3))
      .replace('items', index % 8 === 7 ? 'things' : 'items');
    const request = new Request(`${origin}${concrete}`);
    const url = new URL(request.url);
    return { request, url, href: url.href };
  });
}

/**
 * The path, cut out anew each time, as a `URL` cuts it: a server meets no path twice, and a string that it has met has its hash
 * with it, and is equal to itself at a glance.
 */
export function freshPath({ href }: Input): string {
  return href.slice(origin.length);
}

/** What our matcher is asked with, as fresh as the path. */
export function freshFacts(input: Input): RequestFacts {
  return new RequestFacts(input.request, input.url, freshPath(input));
}
