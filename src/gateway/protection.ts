/**
 * What protects the upstream of a route, for each version that the route leads to.
 *
 * @module
 */

import type { Middleware } from '../core/chain.ts';
import { formatDuration } from '../core/duration.ts';
import { type Breaker, breaker } from '../policies/breaker/breaker.ts';
import { type Bulkhead, bulkhead } from '../policies/bulkhead.ts';
import { throttle } from '../policies/throttle.ts';
import { keyBy } from '../routing/key-expression.ts';
import type { BreakerRule, BulkheadRule, Route, ThrottleRule } from '../rules/model.ts';
import type { PolicySurroundings } from './route-policies.ts';
import type { Sighting } from './sightings.ts';
import type { Upstream } from './upstreams.ts';

/** Breaker, throttle and bulkhead, outermost first; what a revision before had of the same is taken on. */
export function protection(
  route: Route,
  upstream: Upstream | undefined,
  { clock, random, keep, breakers, sightings }: PolicySurroundings,
): readonly Middleware[] {
  const { service = '', version = '' } = upstream ?? {};
  const owner = JSON.stringify([route.name, service, version]);
  const seen: Sighting['labels'] = { route: route.name, service, version };
  const middlewares: Middleware[] = [];
  if (route.breaker !== undefined) {
    const settings = route.breaker;
    const made = keep<Breaker>({ kind: 'breaker', owner, settings }, () =>
      breaker({
        ...breakerOptions(settings),
        ...(breakers && { fleet: breakers, name: owner }),
        key: 'all',
        clock,
      }),
    );
    sightings.push({ labels: seen, breaker: made });
    middlewares.push(made);
  }
  if (route.throttle !== undefined) {
    const settings = route.throttle;
    middlewares.push(
      keep({ kind: 'throttle', owner, settings }, () =>
        throttle({ ...throttleOptions(settings), clock, random }),
      ),
    );
  }
  if (route.bulkhead !== undefined) {
    const settings = route.bulkhead;
    const made = keep<Bulkhead>({ kind: 'bulkhead', owner, settings }, () =>
      bulkhead({ ...bulkheadOptions(settings, route.name), clock }),
    );
    sightings.push({ labels: seen, bulkhead: made });
    middlewares.push(made);
  }
  return middlewares;
}

function breakerOptions({
  slowAfterMs,
  windowMs,
  bucketMs,
  openForMs,
  maxOpenForMs,
  halfOpen: { timeoutMs, ...halfOpen },
  minRequests,
  ...rule
}: BreakerRule): Parameters<typeof breaker>[0] {
  return {
    ...rule,
    ...(minRequests !== undefined && { minRequests }),
    ...(slowAfterMs !== undefined && { slowAfter: formatDuration(slowAfterMs) }),
    ...(windowMs !== undefined && { window: formatDuration(windowMs) }),
    ...(bucketMs !== undefined && { bucket: formatDuration(bucketMs) }),
    openFor: formatDuration(openForMs),
    maxOpenFor: formatDuration(maxOpenForMs),
    halfOpen: { ...halfOpen, timeout: formatDuration(timeoutMs) },
  };
}

function throttleOptions({ windowMs, ...rule }: ThrottleRule): Parameters<typeof throttle>[0] {
  return { ...rule, window: formatDuration(windowMs) };
}

function bulkheadOptions(
  { maxWaitMs, by, ...rule }: BulkheadRule,
  routeName: string,
): Parameters<typeof bulkhead>[0] {
  const keyOf = by && keyBy(by, routeName);
  return {
    ...rule,
    ...(maxWaitMs !== undefined && { maxWait: formatDuration(maxWaitMs) }),
    // Calls without a key share one place.
    ...(keyOf && { key: (request, context) => keyOf(request, context) ?? '' }),
  };
}
