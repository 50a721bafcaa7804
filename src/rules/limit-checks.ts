/**
 * Checks of `rate_limit` and `shed` beyond their shape.
 *
 * @module
 */

import { formatDuration } from '../core/duration.ts';
import { sameForAll } from './blocks/names.ts';
import {
  type RateLimitBlock,
  type RateLimitWritten,
  resolveRateLimit,
} from './blocks/rate-limit.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { quote } from './quote.ts';
import type { Report } from './report.ts';
import type { ResolvedRoute } from './resolve.ts';
import { asList } from './shape.ts';
import type { Sourced } from './surroundings.ts';

/** Limits can be told apart (FM028), leave time for an answer (FM044), and are such as their keeper has (FM093). */
export function checkRateLimits(
  routes: readonly ResolvedRoute[],
  positions: Positions,
  report: Report,
): void {
  const said = new Set<string>();
  for (const [{ rateLimit, timeout }, isFirst] of oncePerBlock(routes, 'rateLimit')) {
    const { value, path } = rateLimit as Sourced<RateLimitWritten>;
    if (value === 'off') continue;
    const placeOf = (index: number): Path => (Array.isArray(value) ? [...path, index] : path);
    if (isFirst) {
      checkNames(asList<RateLimitBlock>(value), placeOf, positions, report);
      checkPlatform(asList<RateLimitBlock>(value), placeOf, positions, report);
      checkCosts(asList<RateLimitBlock>(value), placeOf, positions, report);
      checkFields(asList<RateLimitBlock>(value), placeOf, positions, report);
    }
    if (timeout === undefined || timeout.value === 0) continue;
    for (const [index, { maxWaitMs }] of resolveRateLimit(value).entries()) {
      const place = [...placeOf(index), 'max_wait'].join();
      if (maxWaitMs < timeout.value || said.has(place)) continue;
      said.add(place);
      report(positions.value([...placeOf(index), 'max_wait']), {
        code: 'FM044',
        severity: 'warning',
        message: '`max_wait` is no shorter than the timeout',
        label: 'who waits for so long gets no answer in time',
        related: [{ span: positions.value(timeout.path), label: 'covers the wait too' }],
      });
    }
  }
}

/** A breaker that goes by a rate gets to see enough calls to open (FM092). */
export function checkBreakersBehindLimits(
  routes: readonly ResolvedRoute[],
  positions: Positions,
  report: Report,
): void {
  for (const { path: route, rateLimit, retries, protection } of routes) {
    const { minRequests, windowMs } = protection.breaker ?? {};
    if (minRequests === undefined || windowMs === undefined) continue;
    if (rateLimit === undefined || rateLimit.value === 'off') continue;
    // A limit for each caller is none for the route: there may be any number of callers.
    const together = resolveRateLimit(rateLimit.value).filter(
      ({ by, enforce }) => enforce && by.every((key) => sameForAll.includes(key)),
    );
    const admitted = together.map(
      ({ limit, perMs, burst }) => burst + Math.ceil((limit * windowMs) / perMs),
    );
    // Each try is a call of its own to the breaker.
    const most = Math.min(...admitted) * (1 + (retries?.value.max ?? 0));
    if (most >= minRequests) continue;
    const own: Path = [...route, 'breaker'];
    const place = positions.has(own) ? own : ['defaults', 'breaker'];
    report(positions.value([...place, 'min_requests']), {
      code: 'FM092',
      severity: 'warning',
      message: `the breaker can never open: it wants ${minRequests} calls in ${formatDuration(windowMs)}`,
      label: `the rate limit lets ${most} through`,
      help: `write \`min_requests: ${Math.max(1, Math.floor(most / 2))}\`, or less`,
      related: [{ span: positions.value(rateLimit.path), label: 'the limit' }],
    });
  }
}

/** Over so many milliseconds Cloudflare counts. */
const platformPeriods: readonly number[] = [10_000, 60_000];

