/**
 * The options of a breaker, checked and filled in.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import { type Duration, durationOption, formatDuration } from '../../core/duration.ts';
import {
  flagOption,
  functionOption,
  knownOptions,
  type OptionNames,
  shown,
  wholeOption,
  wordOption,
} from '../../core/option.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { BreakerFleet } from './fleet/fleet.ts';
import type { Counts, MachineSettings, OpenFacts, Transition } from './machine.ts';
import type { WindowKind } from './window.ts';

/**
 * Which calls share a circuit: those to one origin, to one endpoint of a service, of one route, all of them, or those for
 * which a function returns the same text.
 */
export type BreakerKey =
  | 'origin'
  | 'endpoint'
  | 'route'
  | 'all'
  | ((request: Request, context: Context) => string);

/**
 * - `on`: counts and rejects.
 * - `metrics_only`: counts and tells when it would have opened, and rejects nothing.
 * - `forced_open`: rejects everything.
 * - `disabled`: does nothing.
 */
export type BreakerMode = 'on' | 'metrics_only' | 'forced_open' | 'disabled';

/** A call that was made, for the classifiers. */
export interface Attempt {
  /** `undefined` where the call rejected. */
  readonly response: Response | undefined;
  /** What it rejected with. */
  readonly error: unknown;
  /** How fetchmesh judges it. */
  readonly outcome: Outcome;
}

/** How an open circuit finds out whether the upstream is well again. */
export interface HalfOpenOptions {
  /** How many calls are let through at once. Default: 1. */
  readonly probes?: number;
  /** How many of them have to succeed. Default: 3, or `probes` where that is more. */
  readonly successes?: number;
  /** How many may fail meanwhile. Default: 0. */
  readonly toleratedFailures?: number;
  /** A probe without an answer after this long has failed. Default: `'10s'`. */
  readonly timeout?: Duration;
}

/** A change of a circuit's state, or that it would have opened. */
export interface BreakerEvent extends Transition {
  readonly key: string;
}

/** Settings of `breaker`. */
export interface BreakerOptions {
  /** Opens after so many failures in a row, in place of a rate. */
  readonly failures?: number;
  /** Opens where this share of the calls failed, above 0 up to 1. Default: 0.5, unless another condition is given. */
  readonly errorRate?: number;
  /** Opens where this share of the calls was slow, above 0 up to 1. Default: never. */
  readonly slowRate?: number;
  /** A call that brings no headers for longer than this is slow; goes with `slowRate`. */
  readonly slowAfter?: Duration;
  /** Opens where this says so, in place of the rates: asked after every call once there are `minRequests`. */
  readonly trip?: (counts: Counts) => boolean;
  /** With fewer calls in the window no rate is known. Default: 20. */
  readonly minRequests?: number;
  /** How far back rates look. Default: `'10s'`. */
  readonly window?: Duration;
  /** In what steps calls are forgotten; a window that is no multiple is rounded up. Default: a tenth of the window. */
  readonly bucket?: Duration;
  /** Looks at the last so many calls, in place of `window`. */
  readonly lastRequests?: number;
  /**
   * How long the circuit stays open: doubled each time that it opens again without having been closed, up to
   * `maxOpenFor`; or a function of what opened it. Default: `'5s'`.
   */
  readonly openFor?: Duration | ((facts: OpenFacts) => Duration);
  /** Default: `'60s'`, or `openFor` where that is longer. */
  readonly maxOpenFor?: Duration;
  /**
   * Whether the `Retry-After` of the answer that opens the circuit makes it stay open for longer, up to `maxOpenFor`.
   * Default: true.
   */
  readonly retryAfter?: boolean;
  /** How many calls are let through to try the upstream, or more about them. Default: 1. */
  readonly halfOpen?: number | HalfOpenOptions;
  /** Calls that say nothing of the upstream. Default: the caller left, or a policy answered. Asked before `isSuccess`. */
  readonly isIgnored?: (attempt: Attempt) => boolean;
  /** Default: everything but network failures, timeouts and 5xx other than 501. */
  readonly isSuccess?: (attempt: Attempt) => boolean;
  /** Default: `'origin'`. */
  readonly key?: BreakerKey;
  /** How many keys are remembered; beyond it, that which was used least recently is forgotten. Default: 1024. */
  readonly maxKeys?: number;
  /** Default: `'on'`. */
  readonly mode?: BreakerMode;
  /** Whose breakers of the same `name` hear of each other, made by `breakerFleet`. Default: none, it decides alone. */
  readonly fleet?: BreakerFleet;
  /** By which the breakers of a fleet are told apart; goes with `fleet`. */
  readonly name?: string;
  /** Told of each transition, in order, once it has happened. What it throws is dropped. */
  readonly onTransition?: (event: BreakerEvent) => void;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

const known: OptionNames<BreakerOptions> = {
  failures: true,
  errorRate: true,
  slowRate: true,
  slowAfter: true,
  trip: true,
  minRequests: true,
  window: true,
  bucket: true,
  lastRequests: true,
  openFor: true,
  maxOpenFor: true,
  retryAfter: true,
  halfOpen: true,
  isIgnored: true,
  isSuccess: true,
  key: true,
  maxKeys: true,
  mode: true,
  fleet: true,
  name: true,
  onTransition: true,
  clock: true,
};

/** The options that the machine goes by. @throws {RangeError} names the option, the value and what is allowed. */
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

/** Checks what the machine does not go by. */
export function checkOptions(options: BreakerOptions): void {
  knownOptions('breaker', options, known);
  const { key = 'origin', mode = 'on', maxKeys = 1_024 } = options;
  wholeOption('breaker.maxKeys', maxKeys, 1);
  if (typeof key !== 'function') {
    wordOption('breaker.key', key, ['origin', 'endpoint', 'route', 'all'], ' or a function');
  }
  wordOption('breaker.mode', mode, ['on', 'metrics_only', 'forced_open', 'disabled']);
  if (options.fleet !== undefined) {
    if (typeof options.fleet?.join !== 'function') {
      throw new RangeError(
        `breaker.fleet: ${shown(options.fleet)} is not a fleet, as breakerFleet makes one`,
      );
    }
    if (typeof options.name !== 'string' || options.name === '') {
      throw new RangeError(
        `breaker.name: ${shown(options.name)} is not a name, by which a fleet tells its breakers apart`,
      );
    }
  }
  for (const name of ['isIgnored', 'isSuccess', 'onTransition'] as const) {
    functionOption(`breaker.${name}`, options[name]);
  }
}

/** In the words of the options, for `describe`. */
export function labelOf(options: BreakerOptions, settings: MachineSettings): string {
  const { failures, errorRate, slowRate, minRequests, window } = settings;
  const parts: string[] = [];
  if (failures !== undefined) parts.push(`${failures} failures in a row`);
  if (errorRate !== undefined) parts.push(`${percent(errorRate)} errors`);
  if (slowRate !== undefined) parts.push(`${percent(slowRate)} slower than ${options.slowAfter}`);
  if (settings.trip !== undefined) parts.push('a condition of its own');
  let label = `breaker ${parts.join(' or ')}`;
  if (window.kind === 'count') label += ` of the last ${window.size}`;
  if (window.kind === 'time') {
    label += ` of at least ${minRequests} in ${formatDuration(window.buckets * window.bucketMs)}`;
  }
  const { openFor = '5s', mode = 'on' } = options;
  if (typeof openFor === 'string') label += `, open ${openFor}`;
  if (options.fleet !== undefined) label += `, '${options.name}' of a fleet`;
  return mode === 'on' ? label : `${label}, ${mode}`;
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(6))}%`;
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
