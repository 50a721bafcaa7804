/**
 * Callers that wait for one answer: one call of a queue at a time, however many ask (flat combining).
 *
 * Each round is asked for by one of those who wait for it, and each of the others has a timer of its own. On Workers whatever a
 * request has begun ends with it, so a round that an earlier caller asked for would end unanswered once that one has its
 * response; and a request that waits for nothing of its own is taken for one that hangs.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import {
  type CallOptions,
  type Grant,
  type Limit,
  StoreError,
  type StoreErrorCode,
} from './contract.ts';

/** What a caller asks of a store. */
export interface Question {
  readonly key: string;
  readonly limit: Limit;
  readonly n: number;
  readonly min: number;
}

/** A caller that waits. */
export interface Waiter extends Question {
  resolve(grant: Grant): void;
}

/** What the one that asks gives along: what its question begins lives no longer than its request otherwise. */
export type Lifetime = Pick<CallOptions, 'waitUntil'>;

interface Caller extends Waiter {
  readonly settings: CallOptions | undefined;
  reject(error: unknown): void;
  /** It is this one's turn to ask, for all who wait. */
  lead(): void;
}

interface Queue {
  readonly callers: Caller[];
  /** Who asks. */
  leader: Caller;
  /** When the call under way began, on the monotonic clock. */
  begunAt: number;
}

/** A call that takes longer ended with the request that made it, as it can on Workers: nobody waits for it any more. */
const longestCallMs = 5_000;

/** Callers, in queues. */
export class Waiters {
  readonly #serve: (round: readonly Waiter[], lifetime: Lifetime) => Promise<void>;
  readonly #clock: Clock;
  readonly #queues = new Map<string, Queue>();

  /**
   * @param serve Answers all callers of a round, at least one; what it rejects with goes to those that it has not answered,
   * and where the store is out to those that came meanwhile as well.
   */
  constructor(
    serve: (round: readonly Waiter[], lifetime: Lifetime) => Promise<void>,
    clock: Clock = systemClock,
  ) {
    this.#serve = serve;
    this.#clock = clock;
  }

  /** Waits for the answer. Rejects with the signal's reason when its caller leaves; what is granted to it then is spent. */
  wait(queueName: string, question: Question, settings: CallOptions | undefined): Promise<Grant> {
    const signal = settings?.signal;
    return new Promise<Grant>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let cancel = (): void => {};
      let isOver = false;
      const end = (): void => {
        isOver = true;
        cancel();
        signal?.removeEventListener('abort', leave);
      };
      const leave = (): void => {
        end();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave);
      let lead = (): void => {};
      // Made here, so that what follows is this caller's own doing and not that of whoever hands over.
      const turn = new Promise<void>((resolve) => {
        lead = resolve;
      });
      let isLeading = false;
      let answer: Grant | undefined;
      const caller: Caller = {
        ...question,
        settings,
        lead,
        resolve(grant) {
          end();
          // Whoever asks leaves last: what it has begun for the others goes on as long as it waits.
          if (isLeading) answer = grant;
          else resolve(grant);
        },
        reject(error) {
          end();
          if (answer === undefined) reject(error);
        },
      };
      const waitForOther = (): void => {
        const why = 'the store was asked by another caller, and did not answer';
        const tooLate = (): void => caller.reject(new StoreError('UNAVAILABLE', why));
        cancel = this.#clock.schedule(tooLate, longestCallMs);
      };
      const queue = this.#join(queueName, caller);
      if (queue.leader !== caller) waitForOther();
      turn.then(async () => {
        isLeading = true;
        cancel();
        await this.#ask(queueName, queue);
        isLeading = false;
        if (answer !== undefined) resolve(answer);
        // Somebody who began anew, after a call that took too long, asks for this one as well.
        else if (!isOver) waitForOther();
      });
    });
  }

  #join(name: string, caller: Caller): Queue {
    const present = this.#queues.get(name);
    if (present !== undefined) {
      present.callers.push(caller);
      if (this.#clock.monotonic() - present.begunAt <= longestCallMs) return present;
    }
    // Those who still wait for a call that died are answered as well.
    const callers = present?.callers ?? [caller];
    const queue = { callers, leader: caller, begunAt: this.#clock.monotonic() };
    this.#queues.set(name, queue);
    // Whoever asks in this tick belongs to the first call.
    caller.lead();
    return queue;
  }

  /** One round, by one of those who are in it; the next one is another one's. */
  async #ask(name: string, queue: Queue): Promise<void> {
    const { callers, leader } = queue;
    // Who left before anything was asked for has taken nothing.
    const round = callers.splice(0).filter(isWaiting);
    if (round.length > 0) {
      queue.begunAt = this.#clock.monotonic();
      try {
        await this.#serve(round, { waitUntil: (work) => leader.settings?.waitUntil?.(work) });
      } catch (error) {
        for (const { reject } of round) reject(error);
        // They have waited for the same store already: nobody waits for two deadlines.
        if (isOutage(error)) for (const { reject } of callers.splice(0)) reject(error);
      }
    }
    if (this.#queues.get(name) !== queue) return;
    const next = callers.find(isWaiting);
    if (next === undefined) {
      this.#queues.delete(name);
      return;
    }
    queue.leader = next;
    next.lead();
  }
}

function isWaiting({ settings }: Caller): boolean {
  return settings?.signal?.aborted !== true;
}

function isOutage(error: unknown): boolean {
  const unavailable: StoreErrorCode = 'UNAVAILABLE';
  return (error as { code?: unknown } | null)?.code === unavailable;
}
