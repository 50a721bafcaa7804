/**
 * What can be said of a breaker.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import type { Duration } from '../../core/duration.ts';
import {
  functionOption,
  knownOptions,
  type OptionNames,
  shown,
  wholeOption,
  wordOption,
} from '../../core/option.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { BreakerFleet } from './fleet/fleet.ts';
import type { Counts, OpenFacts, Transition } from './machine.ts';

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
