/**
 * Rules, compiled to a step that takes a request through its route.
 *
 * @module
 */

import {
  canonicalPath,
  canonicalPathname,
  type PathNormalization,
} from '../core/canonical-path.ts';
import { compose, type Next } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { withExchange } from '../core/exchange.ts';
import { unsendable } from '../core/hop-by-hop.ts';
import { type RejectionReason, reject } from '../core/rejection.ts';
import { editResponse } from '../core/response-headers.ts';
import { inOneGo, type Steps } from '../core/steps.ts';
import { urlOf } from '../core/url.ts';
import { compileChooser } from '../routing/choose.ts';
import { matcherSteps } from '../routing/match.ts';
import { RequestFacts, requestFacts } from '../routing/request-facts.ts';
import type { Place, Route, Rules } from '../rules/model.ts';
import {
  type Access,
  aroundExchange,
  aroundTry,
  type Identified,
  type PolicySurroundings,
  type Reach,
  refuseUnknownAccess,
  refuseUnknownTraffic,
} from './route-policies.ts';
import type { Upstream, Upstreams } from './upstreams.ts';

/** What a plan needs beside the rules. */
export interface PlanOptions extends PolicySurroundings {
  /** Those of the same rules. */
  readonly upstreams: Upstreams;
  /** Sends a try to the endpoint in the context. */
  readonly send: Next;
  /** Takes requests that no route matches; without it they get a 404. */
  readonly unmatched?: Next | undefined;
  /** Default: `'merge_slashes'`. */
  readonly pathNormalization?: PathNormalization | undefined;
}

/**
 * Compiles rules. Everything that can be known beforehand is done here: one chain for each destination of each route.
 */
export function compilePlan(rules: Rules, options: PlanOptions): Next {
  return inOneGo(planSteps(rules, options));
}

/** @throws {RangeError} where there are none, as for a file that is wrong. */
export function rulesOption(owner: string, rules: Rules): void {
  if (Array.isArray(rules?.routes)) return;
  throw new RangeError(
    `${owner}: there are no rules; parseRules gives none where its diagnostics hold an error`,
  );
}

/** {@link compilePlan} in steps. */
export function* planSteps(rules: Rules, options: PlanOptions): Steps<Next> {
  refuseUnknownAccess(rules, options);
  refuseUnknownTraffic(rules, options);
  const matcher = yield* matcherSteps(rules.routes);
  const access = options.access?.accessOf(rules, options);
  const identify = access?.identify;
  const routes: RouteStep[] = [];
  const shared = new Map<string, RouteStep>();
  for (const route of rules.routes) {
    const way = wayOf(route);
    const known = way === undefined ? undefined : shared.get(way);
    const step = known ?? crossOrigin(route, compileRoute(route, options, access), options);
    if (way !== undefined) shared.set(way, step);
    routes.push(step);
    yield;
  }

  function plan(request: Request, outer: Context): Promise<Response> {
    // First: srvx's request of such a method cannot be copied, nor looked into closely.
    if (unsendable.has(request.method)) {
      return refuse('method_not_supported', 'The gateway cannot send this method.');
    }
    return identify === undefined
      ? find(request, outer)
      : identify(request, outer).then(({ context, claims }) => find(request, context, claims));
  }

  function find(
    request: Request,
    outer: Context,
    claims?: Identified['claims'],
  ): Promise<Response> {
    const url = urlOf(request);
    const path = canonicalPath(url.pathname, options.pathNormalization);
    if (path === undefined) {
      return refuse('malformed_path', 'The path holds an invalid escape.');
    }
    const facts = new RequestFacts(request, url, path, claims);
    const found = matcher.find(facts);
    if (found === undefined) {
      return options.unmatched === undefined
        ? refuse('no_route', 'No route matches this request.')
        : options.unmatched(request, outer);
    }
    const { context, record } = withExchange(
      outer.with(canonicalPathname, path).with(requestFacts, facts),
    );
    record.route = rules.routes[found]?.path;
    return (routes[found] as RouteStep)(facts, context, record);
  }
  return compose(...(options.traffic?.requestLimits(rules, options) ?? []))(plan);
}

