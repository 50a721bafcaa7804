/**
 * Rules as a middleware: around an app, or around a `fetch`.
 *
 * @module
 */

import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { knownOptions } from '../core/option.ts';
import { towardsEndpoint } from '../core/to-endpoint.ts';
import type { BreakerFleet } from '../policies/breaker/fleet/fleet.ts';
import type { CheckTransport } from '../routing/health-checks.ts';
import type { Rules } from '../rules/model.ts';
import { Kept } from './kept.ts';
import { compilePlan, rulesOption } from './plan.ts';
import type { AccessPolicies, TrafficPolicies } from './route-policies.ts';
import { compileUpstreams } from './upstreams.ts';

/** Settings of {@link governance}. */
export interface GovernanceOptions {
  /**
   * Carries out `limits`, `cors`, `headers`, `fallback`, `deadline`, `fault`, `mirror`, `rewrite`, `redirect` and `respond`: the
   * `traffic` of `fetchmesh/traffic`. Default: none; rules that have such a block are refused.
   */
  readonly traffic?: TrafficPolicies;
  /**
   * Carries out `auth`, `allow`, `deny`, `authorizer` and conditions on claims: the `access` of `fetchmesh/access`. Default: none; rules that have
   * such a block are refused.
   */
  readonly access?: AccessPolicies;
  /** Whose breakers hear of each other, made by `breakerFleet`. Default: each decides alone. */
  readonly breakers?: BreakerFleet;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1) for splits and jitter. Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * Applies rules within a chain: a matching route's timeout and retries, and its destination where it has one. Requests
 * that no route matches go on as they are. A destination becomes the request's URL at the end of the chain, as edited
 * headers do. Health checks of its services go through the runtime's `fetch`.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /slow, timeout: 5ms }]');
 * const app = inbound(() => new Promise<Response>(() => {}), governance(rules!));
 * (await app(new Request('http://shop.example/slow'))).status; // 504
 * ```
 */
export function governance(rules: Rules, options: GovernanceOptions = {}): Middleware {
  knownOptions('governance', options, {
    traffic: true,
    access: true,
    breakers: true,
    clock: true,
    random: true,
  });
  const { clock = systemClock, random = Math.random } = options;
  rulesOption('governance', rules);
  // Out here: the state of policies belongs to this middleware, however often it is applied.
  const { keep } = Kept.nothing();
  const send: CheckTransport = (url, init) => fetch(url, init);
  const upstreams = compileUpstreams(rules.services, {
    ...{ clock, random, send, keep },
    // What comes next sends the requests: nothing here could show a certificate.
    transportOf: undefined,
  });
  return layer(`governance, ${rules.routes.length} routes`, (next) =>
    compilePlan(rules, {
      clock,
      random,
      aroundTry: (inner) => inner,
      send: towardsEndpoint(next),
      unmatched: next,
      upstreams,
      keep,
      breakers: options.breakers,
      traffic: options.traffic,
      access: options.access,
      sightings: [],
    }),
  );
}
