/**
 * The policies of a route as middlewares, always in the order of DESIGN "Order of a request".
 *
 * @module
 */

import type { Middleware, Next } from '../core/chain.ts';
import type { Claims } from '../core/claims.ts';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import type { BreakerFleet } from '../policies/breaker/fleet/fleet.ts';
import { hedge } from '../policies/hedge.ts';
import type { RateLimit } from '../policies/limit-options.ts';
import { limitRates } from '../policies/limiter.ts';
import { type RetryOptions, retry } from '../policies/retry.ts';
import { type RetryBudget, retryBudget } from '../policies/retry-budget.ts';
import { pressure, shed } from '../policies/shed.ts';
import { timeout } from '../policies/timeout.ts';
import { keyBy } from '../routing/key-expression.ts';
import type {
  BudgetRule,
  Hedge,
  Place,
  RateLimitRule,
  Retries,
  Route,
  Rules,
} from '../rules/model.ts';
import type { AuthorizeOptions } from '../security/authorize/authorize.ts';
import type { CorsStep } from '../security/cors.ts';
import type { KeysFetch } from '../security/jwt/jwt.ts';
import type { TakingStore } from '../stores/contract.ts';
import type { Keep } from './kept.ts';
import type { LimitModes } from './limit-modes.ts';
import { protection } from './protection.ts';
import type { SharedBudgets } from './shared-budgets.ts';
import type { Sighting } from './sightings.ts';
import { peerIn } from './trusted-peers.ts';
import type { Upstream } from './upstreams.ts';

/** What policies need beside their block of the rules. */
export interface PolicySurroundings {
  readonly clock: Clock;
  readonly random: () => number;
  /** What stands around each single try, such as a client span. */
  readonly aroundTry: Middleware;
  /** A policy with state is made through it, so that an unchanged block keeps its state over a reload. */
  readonly keep: Keep;
  /** Where limits count, over all instances. Default: in memory. */
  readonly store?: TakingStore | undefined;
  /** Whose breakers hear of each other. Default: each decides alone. */
  readonly breakers?: BreakerFleet | undefined;
  /** Where limits with a `mode` count. Default: as all others. */
  readonly limitModes?: LimitModes | undefined;
  /** Makes the budgets that instances share. Default: rules with one are refused. */
  readonly sharedBudgets?: SharedBudgets | undefined;
  /** How many instances run with these rules. Default: 1. */
  readonly instances?: number | undefined;
  /** Carries out the blocks beside those that send a request on; without it, rules that have some are refused. */
  readonly traffic?: TrafficPolicies | undefined;
  /** Carries out `auth`, `allow`, `deny` and `authorizer`; without it, rules that have some are refused. */
  readonly access?: AccessPolicies | undefined;
  /** Fetches the key sets of issuers. Default: the runtime's `fetch`. */
  readonly keysFetch?: KeysFetch | undefined;
  /** Gets the records of who was not let in. */
  readonly onDecision?: AuthorizeOptions['onDecision'] | undefined;
  /** Gets the policies whose state is worth showing. */
  readonly sightings: Sighting[];
  /** Answers what failed behind a route, where the route has something to say of all answers. Default: nothing does. */
  readonly answering?: Middleware | undefined;
}

/** Who is let in, for one set of rules. */
export interface Access {
  /** Verifies the tokens that decide which route a request takes; `undefined` where none does. */
  readonly identify: ((request: Request, context: Context) => Promise<Identified>) | undefined;
  /** Verifies the token that decides which version a caller gets; `undefined` where none does. */
  beforeChoice(
    route: Route,
  ): ((request: Request, context: Context) => Promise<Context>) | undefined;
  /**
   * Around the whole exchange: the token, then who may.
   *
   * @param send Sends a request to a place as it is.
   */
  around(route: Route, send: (place: Place) => Next): readonly Middleware[];
}

/** What tokens said. */
export interface Identified {
  /** Knows of them, so that none is verified twice. */
  readonly context: Context;
  /** By the name of the issuer. */
  readonly claims: ReadonlyMap<string, Claims>;
}

/** Makes what lets callers in. */
export interface AccessPolicies {
  accessOf(rules: Rules, around: PolicySurroundings): Access;
}

