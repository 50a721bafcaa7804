/**
 * Rules, compiled to a step that takes a request through its route.
 *
 * @module
 */

import { canonicalPath } from '../core/canonical-path.ts';
import { compose, type Middleware, type Next } from '../core/chain.ts';
import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { canonicalPathname } from '../core/endpoint.ts';
import { withExchange } from '../core/exchange.ts';
import { withResponseHeaders } from '../core/message.ts';
import { reject } from '../core/rejection.ts';
import { retry } from '../policies/retry.ts';
import { timeout } from '../policies/timeout.ts';
import { compileChooser } from '../routing/choose.ts';
import { compileMatcher } from '../routing/match.ts';
import { RequestFacts } from '../routing/request-facts.ts';
import type { Retries, Route, Rules } from '../rules/model.ts';
import { compileUpstreams, type Upstreams } from './upstreams.ts';

/** What a plan needs beside the rules. */
export interface PlanOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** What stands around each single try, such as a client span. */
  readonly aroundTry: Middleware;
  /** Sends a try to the endpoint in the context. */
  readonly send: Next;
  /** Takes requests that no route matches; without it they get a 404. */
  readonly unmatched?: Next | undefined;
}

/**
 * Compiles rules. Everything that can be known beforehand is done here: one chain for each route, in the order of
 * DESIGN "Order of a request": overall timeout, retries, then for each try the endpoint and what stands around it.
 */
export function compilePlan(rules: Rules, options: PlanOptions): Next {
  const matcher = compileMatcher(rules.routes);
  const upstreams = compileUpstreams(rules.services);
  const routes = rules.routes.map((route) => compileRoute(route, upstreams, options));

  return async function plan(request, outer) {
    const url = new URL(request.url);
    const path = canonicalPath(url.pathname);
    if (path === undefined) {
      return reject('malformed_path', { detail: 'The path holds an invalid escape.' });
    }
    const facts = new RequestFacts(request, url, path);
    const found = matcher.find(facts);
    if (found === undefined) {
      return options.unmatched === undefined
        ? reject('no_route', { detail: 'No route matches this request.' })
        : options.unmatched(request, outer);
    }
    const { context, record } = withExchange(outer.with(canonicalPathname, path));
    record.route = rules.routes[found]?.path;
    return (routes[found] as RouteStep)(facts, context, record);
  };
}

type RouteStep = (
  facts: RequestFacts,
  ...rest: [context: Parameters<Next>[1], record: ReturnType<typeof withExchange>['record']]
) => Promise<Response>;

function compileRoute(route: Route, upstreams: Upstreams, options: PlanOptions): RouteStep {
  const around: Middleware[] = [];
  if (route.timeoutMs !== undefined) {
    around.push(timeout(formatDuration(route.timeoutMs), { clock: options.clock }));
  }
  if (route.retries !== undefined && route.retries.max > 0) {
    around.push(retry(retryOptions(route.retries, options)));
  }
  if (route.to.length === 0) {
    const run = compose(...around, options.aroundTry)(options.send);
    return ({ request }, context) => run(request, context);
  }

  const choose = compileChooser({
    routeName: route.name,
    destinations: route.to,
    sticky: route.sticky,
    random: options.random,
  });
  const destinations = route.to.map((destination) => upstreams.find(destination));
  const runs = destinations.map(({ balance }) =>
    compose(...around, balance, options.aroundTry)(options.send),
  );
  return async (facts, context, record) => {
    const { index, cookie } = choose(facts, context);
    const destination = destinations[index] as (typeof destinations)[number];
    record.service = destination.service;
    record.version = destination.version;
    record.environment = destination.environment;
    const response = await (runs[index] as Next)(facts.request, context);
    return cookie === undefined
      ? response
      : withResponseHeaders(response, (headers) => headers.append('set-cookie', cookie));
  };
}

function retryOptions(
  { baseDelayMs, maxDelayMs, perTryMs, ...retries }: Retries,
  { clock, random }: PlanOptions,
): Parameters<typeof retry>[0] {
  return {
    ...retries,
    baseDelay: formatDuration(baseDelayMs),
    maxDelay: formatDuration(maxDelayMs),
    ...(perTryMs !== undefined && { perTry: formatDuration(perTryMs) }),
    clock,
    random,
  };
}
