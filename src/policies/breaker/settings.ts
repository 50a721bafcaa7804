/**
 * What the machine of a breaker goes by, from the options: checked and filled in.
 *
 * @module
 */

import { type Duration, durationOption, formatDuration } from '../../core/duration.ts';
import { flagOption, functionOption, knownOptions, shown, wholeOption } from '../../core/option.ts';
import type { MachineSettings } from './machine.ts';
import type { BreakerOptions, HalfOpenOptions } from './options.ts';
import type { WindowKind } from './window.ts';

/** @throws {RangeError} names the option, the value and what is allowed. */
export function machineSettings(options: BreakerOptions): MachineSettings {
  const { failures, errorRate, slowRate, slowAfter, trip } = options;
  const { minRequests = 20, window, bucket, lastRequests } = options;
  if (failures !== undefined) {
    wholeOption('breaker.failures', failures, 1);
    refuseBeside(options, 'failures', ['errorRate', 'slowRate', 'trip', ...rateOptions]);
  }
  if (trip !== undefined) {
    functionOption('breaker.trip', trip);
    refuseBeside(options, 'trip', ['errorRate', 'slowRate']);
  }
  if (errorRate !== undefined) share('errorRate', errorRate);
  if (slowRate !== undefined) share('slowRate', slowRate);
  if ((slowRate === undefined) !== (slowAfter === undefined)) {
    throw new RangeError(
      'breaker.slowRate and breaker.slowAfter: one makes no sense without the other',
    );
  }
  wholeOption('breaker.minRequests', minRequests, 1);
  if (lastRequests !== undefined) {
    wholeOption('breaker.lastRequests', lastRequests, 1, 100_000);
    refuseBeside(options, 'lastRequests', ['window', 'bucket']);
    if (minRequests > lastRequests) {
      throw new RangeError(
        `breaker.minRequests: ${minRequests} is more than lastRequests, ${lastRequests}; the circuit could never open`,
      );
    }
  }
  const isByRate = failures === undefined && trip === undefined;
  return {
    window:
      failures !== undefined
        ? { kind: 'consecutive' }
        : lastRequests === undefined
          ? timeWindow(window, bucket)
          : { kind: 'count', size: lastRequests },
    failures,
    errorRate: isByRate && slowRate === undefined ? (errorRate ?? 0.5) : errorRate,
    slowRate,
    trip,
    minRequests: failures ?? minRequests,
    observesOnly: options.mode === 'metrics_only',
    isElective: options.fleet !== undefined,
    openForMs: openFor(options),
    halfOpen: halfOpen(options.halfOpen),
  };
}

const rateOptions = ['slowAfter', 'minRequests', 'window', 'bucket', 'lastRequests'] as const;

function timeWindow(window: Duration = '10s', bucket: Duration | undefined): WindowKind {
  const windowMs = positive('window', window);
  const bucketMs = bucket === undefined ? windowMs / 10 : positive('bucket', bucket);
  const buckets = Math.ceil(windowMs / bucketMs);
  if (bucketMs > windowMs) {
    throw new RangeError(`breaker.bucket: '${bucket}' is longer than the window, ${window}`);
  }
  if (buckets > 1_000) {
    throw new RangeError(
      `breaker.bucket: '${bucket}' makes ${buckets} of the window, more than 1000`,
    );
  }
  return { kind: 'time', buckets, bucketMs };
}

function openFor(options: BreakerOptions): MachineSettings['openForMs'] {
  const { openFor = '5s', maxOpenFor, retryAfter = true } = options;
  flagOption('breaker.retryAfter', retryAfter);
  const firstMs = typeof openFor === 'function' ? 0 : positive('openFor', openFor);
  const longestMs =
    maxOpenFor === undefined ? Math.max(60_000, firstMs) : positive('maxOpenFor', maxOpenFor);
  if (longestMs < firstMs) {
    throw new RangeError(
      `breaker.maxOpenFor: '${maxOpenFor}' is shorter than openFor, ${formatDuration(firstMs)}`,
    );
  }
  return (facts, hintMs) => {
    const ownMs =
      typeof openFor === 'function'
        ? positive('openFor', openFor(facts))
        : // Bounded, since 2 ** 1024 is no number.
          firstMs * 2 ** Math.min(facts.halfOpenAttempts, 50);
    return Math.min(longestMs, retryAfter ? Math.max(ownMs, hintMs ?? 0) : ownMs);
  };
}

function halfOpen(given: number | HalfOpenOptions = 1): MachineSettings['halfOpen'] {
  const isSpelt = typeof given === 'object' && given !== null;
  const name = isSpelt ? 'breaker.halfOpen.probes' : 'breaker.halfOpen';
  const settings = isSpelt ? given : { probes: given };
  knownOptions('breaker.halfOpen', settings, {
    probes: true,
    successes: true,
    toleratedFailures: true,
    timeout: true,
  });
  const { probes = 1, toleratedFailures = 0, timeout = '10s' } = settings;
  wholeOption(name, probes, 1, 1_000);
  const { successes = Math.max(3, probes) } = settings;
  wholeOption('breaker.halfOpen.successes', successes, 1);
  wholeOption('breaker.halfOpen.toleratedFailures', toleratedFailures, 0);
  return {
    probes,
    successes,
    toleratedFailures,
    probeTimeoutMs: positive('halfOpen.timeout', timeout),
  };
}

function refuseBeside(
  options: BreakerOptions,
  name: string,
  others: readonly (keyof BreakerOptions)[],
): void {
  const other = others.find((candidate) => options[candidate] !== undefined);
  if (other !== undefined) {
    throw new RangeError(`breaker.${other}: does not go with breaker.${name}; give one of the two`);
  }
}

function share(option: string, value: number): void {
  if (value > 0 && value <= 1) return;
  throw new RangeError(
    `breaker.${option}: ${shown(value)} is not a number above 0 up to 1, where 0.5 is 50 %`,
  );
}

function positive(option: string, value: Duration): number {
  const milliseconds = durationOption(`breaker.${option}`, value);
  if (milliseconds > 0) return milliseconds;
  throw new RangeError(`breaker.${option}: '${value}' is not longer than nothing`);
}

/** The duration of a manual intervention. */
export function tripDuration(value: Duration): number {
  return positive('trip', value);
}