/** What a route does with its traffic beside sending it on, as middlewares. */
export interface TrafficPolicies {
  /** Stands before the routes. */
  requestLimits(rules: Rules, around: PolicySurroundings): readonly Middleware[];
  /** Stands around the whole of a route. */
  bodyLimits(route: Route, around: PolicySurroundings): readonly Middleware[];
  /** Stands before everything that lets callers in: a preflight carries no credentials. */
  crossOrigin(route: Route): CorsStep | undefined;
  headerFilter(route: Route): readonly Middleware[];
  fallbacksOf(route: Route, reach: (place: Place) => Next): readonly Middleware[];
  /** Stands around the timeout. */
  deadlineOf(route: Route, around: PolicySurroundings): readonly Middleware[];
  faultsOf(route: Route, around: PolicySurroundings): readonly Middleware[];
  mirrorsOf(route: Route, around: PolicySurroundings, reach: Reach): readonly Middleware[];
  rewriting(route: Route): readonly Middleware[];
  /** Stands innermost: tells each try what is left of the deadline. */
  forwardingOf(route: Route, around: PolicySurroundings): readonly Middleware[];
  /** What answers a route that leads nowhere. */
  endOf(route: Route): Next | undefined;
}

/**
 * Sees to it that no block is passed over.
 *
 * @throws {RangeError} names the route.
 */
export function refuseUnknownTraffic({ limits, routes }: Rules, around: PolicySurroundings): void {
  if (around.traffic) return;
  const route = routes.find(
    (each) =>
      each.limits ??
      each.cors ??
      each.headers ??
      each.fallback ??
      each.deadline ??
      each.fault ??
      each.mirror ??
      each.rewrite ??
      each.redirect ??
      each.respond,
  );
  if ((route ?? limits) === undefined) return;
  throw new RangeError(`governance: ${placeOf(route)} needs { traffic } from 'fetchmesh/traffic'`);
}

function placeOf(route: Route | undefined): string {
  return route === undefined ? 'the file' : `route '${route.name}'`;
}

/**
 * Sees to it that nobody is let in because a block was passed over.
 *
 * @throws {RangeError} names the route.
 */
export function refuseUnknownAccess(
  { auth, roles, routes }: Rules,
  { access }: PolicySurroundings,
): void {
  if (access) return;
  const route = routes.find(
    (each) =>
      each.auth ??
      each.allow ??
      each.deny ??
      each.authorizer ??
      each.dryRun ??
      each.match.find(({ claims }) => claims),
  );
  if ((route ?? auth ?? roles) === undefined) return;
  throw new RangeError(`governance: ${placeOf(route)} needs { access } from 'fetchmesh/access'`);
}

/** Sends a request to another place than the route's, with these middlewares around it. */
export type Reach = (place: Place, ...around: Middleware[]) => Next;

/** Around the whole exchange, outermost first. */
export function aroundExchange(
  route: Route,
  around: PolicySurroundings,
  reach: Reach,
): readonly Middleware[] {
  const { clock, traffic, answering } = around;
  const middlewares: Middleware[] = [...(traffic?.headerFilter(route) ?? [])];
  const saysOfAnswers = route.cors !== undefined || route.headers?.response !== undefined;
  if (answering !== undefined && saysOfAnswers) middlewares.push(answering);
  const limit =
    route.timeoutMs === undefined
      ? []
      : [timeout(formatDuration(route.timeoutMs), { clock, body: route.timeoutBody === true })];
  middlewares.push(...(traffic?.fallbacksOf(route, (place) => reach(place, ...limit)) ?? []));
  middlewares.push(...(traffic?.deadlineOf(route, around) ?? []));
  middlewares.push(...limit);
  middlewares.push(...(traffic?.faultsOf(route, around) ?? []));
  if (route.shed !== undefined) middlewares.push(shedding(route.shed, around));
  if (route.rateLimits !== undefined && route.rateLimits.length > 0) {
    middlewares.push(limiting(route, route.rateLimits, around));
  }
  middlewares.push(...(traffic?.mirrorsOf(route, around, reach) ?? []));
  if (route.retries !== undefined && route.retries.max > 0) {
    middlewares.push(retry(retryOptions(route, route.retries, around)));
  }
  if (route.hedge !== undefined) middlewares.push(hedgeOf(route, route.hedge, around));
  return middlewares;
}

/**
 * Around each try, outermost first.
 *
 * @param upstream Where the route leads; `undefined` where the request goes on by itself.
 */
