/**
 * What a gateway with these rules would do with a request, and why.
 *
 * @module
 */

import { peerAddress } from '../../core/address.ts';
import { canonicalPath } from '../../core/canonical-path.ts';
import { type Claims, claims, withWordLists } from '../../core/claims.ts';
import { Context } from '../../core/context.ts';
import { unsendable } from '../../core/hop-by-hop.ts';
import { compileKeys } from '../../routing/key-expression.ts';
import { compileMatcher } from '../../routing/match.ts';
import { RequestFacts } from '../../routing/request-facts.ts';
import { compileSplit } from '../../routing/split.ts';
import { buckets, stickyBucket, stickyChoice, stickyCookieName } from '../../routing/sticky.ts';
import { type RulesTexts, readFiles } from '../files.ts';
import type { Destination, Route, Rules } from '../model.ts';
import { Positions } from '../positions.ts';
import { type Effective, effectiveBlocks, type Origin, originOf } from './effective.ts';
import { type Mismatch, mismatch } from './mismatch.ts';

/** What is known of the caller beside the request. */
export interface Caller {
  /** Where it comes from. Default: unknown. */
  readonly address?: string | undefined;
  /** What its verified token says, whoever issued it. Default: there is none. */
  readonly claims?: Claims | undefined;
}

/** A route that does not take the request. */
export interface RejectedRoute extends Mismatch {
  readonly route: string;
  readonly line: number;
  /** The file of that line, where the rules are of several files. */
  readonly file?: string;
}

/** Where the request goes. */
export interface SplitChoice {
  /** In the order of the file; buckets count from 0 to 9999. */
  readonly shares: readonly {
    readonly to: string;
    readonly percent: number;
    readonly buckets: readonly [first: number, last: number] | undefined;
  }[];
  /** `'only'`: there is one destination. `'chance'`: anew for each request. `'sticky'`: by what the caller is known by. */
  readonly by: 'only' | 'chance' | 'sticky';
  /** What the caller is known by, such as `cookie:sid`. */
  readonly key?: string;
  /** The bucket of the caller; absent where the request does not show what it is known by. */
  readonly bucket?: number;
  /** The destination, where it is certain. */
  readonly choice?: string;
  /** Where the split is written; absent where the only service is meant. */
  readonly origin?: Origin;
}

/** The route that takes the request. */
export interface MatchedRoute {
  readonly route: string;
  readonly line: number;
  /** The file of that line, where the rules are of several files. */
  readonly file?: string;
  /** Absent where the route answers by itself, or leads wherever the request goes. */
  readonly split?: SplitChoice;
  readonly effective: readonly Effective[];
}

/** What becomes of a request. */
export interface Explanation {
  readonly method: string;
  /** In canonical form; as it came where it has none. */
  readonly path: string;
  /** What answers before any route is looked at. */
  readonly answer?: string;
  /** The routes above the one that matched, or all. */
  readonly rejected: readonly RejectedRoute[];
  readonly matched?: MatchedRoute;
  /** Names of routes below that would also take it. */
  readonly later: readonly string[];
}

/**
 * Explains a request: by the code that a gateway finds its route with, and for the routes that do not take it by the first
 * thing that does not fit.
 *
 * @param texts What the rules were read from, for the places of what is in force.
 *
 * @example
 * ```ts
 * const text = '{ services: { web: "http://10.0.0.1" }, routes: [{ path: /a }, { name: rest, path: /** }] }';
 * const { rules } = parseRules(text);
 * const { matched, rejected } = explainRequest(rules!, text, new Request('http://shop.example/b'));
 * matched?.route; // 'rest'
 * rejected[0]?.detail; // 'path differs at segment 1: "b" is not "a"'
 * ```
 */
