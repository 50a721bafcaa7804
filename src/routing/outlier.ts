/**
 * Which endpoints do so much worse than they should that they are left out for a while.
 *
 * Semantics: Envoy's outlier detection, with gRPC's A50 where that is clearer. Pure functions on the standing of each
 * endpoint; no timer: intervals that have passed are made up for at the next pick.
 *
 * @module
 */

import type { Outcome } from '../core/outcome.ts';
import type { OutlierSettings } from './outlier-options.ts';

/** What an endpoint has done since it was last swept or let back in. */
export interface Standing {
  /** Failures in a row. */
  readonly failures: number;
  /** 502, 503, 504 and failures without an answer in a row. */
  readonly gatewayFailures: number;
  /** Failures without an answer in a row; counted where they are counted apart. */
  readonly localFailures: number;
  /** In this interval. */
  readonly requests: number;
  readonly successes: number;
  /** The next ejection lasts so many times the base, and one more. */
  readonly ejections: number;
  /** On the monotonic clock; `undefined`: it takes part. */
  readonly ejectedAt: number | undefined;
}

/** Why an endpoint was ejected, in Envoy's words. */
export type EjectionReason =
  | 'consecutive_5xx'
  | 'consecutive_gateway_failure'
  | 'consecutive_local_origin_failure'
  | 'success_rate'
  | 'failure_percentage';

/** Of an endpoint that nothing is known of. */
export const goodStanding: Standing = {
  failures: 0,
  gatewayFailures: 0,
  localFailures: 0,
  requests: 0,
  successes: 0,
  ejections: 0,
  ejectedAt: undefined,
};

/** Takes an outcome in (OD-01, OD-02). What comes late from an ejected endpoint changes nothing (OD-08). */
export function afterOutcome(
  before: Standing,
  { verdict, reason }: Outcome,
  { localFailures: splitAt, successRate, failureRate }: OutlierSettings,
): Standing {
  if (verdict === 'ignored' || before.ejectedAt !== undefined) return before;
  // Only the rates need every single request: without them an endpoint that is well costs nothing.
  const counted = successRate === undefined && failureRate === undefined ? 0 : 1;
  if (verdict === 'success') {
    const { failures, gatewayFailures, localFailures, requests, successes } = before;
    if (counted === 0 && failures + gatewayFailures + localFailures === 0) return before;
    return {
      ...before,
      failures: 0,
      gatewayFailures: 0,
      localFailures: 0,
      requests: requests + counted,
      successes: successes + counted,
    };
  }
  const isLocal = !/^\d{3}$/.test(reason);
  if (isLocal && splitAt > 0) return { ...before, localFailures: before.localFailures + 1 };
  const isGateway = isLocal || reason === '502' || reason === '503' || reason === '504';
  return {
    ...before,
    failures: before.failures + 1,
    gatewayFailures: isGateway ? before.gatewayFailures + 1 : 0,
    // It answered.
    localFailures: 0,
    requests: before.requests + counted,
  };
}

/** Whether an endpoint has failed too often in a row. */
export function groundsFor(
  standing: Standing,
  settings: OutlierSettings,
): EjectionReason | undefined {
  if (isOver(standing.failures, settings.failures)) return 'consecutive_5xx';
  if (isOver(standing.gatewayFailures, settings.gatewayFailures)) {
    return 'consecutive_gateway_failure';
  }
  if (isOver(standing.localFailures, settings.localFailures)) {
    return 'consecutive_local_origin_failure';
  }
  return undefined;
}

function isOver(count: number, limit: number): boolean {
  return limit > 0 && count >= limit;
}

/** Whether one more of the endpoints may be left out: always one, never the last one (OD-04, OD-10). */
export function mayEject(ejected: number, all: number, maxEjected: number): boolean {
  if (all - ejected <= 1) return false;
  return ejected === 0 || ejected / all < maxEjected;
}

/** The standing of an endpoint that is left out from now on; each time for longer (OD-03). */
export function ejected(standing: Standing, now: number, settings: OutlierSettings): Standing {
  const { ejections } = standing;
  // What adds nothing to the time would only have to be worked off.
  const isLongest = ejectionMs(ejections, settings) >= settings.maxEjectForMs;
  return { ...standing, ejections: isLongest ? ejections : ejections + 1, ejectedAt: now };
}

