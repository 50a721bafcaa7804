/**
 * The settings of outlier detection, as they are given and as they are used.
 *
 * @module
 */

import { type Duration, durationOption } from '../core/duration.ts';
import { knownOptions, type OptionNames, shown, wholeOption } from '../core/option.ts';
import { share } from './option.ts';

/** Leaving out endpoints whose successes are far rarer than the others'. */
export interface SuccessRateOptions {
  /** How many standard deviations below the average are too far. Default: 1.9. */
  readonly deviations?: number;
  /** Nothing is compared among fewer. Default: 5. */
  readonly minEndpoints?: number;
  /** In one interval; an endpoint with fewer is left out of the comparison. Default: 100. */
  readonly minRequests?: number;
}

/** Leaving out endpoints that fail too large a share of their requests. */
export interface FailureRateOptions {
  /** From this share on, above 0 and up to 1. Default: 0.85. */
  readonly threshold?: number;
  /** Default: 5. */
  readonly minEndpoints?: number;
  /** In one interval. Default: 50. */
  readonly minRequests?: number;
}

/** Settings of outlier detection: which endpoints are left out for a while because of what they answered. */
export interface OutlierOptions {
  /** Failures in a row; 0 does not count them. Default: 5. */
  readonly failures?: number;
  /** 502, 503, 504 and failures without an answer in a row; 0 does not count them. Default: 0. */
  readonly gatewayFailures?: number;
  /**
   * Failures without an answer in a row (no connection, a broken one, a time-out), which then no longer count as failures
   * of the other kinds; 0 counts them there. Default: 0.
   */
  readonly localFailures?: number;
  /** How often rates are compared and endpoints let back in. Default: `'10s'`. */
  readonly interval?: Duration;
  /** How long the first ejection lasts; the next one twice as long, and so on. Default: `'30s'`. */
  readonly ejectFor?: Duration;
  /** The longest ejection. Default: `'300s'`, or `ejectFor` where that is longer. */
  readonly maxEjectFor?: Duration;
  /** The share of the endpoints that may be left out at once, above 0 and up to 1; one always may. Default: 0.1. */
  readonly maxEjected?: number;
  /** Default: off; `{}` turns it on. */
  readonly successRate?: SuccessRateOptions;
  /** Default: off; `{}` turns it on. */
  readonly failureRate?: FailureRateOptions;
}

/** {@link OutlierOptions}, checked and complete. */
export interface OutlierSettings {
  readonly failures: number;
  readonly gatewayFailures: number;
  readonly localFailures: number;
  readonly intervalMs: number;
  readonly ejectForMs: number;
  readonly maxEjectForMs: number;
  readonly maxEjected: number;
  /** Absent: off. */
  readonly successRate?: Required<SuccessRateOptions>;
  /** Absent: off. */
  readonly failureRate?: Required<FailureRateOptions>;
}

const known: OptionNames<OutlierOptions> = {
  failures: true,
  gatewayFailures: true,
  localFailures: true,
  interval: true,
  ejectFor: true,
  maxEjectFor: true,
  maxEjected: true,
  successRate: true,
  failureRate: true,
};

/** @throws {RangeError} names the option, the value and what is allowed. */
export function outlierSettings(option: string, options: OutlierOptions): OutlierSettings {
  knownOptions(option, options, known);
  const { failures = 5, gatewayFailures = 0, localFailures = 0, maxEjected = 0.1 } = options;
  wholeOption(`${option}.failures`, failures, 0);
  wholeOption(`${option}.gatewayFailures`, gatewayFailures, 0);
  wholeOption(`${option}.localFailures`, localFailures, 0);
  share(`${option}.maxEjected`, maxEjected, 'above 0');
  const intervalMs = lasting(`${option}.interval`, options.interval ?? '10s');
  const ejectForMs = lasting(`${option}.ejectFor`, options.ejectFor ?? '30s');
  const maxEjectForMs =
    options.maxEjectFor === undefined
      ? Math.max(300_000, ejectForMs)
      : lasting(`${option}.maxEjectFor`, options.maxEjectFor);
  if (maxEjectForMs < ejectForMs) {
    throw new RangeError(
      `${option}.maxEjectFor: '${options.maxEjectFor}' is shorter than ejectFor, '${options.ejectFor ?? '30s'}'`,
    );
  }
  const successRate = options.successRate && successRateSettings(option, options.successRate);
  const failureRate = options.failureRate && failureRateSettings(option, options.failureRate);
  const counted = failures + gatewayFailures + localFailures;
  if (counted === 0 && successRate === undefined && failureRate === undefined) {
    throw new RangeError(
      `${option}: nothing is counted; set one of failures, gatewayFailures, localFailures, successRate, failureRate`,
    );
  }
  return {
    failures,
    gatewayFailures,
    localFailures,
    intervalMs,
    ejectForMs,
    maxEjectForMs,
    maxEjected,
    ...(successRate !== undefined && { successRate }),
    ...(failureRate !== undefined && { failureRate }),
  };
}

function successRateSettings(
  outer: string,
  options: SuccessRateOptions,
): Required<SuccessRateOptions> {
  const option = `${outer}.successRate`;
  knownOptions(option, options, { deviations: true, minEndpoints: true, minRequests: true });
  const { deviations = 1.9, minEndpoints = 5, minRequests = 100 } = options;
  if (!Number.isFinite(deviations) || deviations <= 0) {
    throw new RangeError(`${option}.deviations: ${shown(deviations)} is not a number above 0`);
  }
  wholeOption(`${option}.minEndpoints`, minEndpoints, 2);
  wholeOption(`${option}.minRequests`, minRequests, 1);
  return { deviations, minEndpoints, minRequests };
}

function failureRateSettings(
  outer: string,
  options: FailureRateOptions,
): Required<FailureRateOptions> {
  const option = `${outer}.failureRate`;
  knownOptions(option, options, { threshold: true, minEndpoints: true, minRequests: true });
  const { threshold = 0.85, minEndpoints = 5, minRequests = 50 } = options;
  share(`${option}.threshold`, threshold, 'above 0');
  wholeOption(`${option}.minEndpoints`, minEndpoints, 2);
  wholeOption(`${option}.minRequests`, minRequests, 1);
  return { threshold, minEndpoints, minRequests };
}

function lasting(option: string, value: Duration): number {
  const milliseconds = durationOption(option, value);
  if (milliseconds === 0) throw new RangeError(`${option}: '${value}' must be longer than nothing`);
  return milliseconds;
}
