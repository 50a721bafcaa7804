/**
 * What can be said of retries, and what is taken where nothing is said.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { type Duration, delayOption, durationOption } from '../core/duration.ts';
import { fieldNameOption } from '../core/header-field.ts';
import {
  functionOption,
  knownOptions,
  listOption,
  type OptionNames,
  wholeOption,
  wordOption,
} from '../core/option.ts';
import type { Outcome } from '../core/outcome.ts';
import { defaultReplayBytes } from '../core/replay.ts';
import type {
  BackoffOptions,
  BackoffShape,
  CustomBackoff,
  CustomJitter,
  Jitter,
} from './backoff.ts';
import { budgetOption, type RetryBudget } from './retry-budget.ts';

/**
 * What is worth another try: a status from 400 to 599, `'5xx'` (but 501 and 505), `'connect'` (no connection came about),
 * `'reset'` (it broke), `'timeout'` (a per-try limit), `'retriable-4xx'` (409), or `'envoy-ratelimited'` (an answer that
 * bears `x-envoy-ratelimited`).
 */
export type RetryCondition =
  | number
  | '5xx'
  | 'connect'
  | 'reset'
  | 'timeout'
  | 'retriable-4xx'
  | 'envoy-ratelimited';

/** All words among the conditions. */
export const retryConditions = [
  '5xx',
  'connect',
  'reset',
  'timeout',
  'retriable-4xx',
  'envoy-ratelimited',
] as const;

/** Which requests that are not idempotent may be sent again. */
export type UnsafeMethods = 'never' | 'always' | 'idempotency_key';

/** A try that has ended, as {@link RetryOptions.shouldRetry} gets it. */
export interface EndedTry {
  /** Which try it was, counted from 1. */
  readonly attempt: number;
  readonly request: Request;
  /** What came back, its body unread; read a clone. `undefined` where the try was rejected. */
  readonly response: Response | undefined;
  /** What the try was rejected with. */
  readonly error: unknown;
  readonly outcome: Outcome;
}

/** A retry that is about to happen, as {@link RetryOptions.onRetry} gets it. */
export interface UpcomingRetry {
  /** Which try has failed, counted from 1. */
  readonly attempt: number;
  /** How long the next one waits, in milliseconds. */
  readonly delayMs: number;
  /** Why: a status or a kind of failure, as in {@link Outcome.reason}. */
  readonly reason: string;
}

/** Settings of {@link retry}. */
export interface RetryOptions {
  /** Tries after the first one, at most 100. Default: 2. */
  readonly max?: number;
  /** How the delay grows, or a function that says. Default: `'exponential'`, doubling. */
  readonly backoff?: BackoffShape | CustomBackoff;
  /** Delay before the first retry, before jitter. Default: `'100ms'`. */
  readonly baseDelay?: Duration;
  /** The longest delay. Default: ten times `baseDelay`; none with a backoff of one's own. */
  readonly maxDelay?: Duration;
  /** Default: `'full'`. */
  readonly jitter?: Jitter | CustomJitter;
  /** Limit of each single try. Default: none but the overall timeout. */
  readonly perTry?: Duration;
  /** Takes the place of the default: 5xx but 501 and 505, 429, 413 with `Retry-After`, network failures, per-try timeouts. */
  readonly retryOn?: readonly RetryCondition[];
  /** Names of response headers with which any answer is worth another try. Default: none. */
  readonly retriableHeaders?: readonly string[];
  /**
   * Has the last word where the number of tries, the method and the body allow another one: `true` demands it, `false`
   * forbids it, anything else leaves it as it is. What it throws, the call rejects with.
   */
  readonly shouldRetry?: (ended: EndedTry) => boolean | undefined | Promise<boolean | undefined>;
  /** Is told of each retry before its delay. What it throws, the call rejects with. */
  readonly onRetry?: (retry: UpcomingRetry) => void;
  /**
   * Whether POST, PATCH and other methods that are not idempotent are retried: `'never'`, `'always'`, or with an
   * `'idempotency_key'`, that is where the request has the header `Idempotency-Key`. Default: `'never'`.
   */
  readonly unsafeMethods?: UnsafeMethods;
  /** How many retries there may be beside the first tries; share it with a hedge. Default: any number. */
  readonly budget?: RetryBudget;
  /** How much of a request body is kept for a further try, in bytes. A longer stream is sent once. Default: 262144. */
  readonly maxReplayBytes?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1), asked once for each delay. Default: `Math.random`. */
  readonly random?: () => number;
}