export function explainRequest(
  rules: Rules,
  texts: string | RulesTexts,
  request: Request,
  caller: Caller = {},
): Explanation {
  const { method } = request;
  const url = new URL(request.url);
  const path = canonicalPath(url.pathname);
  const none = { method, path: path ?? url.pathname, rejected: [], later: [] };
  const own = ownPath(rules, url.pathname);
  if (own !== undefined) return { ...none, answer: own };
  if (unsendable.has(method))
    return { ...none, answer: '501: the gateway cannot send this method' };
  if (path === undefined) return { ...none, answer: '400: the path holds an invalid escape' };

  const byIssuer = caller.claims && claimsByIssuer(rules, caller.claims);
  const facts = new RequestFacts(request, url, path, byIssuer);
  const found = compileMatcher(rules.routes).find(facts);
  const above = rules.routes.slice(0, found ?? rules.routes.length);
  const rejected = above.map((route): RejectedRoute => {
    const why = mismatch(route, facts) as Mismatch;
    return { route: route.name, ...lineOf(route), ...why };
  });
  if (found === undefined) return { ...none, rejected };

  const route = rules.routes[found] as Route;
  const { source, root } = readFiles(typeof texts === 'string' ? { file: '', text: texts } : texts);
  const positions = root && new Positions(root);
  const effective = positions ? effectiveBlocks(route, found, positions, source) : [];
  const choice = splitOf(route, facts, caller);
  const origin = positions && originOf('to', found, positions, source);
  const split = choice && { ...choice, ...(origin && { origin }) };
  return {
    ...none,
    rejected,
    matched: { route: route.name, ...lineOf(route), ...(split && { split }), effective },
    later: rules.routes
      .slice(found + 1)
      .filter((below) => mismatch(below, facts) === undefined)
      .map(({ name }) => name),
  };
}

function lineOf({ line, file }: Route): Pick<RejectedRoute, 'line' | 'file'> {
  return file === undefined ? { line } : { line, file };
}

/** Paths that the gateway answers before it looks at routes. */
function ownPath({ telemetry, health }: Rules, pathname: string): string | undefined {
  switch (pathname) {
    case telemetry.metrics.path:
      return 'the metrics of the gateway: telemetry.metrics.path comes before routes';
    case health.path:
      return 'liveness of the gateway: health.path comes before routes';
    case health.readyPath:
      return 'readiness of the gateway: health.ready_path comes before routes';
    default:
      return undefined;
  }
}

/** Conditions on claims look into the token of the route's issuer, or of nobody. */
function claimsByIssuer({ auth = [] }: Rules, told: Claims): ReadonlyMap<string, Claims> {
  return new Map(
    auth.map(({ name, spaceDelimitedClaims: words = [] }) => [name, withWordLists(told, words)]),
  );
}

function splitOf(route: Route, facts: RequestFacts, caller: Caller): SplitChoice | undefined {
  const { to, sticky, name } = route;
  const [first] = to;
  if (first === undefined) return undefined;
  if (to.length === 1) {
    const only = placeName(first);
    const shares = [{ to: only, percent: first.weight, buckets: undefined }];
    return { by: 'only', shares, choice: only };
  }
  let end = 0;
  const shares = to.map((destination) => {
    const begin = Math.round(end * 100);
    end += destination.weight;
    const last = Math.round(end * 100) - 1;
    const range: readonly [number, number] | undefined = last >= begin ? [begin, last] : undefined;
    return { to: placeName(destination), percent: destination.weight, buckets: range };
  });
  if (sticky === undefined) return { by: 'chance', shares, ...certain(to) };

  const context = Context.background()
    .with(peerAddress, caller.address)
    .with(claims, caller.claims);
  const expressions = sticky.by.join(' and ');
  const cookie = stickyCookieName(name);
  const known = compileKeys(sticky.by, name)?.(facts, context);
  const key = known ?? facts.cookie(cookie);
  if (key === undefined) return { by: 'sticky', shares, key: expressions, ...certain(to) };
  return {
    by: 'sticky',
    shares,
    key: known === undefined ? `cookie:${cookie}` : expressions,
    bucket: stickyBucket(name, key),
    choice: placeName(to[stickyChoice(compileSplit(to), name, key)] as Destination),
  };
}

/** 100 % leave nothing to chance. */
function certain(to: readonly Destination[]): { readonly choice?: string } {
  const [only, ...others] = to.filter(({ weight }) => weight > 0);
  return only !== undefined && others.length === 0 ? { choice: placeName(only) } : {};
}

/** Such as `users@v2`. */
export function placeName({ service, version }: Pick<Destination, 'service' | 'version'>): string {
  return version === '' ? service : `${service}@${version}`;
}

/** How many buckets callers fall into. */
export const bucketCount: number = buckets;
