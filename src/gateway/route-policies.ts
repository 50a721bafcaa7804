/**
 * The policies of a route as middlewares, always in the order of DESIGN "Order of a request".
 *
 * @module
 */

import type { Middleware } from '../core/chain.ts';
import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { limitRates } from '../policies/limiter.ts';
import { retry } from '../policies/retry.ts';
import { pressure, shed } from '../policies/shed.ts';
import { timeout } from '../policies/timeout.ts';
import { keyBy } from '../routing/key-expression.ts';
import type { RateLimitRule, Retries, Route } from '../rules/model.ts';
import type { Keep } from './kept.ts';
import type { Upstream } from './upstreams.ts';

/** What policies need beside their block of the rules. */
export interface PolicySurroundings {
  readonly clock: Clock;
  readonly random: () => number;
  /** What stands around each single try, such as a client span. */
  readonly aroundTry: Middleware;
  /** A policy with state is made through it, so that an unchanged block keeps its state over a reload. */
  readonly keep: Keep;
}

/** Around the whole exchange, outermost first. */
export function aroundExchange(route: Route, around: PolicySurroundings): readonly Middleware[] {
  const { clock } = around;
  const middlewares: Middleware[] = [];
  if (route.timeoutMs !== undefined) {
    middlewares.push(timeout(formatDuration(route.timeoutMs), { clock }));
  }
  if (route.shed !== undefined) middlewares.push(shedding(route.shed, around));
  if (route.rateLimits !== undefined && route.rateLimits.length > 0) {
    middlewares.push(limiting(route, route.rateLimits, around));
  }
  if (route.retries !== undefined && route.retries.max > 0) {
    middlewares.push(retry(retryOptions(route.retries, around)));
  }
  return middlewares;
}

/**
 * Around each try, outermost first.
 *
 * @param upstream Where the route leads; `undefined` where the request goes on by itself.
 */
export function aroundTry(
  _route: Route,
  upstream: Upstream | undefined,
  around: PolicySurroundings,
): readonly Middleware[] {
  const middlewares: Middleware[] = [];
  if (upstream !== undefined) middlewares.push(upstream.balance);
  middlewares.push(around.aroundTry);
  return middlewares;
}

/** Routes of the same thresholds watch the load together, and over reloads. */
function shedding(
  { from, full, priority, retryAfterMs }: NonNullable<Route['shed']>,
  { keep, random }: PolicySurroundings,
): Middleware {
  const purpose = { kind: 'pressure', owner: '', settings: { from, full } };
  return shed({
    pressure: keep(purpose, () => pressure({ from, full })),
    priority,
    retryAfter: formatDuration(retryAfterMs),
    random,
  });
}

function limiting(
  { name }: Route,
  limits: readonly RateLimitRule[],
  { keep, clock, random }: PolicySurroundings,
): Middleware {
  return keep({ kind: 'rate_limit', owner: name, settings: limits }, () =>
    limitRates(
      limits.map(({ perMs, maxWaitMs, by, ...limit }) => ({
        ...limit,
        per: formatDuration(perMs),
        maxWait: formatDuration(maxWaitMs),
        by: keyBy(by, name),
      })),
      { clock, random, scope: name },
    ),
  );
}

function retryOptions(
  { baseDelayMs, maxDelayMs, perTryMs, ...retries }: Retries,
  { clock, random }: PolicySurroundings,
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