/** Settings, checked and complete. */
export interface RetrySettings {
  readonly max: number;
  readonly delays: BackoffOptions;
  readonly perTry: Duration | undefined;
  readonly retryOn: ReadonlySet<RetryCondition> | undefined;
  readonly retriableHeaders: readonly string[];
  readonly unsafeMethods: UnsafeMethods;
  readonly maxReplayBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
}

const known: OptionNames<RetryOptions> = {
  max: true,
  backoff: true,
  baseDelay: true,
  maxDelay: true,
  jitter: true,
  perTry: true,
  retryOn: true,
  retriableHeaders: true,
  shouldRetry: true,
  onRetry: true,
  unsafeMethods: true,
  budget: true,
  maxReplayBytes: true,
  clock: true,
  random: true,
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function retrySettings(options: RetryOptions): RetrySettings {
  knownOptions('retry', options, known);
  const { max = 2, backoff = 'exponential', jitter = 'full', retryOn, perTry } = options;
  const { unsafeMethods = 'never', maxReplayBytes = defaultReplayBytes } = options;
  const { retriableHeaders = [], clock = systemClock, random = Math.random } = options;
  wholeOption('retry.max', max, 0, 100);
  wholeOption('retry.maxReplayBytes', maxReplayBytes, 0);
  const baseDelayMs = durationOption('retry.baseDelay', options.baseDelay ?? '100ms');
  const maxDelayMs =
    options.maxDelay !== undefined
      ? durationOption('retry.maxDelay', options.maxDelay)
      : typeof backoff === 'function'
        ? Number.POSITIVE_INFINITY
        : 10 * baseDelayMs;
  if (typeof backoff !== 'function') {
    wordOption('retry.backoff', backoff, ['exponential', 'linear', 'constant'], ' or a function');
  }
  if (typeof jitter !== 'function') {
    wordOption('retry.jitter', jitter, ['full', 'equal', 'decorrelated', 'none'], ' or a function');
  }
  if (jitter === 'decorrelated' && options.backoff !== undefined && backoff !== 'exponential') {
    throw new RangeError(
      "retry.jitter: 'decorrelated' grows by itself; it goes with the backoff 'exponential' only",
    );
  }
  wordOption('retry.unsafeMethods', unsafeMethods, ['never', 'always', 'idempotency_key']);
  listOption('retry.retryOn', retryOn);
  listOption('retry.retriableHeaders', retriableHeaders);
  for (const condition of retryOn ?? []) checkCondition(condition);
  for (const name of retriableHeaders) fieldNameOption('retry.retriableHeaders', name);
  if (perTry !== undefined) delayOption('retry.perTry', perTry);
  functionOption('retry.shouldRetry', options.shouldRetry);
  functionOption('retry.onRetry', options.onRetry);
  budgetOption('retry.budget', options.budget);
  return {
    max,
    delays: { shape: backoff, baseDelayMs, maxDelayMs, jitter },
    perTry,
    retryOn: retryOn && new Set(retryOn),
    retriableHeaders,
    unsafeMethods,
    maxReplayBytes,
    clock,
    random,
  };
}

function checkCondition(condition: unknown): void {
  if (condition === 501 || condition === 505) {
    throw new RangeError(
      `retry.retryOn: ${condition} is never retried, the upstream would answer the same again`,
    );
  }
  const isStatus =
    Number.isInteger(condition) && 400 <= Number(condition) && Number(condition) <= 599;
  if (!isStatus) {
    wordOption('retry.retryOn', condition, retryConditions, ' or a status from 400 to 599');
  }
}
