/**
 * Conditions on a request as a function: what `onlyIf` of a policy takes.
 *
 * @module
 */

import { canonicalPath } from '../core/canonical-path.ts';
import { claims, spaceDelimitedClaims, withWordLists } from '../core/claims.ts';
import type { Context } from '../core/context.ts';
import { urlOf } from '../core/url.ts';
import { allHold, compileConditions, type MatchConditions } from './conditions.ts';
import { RequestFacts, requestFacts } from './request-facts.ts';

export type { MatchConditions } from './conditions.ts';

/**
 * Makes a function of match strings on headers, query, cookies, baggage and claims: `"v"` equal, `"v*"` prefix, `"~re"` regular
 * expression, `"*"` present, `"!*"` absent, `"!v"` not equal. All of them have to hold; of several sets, one.
 *
 * @throws {SyntaxError} for an expression that does not compile.
 * @throws {RangeError} for a header that can have no such name.
 *
 * @example
 * ```ts
 * const isTester = when({ headers: { 'x-tester': '*' }, cookies: { beta: '1' } });
 * const request = new Request('http://shop.example/', { headers: { 'x-tester': 'ada', cookie: 'beta=1' } });
 * isTester(request, Context.background()); // true
 * ```
 */
export function when(
  ...sets: readonly MatchConditions[]
): (request: Request, context: Context) => boolean {
  const compiled = sets.map((set) => compileConditions(set));
  return (request, context) => {
    const facts = context.get(requestFacts) ?? factsOf(request);
    const told = context.get(claims);
    const own = told && withWordLists(told, context.get(spaceDelimitedClaims));
    return compiled.some((conditions) => allHold(conditions, facts, own));
  };
}

function factsOf(request: Request): RequestFacts {
  const url = urlOf(request);
  return new RequestFacts(request, url, canonicalPath(url.pathname) ?? url.pathname);
}
