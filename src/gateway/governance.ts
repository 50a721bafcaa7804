/**
 * Rules as a middleware: around an app, or around a `fetch`.
 *
 * @module
 */

import { layer, type Middleware, type Next } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { endpoint, targetOf } from '../core/endpoint.ts';
import type { Rules } from '../rules/model.ts';
import { Kept } from './kept.ts';
import { compilePlan } from './plan.ts';

/** Settings of {@link governance}. */
export interface GovernanceOptions {
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1) for splits and jitter. Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * Applies rules within a chain: a matching route's timeout and retries, and its destination where it has one. Requests
 * that no route matches go on as they are.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /slow, timeout: 5ms }]');
 * const app = inbound(() => new Promise<Response>(() => {}), governance(rules!));
 * (await app(new Request('http://shop.example/slow'))).status; // 504
 * ```
 */
export function governance(rules: Rules, options: GovernanceOptions = {}): Middleware {
  const { clock = systemClock, random = Math.random } = options;
  return layer(`governance, ${rules.routes.length} routes`, (next) =>
    compilePlan(rules, {
      clock,
      random,
      aroundTry: (inner) => inner,
      send: toEndpoint(next),
      unmatched: next,
      keep: Kept.nothing().keep,
    }),
  );
}

/** Points the request at the endpoint that was picked; `next` then need not know of endpoints. */
function toEndpoint(next: Next): Next {
  return function toEndpoint(request, context) {
    if (context.get(endpoint) === undefined) return next(request, context);
    const moved = new Request(targetOf(request, context), request);
    return next(moved, context.with(endpoint, undefined));
  };
}