function checkPlatform(
  limits: readonly RateLimitBlock[],
  placeOf: (index: number) => Path,
  positions: Positions,
  report: Report,
): void {
  for (const [index, limit] of limits.entries()) {
    if (limit.mode !== 'platform') continue;
    const complain = (key: string, message: string): void =>
      report(positions.value([...placeOf(index), key]), {
        code: 'FM093',
        message,
        help: 'limits of any kind are kept by a store: `mode: leased` or `mode: exact`',
      });
    if (!platformPeriods.includes(limit.per)) {
      complain('per', 'a platform counts over `10s` or over `60s`');
    }
    if (limit.burst !== undefined) complain('burst', 'the limit of a platform has no burst');
    if (limit.max_wait !== undefined) complain('max_wait', 'a platform keeps nobody waiting');
    if (limit.cost !== undefined) complain('cost', 'to a platform all requests are the same');
  }
}

/** What takes more than ever comes at once is never let in (FM016). */
function checkCosts(
  limits: readonly RateLimitBlock[],
  placeOf: (index: number) => Path,
  positions: Positions,
  report: Report,
): void {
  for (const [index, { cost = 1, limit, burst = limit }] of limits.entries()) {
    if (cost <= burst) continue;
    report(positions.value([...placeOf(index), 'cost']), {
      code: 'FM016',
      message: `\`cost\` is more than ever comes at once, ${burst}`,
      label: 'no request would be let in',
    });
  }
}

/** The fields of a response are those of all limits (FM083). */
function checkFields(
  limits: readonly RateLimitBlock[],
  placeOf: (index: number) => Path,
  positions: Positions,
  report: Report,
): void {
  for (const key of ['fields', 'legacy'] as const) {
    const first = limits.findIndex((limit) => limit[key] !== undefined);
    for (const [index, limit] of limits.entries()) {
      if (limit[key] === undefined || limit[key] === limits[first]?.[key]) continue;
      report(positions.value([...placeOf(index), key]), {
        code: 'FM083',
        message: `the limits of a route have one ${quote(key)} for all`,
        label: 'another one',
        help: 'write the same for each: an answer has these fields once',
        related: [{ span: positions.value([...placeOf(first), key]), label: 'one' }],
      });
    }
  }
}

function checkNames(
  limits: readonly RateLimitBlock[],
  placeOf: (index: number) => Path,
  positions: Positions,
  report: Report,
): void {
  const seen = new Map<string, number>();
  for (const [index, limit] of limits.entries()) {
    const { name = `${limit.limit} per ${formatDuration(limit.per)}` } = limit;
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, index);
      continue;
    }
    report(positions.value(placeOf(index)), {
      code: 'FM028',
      message:
        limit.name === undefined ? 'the same limit twice' : `two limits are called ${quote(name)}`,
      help: 'give each a `name` of its own',
      related: [{ span: positions.value(placeOf(first)), label: 'the first one' }],
    });
  }
}

/** There is something between the two thresholds (FM045). */
export function checkShed(
  routes: readonly ResolvedRoute[],
  positions: Positions,
  report: Report,
): void {
  for (const [{ shed }, isFirst] of oncePerBlock(routes, 'shed')) {
    if (!isFirst || shed === undefined || shed.value === 'off') continue;
    if (shed.value.full > shed.value.from) continue;
    report(positions.value([...shed.path, 'full']), {
      code: 'FM045',
      message: '`full` is not above `from`',
      label: 'it ends here, with all but the critical turned away',
      help: 'write a larger number than that of `from`',
      related: [{ span: positions.value([...shed.path, 'from']), label: 'it begins here' }],
    });
  }
}

/** The routes that have such a block, and whether it is the first time that one is seen: those of the defaults recur. */
function oncePerBlock(
  routes: readonly ResolvedRoute[],
  key: 'rateLimit' | 'shed',
): readonly (readonly [ResolvedRoute, boolean])[] {
  const seen = new Set<string>();
  return routes.flatMap((route) => {
    const block = route[key];
    if (block === undefined) return [];
    const id = JSON.stringify(block.path);
    const isFirst = !seen.has(id);
    seen.add(id);
    return [[route, isFirst] as const];
  });
}