async function refuse(reason: RejectionReason, detail: string): Promise<Response> {
  return reject(reason, { detail });
}

type RouteStep = (
  facts: RequestFacts,
  ...rest: [context: Parameters<Next>[1], record: ReturnType<typeof withExchange>['record']]
) => Promise<Response>;

/** By what a route is found; its chain knows nothing of it. */
const ofMatching = new Set([
  'name',
  'line',
  'file',
  'path',
  'trailingSlash',
  'methods',
  'hosts',
  'match',
]);

/** What makes a chain without a state of its own, and without the route's name in it. */
const ofTheWay = new Set(['to', 'timeoutMs', 'retries']);

/**
 * Names the way that a route's requests take, where routes of the same way can have one chain: of thousands of routes most
 * differ in what they match. `undefined` where a route has one of its own.
 */
function wayOf(route: Route): string | undefined {
  if (route.to.length !== 1 || route.match.some(({ claims }) => claims !== undefined))
    return undefined;
  for (const [name, value] of Object.entries(route)) {
    if (ofMatching.has(name) || ofTheWay.has(name)) continue;
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) return undefined;
  }
  return JSON.stringify([route.to, route.timeoutMs, route.retries]);
}

/** Answers preflights of a route with `cors`, and says who may read its answers. */
function crossOrigin(route: Route, step: RouteStep, { traffic }: PlanOptions): RouteStep {
  const answer = traffic?.crossOrigin(route);
  if (answer === undefined) return step;
  return (facts, context, record) =>
    answer(facts.request, context, () => step(facts, context, record));
}

function compileRoute(route: Route, options: PlanOptions, access: Access | undefined): RouteStep {
  const { traffic } = options;
  const direct = (place: Place): Next => options.upstreams.find(place).balance(options.send);
  const letting = [
    ...(traffic?.bodyLimits(route, options) ?? []),
    ...(access?.around(route, direct) ?? []),
  ];
  const end = traffic?.endOf(route);
  if (traffic !== undefined && end !== undefined) {
    const run = compose(...letting, ...traffic.headerFilter(route))(end);
    return ({ request }, context) => run(request, context);
  }
  const reach: Reach = (place, ...outside) => {
    const rewriting = traffic?.rewriting(route) ?? [];
    const around = [...outside, ...rewriting, options.upstreams.find(place).balance];
    return compose(...around)(options.send);
  };
  const around = aroundExchange(route, options, reach);
  const chainTo = (upstream?: Upstream): Next =>
    compose(...letting, ...around, ...aroundTry(route, upstream, options))(options.send);
  if (route.to.length === 0) {
    const run = chainTo();
    return ({ request }, context) => run(request, context);
  }

  const choose = compileChooser({
    routeName: route.name,
    destinations: route.to,
    sticky: route.sticky,
    random: options.random,
  });
  const destinations = route.to.map((destination) => options.upstreams.find(destination));
  const runs = destinations.map(chainTo);
  const beforeChoice = access?.beforeChoice(route);
  const run: RouteStep = (facts, context, record) => {
    const { index, cookie } = choose(facts, context);
    const destination = destinations[index] as (typeof destinations)[number];
    record.service = destination.service;
    record.version = destination.version;
    record.environment = destination.environment;
    const answer = (runs[index] as Next)(facts.request, context);
    if (cookie === undefined) return answer;
    return answer.then((response) =>
      editResponse(response, context, (headers) => headers.append('set-cookie', cookie)),
    );
  };
  if (beforeChoice === undefined) return run;
  return async (facts, outer, record) =>
    run(facts, await beforeChoice(facts.request, outer), record);
}
