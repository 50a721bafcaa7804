/**
 * What active health checks are, and what follows from their results.
 *
 * @module
 */

import { longestDelayMs } from '../core/clock.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { knownOptions, shown, wholeOption } from '../core/option.ts';

/** Settings of active health checks: each endpoint is asked now and then, and left out while it does not answer. */
export interface HealthOptions {
  /** Asked for with GET, below the endpoint's URL; a status from 200 to 299 is healthy. */
  readonly path: string;
  /** Time between two checks of an endpoint, give or take a tenth. At least `'100ms'`. Default: `'10s'`. */
  readonly interval?: Duration;
  /** A check without response headers after this time has failed. Default: `'1s'`, or `interval` where that is shorter. */
  readonly timeout?: Duration;
  /** Failed checks in a row after which an endpoint is left out. Default: 3. */
  readonly downAfter?: number;
  /** Passed checks in a row after which it takes part again. Default: 2. */
  readonly upAfter?: number;
}

/** {@link HealthOptions}, checked and complete. */
export interface HealthSettings {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly downAfter: number;
  readonly upAfter: number;
}

/** What checks have found out about an endpoint. */
export interface Vitals {
  readonly isUp: boolean;
  /** Results in a row that say the opposite of `isUp`. */
  readonly against: number;
}

/** Of an endpoint that was never checked: it takes part until checks say otherwise. */
export const unchecked: Vitals = { isUp: true, against: 0 };

/** Takes the result of a check in. */
export function afterCheck(
  { isUp, against }: Vitals,
  passed: boolean,
  { downAfter, upAfter }: Pick<HealthSettings, 'downAfter' | 'upAfter'>,
): Vitals {
  if (passed === isUp) return { isUp, against: 0 };
  const isTurning = against + 1 >= (isUp ? downAfter : upAfter);
  return isTurning ? { isUp: !isUp, against: 0 } : { isUp, against: against + 1 };
}

/** @throws {RangeError} names the option, the value and what is allowed. */
export function healthSettings(option: string, options: HealthOptions): HealthSettings {
  knownOptions(option, options, {
    path: true,
    interval: true,
    timeout: true,
    downAfter: true,
    upAfter: true,
  });
  const { path, downAfter = 3, upAfter = 2 } = options;
  if (typeof path !== 'string' || !/^\/(?!\/)[^\s#]*$/.test(path)) {
    throw new RangeError(`${option}.path: ${shown(path)} is not a path such as /healthz`);
  }
  wholeOption(`${option}.downAfter`, downAfter, 1);
  wholeOption(`${option}.upAfter`, upAfter, 1);
  const interval = options.interval ?? '10s';
  const intervalMs = durationOption(`${option}.interval`, interval);
  if (intervalMs < 100 || intervalMs > longestDelayMs) {
    throw new RangeError(`${option}.interval: '${interval}' is not from 100ms to 24d`);
  }
  const timeoutMs =
    options.timeout === undefined
      ? Math.min(1_000, intervalMs)
      : durationOption(`${option}.timeout`, options.timeout);
  if (timeoutMs === 0 || timeoutMs > intervalMs) {
    throw new RangeError(
      `${option}.timeout: '${options.timeout}' is not longer than nothing and up to interval, '${interval}'`,
    );
  }
  return { path, intervalMs, timeoutMs, downAfter, upAfter };
}