export function aroundTry(
  route: Route,
  upstream: Upstream | undefined,
  around: PolicySurroundings,
): readonly Middleware[] {
  const middlewares: Middleware[] = [...(around.traffic?.rewriting(route) ?? [])];
  if (upstream !== undefined) middlewares.push(upstream.balance);
  middlewares.push(...protection(route, upstream, around));
  middlewares.push(...(around.traffic?.forwardingOf(route, around) ?? []));
  middlewares.push(around.aroundTry);
  return middlewares;
}

/** Routes of the same thresholds watch the load together, and over reloads. */
function shedding(
  { from, full, priority, retryAfterMs, trustedIps }: NonNullable<Route['shed']>,
  { keep, random }: PolicySurroundings,
): Middleware {
  const purpose = { kind: 'pressure', owner: '', settings: { from, full } };
  return shed({
    pressure: keep(purpose, () => pressure({ from, full })),
    priority,
    retryAfter: formatDuration(retryAfterMs),
    random,
    ...(trustedIps && { trust: peerIn('shed.trusted_ips', trustedIps) }),
  });
}

function limiting(
  { name }: Route,
  limits: readonly RateLimitRule[],
  { keep, clock, random, store, instances = 1, limitModes }: PolicySurroundings,
): Middleware {
  if (limitModes === undefined && limits.some(({ mode }) => mode === 'platform')) {
    throw new RangeError(`route '${name}': \`mode: platform\` of a limit takes a gateway`);
  }
  /** A platform has its own burst, and keeps nobody waiting. */
  const shaped = ({ mode, burst, maxWaitMs }: RateLimitRule): Partial<RateLimit> =>
    mode === 'platform' ? {} : { burst, maxWait: formatDuration(maxWaitMs) };
  const { fields } = limits.find((rule) => rule.fields) ?? {};
  const { legacy } = limits.find((rule) => rule.legacy) ?? {};
  const told = { ...(fields && { fields }), ...(legacy && { legacy }) };
  return keep({ kind: 'rate_limit', owner: name, settings: limits }, () =>
    limitRates(
      limits.map((rule) => {
        const { perMs, maxWaitMs: _, burst: __, mode: ___, fields: ____, ...named } = rule;
        const { legacy: _____, by, ...limit } = named;
        const kept = { ...shaped(rule), ...limitModes?.(rule) };
        return { ...limit, ...kept, per: formatDuration(perMs), by: keyBy(by, name) };
      }),
      { clock, random, scope: name, instances, ...(store && { store }), ...told },
    ),
  );
}

/** Knows latencies, so it is kept. */
function hedgeOf(route: Route, settings: Hedge, around: PolicySurroundings): Middleware {
  const { clock, keep } = around;
  const { budget: rule, ...options } = settings;
  // Asked for each time, so that it is kept as well.
  const budget = budgetOf(route, rule, around);
  return keep({ kind: 'hedge', owner: route.name, settings }, () =>
    hedge({ ...options, ...budget, clock }),
  );
}

/** One for all routes to the same services with the same settings (RB-08). */
function budgetOf(
  { name, to }: Route,
  rule: BudgetRule | undefined,
  { clock, keep, sharedBudgets }: PolicySurroundings,
): { readonly budget?: RetryBudget } {
  if (rule === undefined) return {};
  const services = new Set(to.map(({ service }) => service));
  const owner = services.size === 0 ? name : [...services].sort().join(' ');
  if (rule.shared && sharedBudgets === undefined) {
    throw new RangeError(`route '${name}': \`shared: true\` of a budget takes a gateway`);
  }
  const { ratio, ttlMs, minPerSecond } = rule;
  const make = () =>
    rule.shared && sharedBudgets !== undefined
      ? sharedBudgets(owner, rule)
      : retryBudget({ ratio, ttl: formatDuration(ttlMs), minPerSecond, clock });
  return { budget: keep({ kind: 'retry budget', owner, settings: rule }, make) };
}

function retryOptions(
  route: Route,
  { baseDelayMs, maxDelayMs, perTryMs, budget, ...retries }: Retries,
  around: PolicySurroundings,
): RetryOptions {
  const { clock, random } = around;
  return {
    ...retries,
    baseDelay: formatDuration(baseDelayMs),
    maxDelay: formatDuration(maxDelayMs),
    ...(perTryMs !== undefined && { perTry: formatDuration(perTryMs) }),
    ...budgetOf(route, budget, around),
    clock,
    random,
  };
}