/** How long the nth ejection lasts, in milliseconds. */
export function ejectionMs(
  nth: number,
  { ejectForMs, maxEjectForMs }: Pick<OutlierSettings, 'ejectForMs' | 'maxEjectForMs'>,
): number {
  return Math.min(ejectForMs * nth, Math.max(ejectForMs, maxEjectForMs));
}

/** Some of the endpoints, swept. */
export interface Sweep {
  readonly standings: readonly Standing[];
  /** Index and reason of those that are ejected from now on. */
  readonly ejections: readonly (readonly [index: number, reason: EjectionReason])[];
}

/**
 * Does what Envoy does at the end of each interval: lets back in whose time has passed, forgives the others one ejection,
 * compares rates and begins to count anew. Several intervals may have passed (OD-09).
 *
 * @param sweptAt When the last interval ended.
 * @param intervals How many have ended since, 1 or more.
 */
export function sweep(
  standings: readonly Standing[],
  sweptAt: number,
  intervals: number,
  settings: OutlierSettings,
): Sweep {
  const now = sweptAt + intervals * settings.intervalMs;
  const swept = standings.map((standing) => forgiven(standing, sweptAt, intervals, settings));
  const ejections: [number, EjectionReason][] = [];
  let out = swept.filter(({ ejectedAt }) => ejectedAt !== undefined).length;
  for (const [index, reason] of badRates(standings, settings)) {
    const standing = swept[index] as Standing;
    if (standing.ejectedAt !== undefined) continue;
    if (!mayEject(out, swept.length, settings.maxEjected)) break;
    swept[index] = ejected(standing, now, settings);
    ejections.push([index, reason]);
    out += 1;
  }
  return { standings: swept, ejections };
}

function forgiven(
  before: Standing,
  sweptAt: number,
  intervals: number,
  settings: OutlierSettings,
): Standing {
  let { ejections } = before;
  let left = intervals;
  if (before.ejectedAt !== undefined) {
    const back = before.ejectedAt + ejectionMs(ejections, settings);
    const passed = Math.max(1, Math.ceil((back - sweptAt) / settings.intervalMs));
    if (passed > intervals) return before;
    left -= passed;
  }
  ejections = Math.max(0, ejections - left);
  if (before.ejectedAt !== undefined) return { ...goodStanding, ejections };
  if (before.requests === 0 && ejections === before.ejections) return before;
  return { ...before, requests: 0, successes: 0, ejections };
}

/** Those whose share of successes is far below the others' (OD-05), or simply too low (OD-06). */
function badRates(
  standings: readonly Standing[],
  { successRate, failureRate }: OutlierSettings,
): readonly (readonly [number, EjectionReason])[] {
  const bad: [number, EjectionReason][] = [];
  if (successRate !== undefined) {
    const rates = ratesOf(standings, successRate.minRequests);
    if (rates.length >= successRate.minEndpoints) {
      const mean = average(rates.map(({ rate }) => rate));
      const deviation = Math.sqrt(average(rates.map(({ rate }) => (rate - mean) ** 2)));
      const least = mean - deviation * successRate.deviations;
      for (const { index, rate } of rates) if (rate < least) bad.push([index, 'success_rate']);
    }
  }
  if (failureRate !== undefined) {
    const rates = ratesOf(standings, failureRate.minRequests);
    if (rates.length >= failureRate.minEndpoints) {
      for (const { index, failures } of rates) {
        if (failures >= failureRate.threshold) bad.push([index, 'failure_percentage']);
      }
    }
  }
  return bad;
}

function ratesOf(
  standings: readonly Standing[],
  minRequests: number,
): readonly { readonly index: number; readonly rate: number; readonly failures: number }[] {
  return standings.flatMap(({ requests, successes, ejectedAt }, index) =>
    ejectedAt === undefined && requests >= minRequests
      ? [{ index, rate: successes / requests, failures: (requests - successes) / requests }]
      : [],
  );
}

function average(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
