/**
 * Several tries of one request at once, of which the first good answer wins.
 *
 * @module
 */

import { abortSignal, deadline, type Follower, follow } from '../core/abort.ts';
import { forAttempt } from '../core/attempt.ts';
import type { Next } from '../core/chain.ts';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { discard } from '../core/discard.ts';
import { type EndpointRecord, isElsewhereUntried, triedEndpoints } from '../core/endpoint.ts';
import { emit } from '../core/event.ts';
import { type Outcome, outcomeOfError, outcomeOfResponse } from '../core/outcome.ts';
import type { Replay } from '../core/replay.ts';
import type { RecentLatencies } from './recent-latencies.ts';
import type { RetryBudget } from './retry-budget.ts';
import { longestServerDelayMs, serverDelay } from './server-delay.ts';

/** What a {@link Race} goes by. */
export interface RaceSettings {
  /** Tries beside the first one. */
  readonly max: number;
  readonly budget: RetryBudget | undefined;
  readonly clock: Clock;
  /** How long to wait now, in milliseconds; `undefined`: that is not known yet, and there is one try only. */
  readonly delayMs: () => number | undefined;
  /** Is told how long first tries take. */
  readonly latencies: RecentLatencies | undefined;
}

/** How a try ended. */
type Ending =
  | { readonly response: Response; readonly error?: undefined }
  | { readonly response?: undefined; readonly error: unknown };

/** The tries of one request. */
export class Race {
  readonly #next: Next;
  readonly #context: Context;
  readonly #caller: AbortSignal;
  readonly #body: Replay;
  readonly #settings: RaceSettings;
  readonly #record: EndpointRecord = { tried: [], candidates: 0 };
  readonly #running = new Set<Follower>();
  #first: Follower | undefined;
  readonly #startedAt: number;
  #started = 0;
  #isOver = false;
  /** Whether a further try is out of the question. */
  #isSpent = false;
  #cancelTimer: (() => void) | undefined;
  /** The failure to hand over where nothing better comes. */
  #failure: (Ending & { readonly isLocal: boolean }) | undefined;
  #resolve!: (response: Response) => void;
  #reject!: (reason: unknown) => void;

  constructor(
    next: Next,
    context: Context,
    caller: AbortSignal,
    body: Replay,
    settings: RaceSettings,
  ) {
    this.#next = next;
    this.#context = context.with(triedEndpoints, this.#record);
    this.#caller = caller;
    this.#body = body;
    this.#settings = settings;
    this.#startedAt = settings.clock.monotonic();
  }

  run(): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#caller.addEventListener('abort', this.#onLeft, { once: true });
      this.#start();
    });
  }

  /** An own property, to be taken off again. */
  readonly #onLeft = (): void => this.#end({ error: this.#caller.reason }, undefined);

  #start(): void {
    const attempt = ++this.#started;
    const follower = follow(this.#caller);
    this.#first ??= follower;
    this.#running.add(follower);
    const context = forAttempt(this.#context.with(abortSignal, follower.signal), attempt);
    // Async, so that a middleware that throws at once rejects like any other.
    const exchange = async () => await this.#next(this.#body.attempt(), context);
    exchange().then(
      (response) => this.#onEnding({ response }, outcomeOfResponse(response), follower),
      (error) => this.#onEnding({ error }, outcomeOfError(error, follower.signal), follower),
    );
    const delayMs = this.#settings.delayMs();
    if (delayMs === undefined) this.#isSpent = true;
    this.#waitForNext(delayMs);
  }

  /** Starts the next try in a while, unless there is to be none. */
  #waitForNext(delayMs: number | undefined): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { clock, max } = this.#settings;
    if (delayMs === undefined || this.#isOver || this.#isSpent || this.#started > max) return;
    if (clock.monotonic() + delayMs >= this.#context.get(deadline)) return;
    this.#cancelTimer = clock.schedule(() => {
      this.#cancelTimer = undefined;
      this.#startNext();
      this.#endIfLost();
    }, delayMs);
  }

  #startNext(): void {
    const { max, budget } = this.#settings;
    if (this.#isSpent || this.#started > max) return;
    // A body that is still being read serves one try at a time.
    const isReady = this.#running.size === 0 ? this.#body.possible : this.#body.simultaneous;
    if (!isReady) {
      this.#isSpent = !this.#body.possible;
      emit(this.#context, 'hedge_skipped', { reason: 'body' });
    } else if (budget !== undefined && !budget.withdraw(this.#context)) {
      this.#isSpent = true;
      emit(this.#context, 'hedge_overflow');
    } else {
      emit(this.#context, 'hedge', { attempt: this.#started + 1 });
      this.#start();
    }
  }

  #onEnding(ending: Ending, outcome: Outcome, follower: Follower): void {
    if (this.#isOver) {
      if (ending.response !== undefined) discard(ending.response);
      return;
    }
    this.#running.delete(follower);
    const isLocal = outcome.verdict === 'ignored';
    const isPassing = outcome.retryable || isElsewhereUntried(outcome.reason, this.#record);
    if (!isPassing && !isLocal) {
      if (follower === this.#first && outcome.verdict === 'success') this.#observe();
      this.#end(ending, follower);
      return;
    }
    follower.release(undefined);
    this.#keep(ending, isLocal);
    const asked = ending.response && serverDelay(ending.response, this.#settings.clock.now());
    if (asked !== undefined) {
      if (asked.delayMs > longestServerDelayMs) this.#isSpent = true;
      this.#waitForNext(asked.delayMs);
    } else if (isPassing) {
      this.#startNext();
    } else if (this.#running.size === 0) {
      // What a policy refused it would refuse again.
      this.#waitForNext(undefined);
    }
    this.#endIfLost();
  }

  /** Of two failures, the later one that the upstream is to blame for (HG-05). */
  #keep(ending: Ending, isLocal: boolean): void {
    const kept = this.#failure;
    const isBetter = kept === undefined || kept.isLocal || !isLocal;
    const dropped = isBetter ? kept?.response : ending.response;
    if (isBetter) this.#failure = { ...ending, isLocal };
    if (dropped !== undefined) discard(dropped);
  }

  #endIfLost(): void {
    const isNextDue = this.#cancelTimer !== undefined && !this.#isSpent;
    const isWaiting = this.#running.size > 0 || isNextDue;
    if (!isWaiting && this.#failure !== undefined) this.#end(this.#failure, undefined);
  }

  #end(ending: Ending, winner: Follower | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#caller.removeEventListener('abort', this.#onLeft);
    // How long the first try would have taken is not known, only that it is at least this.
    if (this.#first !== undefined && this.#running.has(this.#first)) this.#observe();
    for (const loser of this.#running) {
      loser.abort(
        this.#caller.aborted
          ? this.#caller.reason
          : new DOMException('Another try answered first', 'AbortError'),
      );
      loser.release(undefined);
    }
    if (this.#started === 1) this.#body.commit();
    const dropped = this.#failure?.response;
    if (dropped !== undefined && dropped !== ending.response) discard(dropped);
    winner?.release(ending.response);
    if (ending.response !== undefined) this.#resolve(ending.response);
    else this.#reject(ending.error);
  }

  #observe(): void {
    this.#settings.latencies?.add(this.#settings.clock.monotonic() - this.#startedAt);
  }
}
