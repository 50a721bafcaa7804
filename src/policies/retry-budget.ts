/**
 * How many further tries there may be beside the first ones: what retries and hedges of one upstream share, so that they
 * do not multiply the load of an upstream that is failing under load.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { type Context, type Key, key } from '../core/context.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { knownOptions, shown } from '../core/option.ts';

/**
 * Shared by every policy that sends a request more than once: `retry({ budget })`, `hedge({ budget })`.
 *
 * Whoever sends counts the request with {@link depositOnce} before its first try, and asks `withdraw` before each further
 * one. Where that says no, the further try is not made, and the first one's outcome stands. First tries are never limited.
 */
export interface RetryBudget {
  /** Counts a request that is sent for the first time. */
  deposit(): void;
  /**
   * Whether one more try may be made now; it is counted if so.
   *
   * @param context Of the request that makes it: a budget that asks others does so beyond its answer.
   */
  withdraw(context?: Context): boolean;
}

/** Settings of {@link retryBudget}. */
export interface RetryBudgetOptions {
  /** Further tries per first try: 0.2 is one for five. From 0 to 1000. Default: 0.2. */
  readonly ratio?: number;
  /** How long a request counts, and a further try against it. From `'1s'` to `'60s'`. Default: `'10s'`. */
  readonly ttl?: Duration;
  /** Further tries that are allowed without any traffic, per second of `ttl`. Default: 1. */
  readonly minPerSecond?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/**
 * Makes a budget: within `ttl`, at most `ratio` further tries for each first try, and `minPerSecond × ttl` beyond that.
 *
 * Requests and tries are counted by tenths of `ttl`, and forgotten together with the tenth that they fell into.
 *
 * Semantics: Finagle's `RetryBudget`. Make one for each upstream, not for each route to it.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const budget = retryBudget({ ratio: 0.5, minPerSecond: 0 });
 * budget.deposit();
 * budget.withdraw(); // false
 * budget.deposit();
 * budget.withdraw(); // true
 * budget.withdraw(); // false
 * ```
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  knownOptions('retryBudget', options, {
    ratio: true,
    ttl: true,
    minPerSecond: true,
    clock: true,
  });
  const { ratio = 0.2, ttl = '10s', minPerSecond = 1, clock = systemClock } = options;
  const ttlMs = durationOption('retryBudget.ttl', ttl);
  if (ttlMs < 1_000 || ttlMs > 60_000) {
    throw new RangeError(`retryBudget.ttl: '${ttl}' is not from 1s to 60s`);
  }
  if (!Number.isFinite(ratio) || ratio < 0 || ratio > 1_000) {
    throw new RangeError(
      `retryBudget.ratio: ${shown(ratio)} is not a number from 0 to 1000, where 0.2 is 20 %`,
    );
  }
  if (!Number.isFinite(minPerSecond) || minPerSecond < 0) {
    throw new RangeError(
      `retryBudget.minPerSecond: ${shown(minPerSecond)} is not a number of 0 or more`,
    );
  }
  const reserve = (minPerSecond * ttlMs) / 1_000;
  const counts = new RecentCounts(ttlMs);
  return {
    deposit() {
      counts.at(clock.monotonic()).deposit();
    },
    withdraw() {
      const { first, further } = counts.at(clock.monotonic());
      if (further + 1 > ratio * first + reserve + roundingError) return false;
      counts.withdraw();
      return true;
    },
  };
}

/** @throws {RangeError} unless there is none, or it is a budget. */
export function budgetOption(option: string, budget: RetryBudget | undefined): void {
  if (budget === undefined || typeof budget?.withdraw === 'function') return;
  throw new RangeError(`${option}: ${shown(budget)} is not a budget, as retryBudget makes one`);
}

/** 0.1 added up ten times is not quite 1. */
const roundingError = 1e-6;

const tenths = 10;

/** First and further tries of the last ten tenths of a span, the present one included. */
class RecentCounts {
  readonly #tenthMs: number;
  readonly #first = new Float64Array(tenths);
  readonly #further = new Float64Array(tenths);
  /** The present tenth, counted from the clock's origin. */
  #present = Number.NEGATIVE_INFINITY;
  first = 0;
  further = 0;

  constructor(spanMs: number) {
    this.#tenthMs = spanMs / tenths;
  }

  /** Forgets what is too old at this moment. */
  at(now: number): this {
    const present = Math.floor(now / this.#tenthMs);
    const passed = Math.min(present - this.#present, tenths);
    for (let step = 0; step < passed; step++) {
      const slot = slotOf(present - step);
      this.first -= this.#first[slot] as number;
      this.further -= this.#further[slot] as number;
      this.#first[slot] = 0;
      this.#further[slot] = 0;
    }
    if (passed > 0) this.#present = present;
    return this;
  }

  deposit(): void {
    this.first += 1;
    this.#count(this.#first);
  }

  withdraw(): void {
    this.further += 1;
    this.#count(this.#further);
  }

  #count(slots: Float64Array): void {
    const slot = slotOf(this.#present);
    slots[slot] = (slots[slot] as number) + 1;
  }
}

/** Also for a clock whose origin lies ahead. */
function slotOf(tenth: number): number {
  return ((tenth % tenths) + tenths) % tenths;
}

const counted: Key<RetryBudget | undefined> = key<RetryBudget>('budget that counted the request');

/**
 * Counts a request into a budget, unless a policy further out has done so: a hedge around a retry that shares its budget
 * makes one deposit.
 *
 * @returns The context for the layers further in.
 *
 * @example
 * ```ts
 * const budget = retryBudget({ ratio: 1, minPerSecond: 0 });
 * const outer = depositOnce(budget, Context.background());
 * depositOnce(budget, outer);
 * budget.withdraw(); // true
 * budget.withdraw(); // false
 * ```
 */
export function depositOnce(budget: RetryBudget, context: Context): Context {
  if (context.get(counted) === budget) return context;
  budget.deposit();
  return context.with(counted, budget);
}
