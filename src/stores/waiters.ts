/**
 * Callers that wait for one answer: one call of a queue at a time, however many ask (flat combining).
 *
 * @module
 */

import type { Grant, Limit, StoreErrorCode } from './contract.ts';

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

interface Caller extends Waiter {
  readonly signal: AbortSignal | undefined;
  reject(error: unknown): void;
}

/** Callers, in queues. */
export class Waiters {
  readonly #serve: (round: readonly Waiter[]) => Promise<void>;
  readonly #queues = new Map<string, Caller[]>();

  /**
   * @param serve Answers all callers of a round, at least one; what it rejects with goes to those that it has not answered,
   * and where the store is out to those that came meanwhile as well.
   */
  constructor(serve: (round: readonly Waiter[]) => Promise<void>) {
    this.#serve = serve;
  }

  /** Waits for the answer. Rejects with the signal's reason when its caller leaves; what is granted to it then is spent. */
  wait(queueName: string, question: Question, signal: AbortSignal | undefined): Promise<Grant> {
    return new Promise<Grant>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const leave = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', leave, { once: true });
      const stay = (): void => signal?.removeEventListener('abort', leave);
      const caller: Caller = {
        ...question,
        signal,
        resolve(grant) {
          stay();
          resolve(grant);
        },
        reject(error) {
          stay();
          reject(error);
        },
      };
      const queue = this.#queues.get(queueName);
      if (queue !== undefined) {
        queue.push(caller);
        return;
      }
      const first = [caller];
      this.#queues.set(queueName, first);
      // Whoever asks in this tick belongs to the first call.
      queueMicrotask(() => void this.#run(queueName, first));
    });
  }

  async #run(queueName: string, queue: Caller[]): Promise<void> {
    while (queue.length > 0) {
      // Who left before anything was asked for has taken nothing.
      const round = queue.splice(0).filter(({ signal }) => signal?.aborted !== true);
      if (round.length === 0) continue;
      try {
        await this.#serve(round);
      } catch (error) {
        for (const { reject } of round) reject(error);
        // They have waited for the same store already: nobody waits for two deadlines.
        if (isOutage(error)) for (const { reject } of queue.splice(0)) reject(error);
      }
    }
    this.#queues.delete(queueName);
  }
}

function isOutage(error: unknown): boolean {
  const unavailable: StoreErrorCode = 'UNAVAILABLE';
  return (error as { code?: unknown } | null)?.code === unavailable;
}
