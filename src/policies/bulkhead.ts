/**
 * No more calls at once than an upstream can bear.
 *
 * @module
 */

import { deadline, signalOf } from '../core/abort.ts';
import { onBodyEnd } from '../core/body-end.ts';
import { layer, type Middleware, type Next } from '../core/chain.ts';
import { type Clock, longestDelayMs, systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { emit } from '../core/event.ts';
import { functionOption, knownOptions, shown, wholeOption } from '../core/option.ts';
import { prepareRejection } from '../core/rejection.ts';

/** Settings of {@link bulkhead}. */
export interface BulkheadOptions {
  /** How many calls may be under way at once, for each key. */
  readonly limit: number;
  /** How many more may wait for their turn, first come, first served. Default: 0. */
  readonly queue?: number;
  /** How long one may wait at most. Default: until the deadline, or as long as the caller stays. */
  readonly maxWait?: Duration;
  /**
   * When a call is over: once its `'headers'` have come, or once its `'body'` was read, cancelled or dropped. Default:
   * `'headers'`.
   */
  readonly release?: 'headers' | 'body';
  /** Calls for which this returns different texts do not get in each other's way. Default: all share the limit. */
  readonly key?: (request: Request, context: Context) => string;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** How full a bulkhead is, over all keys. */
export interface BulkheadStatus {
  /** Calls under way. */
  readonly inFlight: number;
  /** Calls that wait for their turn. */
  readonly waiting: number;
  /** Keys with either. */
  readonly keys: number;
}

/** A bulkhead as a layer of a chain, and as something to look at. */
export interface Bulkhead extends Middleware {
  status(): BulkheadStatus;
}

/**
 * Lets `limit` calls go on at once. Of the others up to `queue` wait for their turn; the rest get 503 `bulkhead_full` at
 * once, and so does who has waited for `maxWait` or until the deadline.
 *
 * Who leaves gives up the place in the queue in that tick, and rejects with the reason. Memory is bounded by the calls
 * under way: a key without any is forgotten.
 *
 * Semantics: the bulkheads of resilience4j and cockatiel; `docs/semantics/bulkhead.md`.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const slow = () => new Promise<Response>(() => {});
 * const shop = outbound(slow, bulkhead({ limit: 1 }));
 * void shop('http://shop.example/');
 * (await shop('http://shop.example/')).status; // 503
 * ```
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  knownOptions('bulkhead', options, {
    limit: true,
    queue: true,
    maxWait: true,
    release: true,
    key: true,
    clock: true,
  });
  const { limit, queue = 0, maxWait, release = 'headers', key } = options;
  const { clock = systemClock } = options;
  wholeOption('bulkhead.limit', limit, 1);
  wholeOption('bulkhead.queue', queue, 0);
  if (release !== 'headers' && release !== 'body') {
    throw new RangeError(`bulkhead.release: ${shown(release)} is not one of headers, body`);
  }
  functionOption('bulkhead.key', key);
  const maxWaitMs =
    maxWait === undefined ? Number.POSITIVE_INFINITY : durationOption('bulkhead.maxWait', maxWait);
  if (maxWait !== undefined && queue === 0) {
    throw new RangeError('bulkhead.maxWait: nobody waits in a queue of 0; give bulkhead.queue too');
  }
  if (maxWaitMs <= 0) {
    throw new RangeError(`bulkhead.maxWait: '${maxWait}' is not longer than nothing`);
  }
  const compartments = new Map<string, Compartment>();
  // Of its own where there are no keys: it is never forgotten.
  const single = key === undefined ? new Compartment(limit) : undefined;

  function compartmentOf(request: Request, context: Context): Compartment {
    if (single !== undefined) return single;
    const name = (key as NonNullable<typeof key>)(request, context);
    let compartment = compartments.get(name);
    if (compartment === undefined) {
      compartment = new Compartment(limit, () => compartments.delete(name));
      compartments.set(name, compartment);
    }
    return compartment;
  }

  /** Waits for a turn; resolves to whether there was one. */
  function turn(compartment: Compartment, request: Request, context: Context): Promise<boolean> {
    const signal = signalOf(request, context);
    const leftMs = context.get(deadline) - clock.monotonic();
    // A deadline that has passed ends nothing any more: this call outlives the exchange that it limited.
    const waitMs = Math.min(maxWaitMs, leftMs > 0 ? leftMs : Number.POSITIVE_INFINITY);
    return new Promise((resolve, rejectWith) => {
      let cancelTimer = (): void => {};
      function settle(): void {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
      }
      function onAbort(): void {
        settle();
        compartment.giveUp(admit);
        rejectWith(signal.reason);
      }
      function admit(): void {
        settle();
        resolve(true);
      }
      if (signal.aborted) {
        rejectWith(signal.reason);
        return;
      }
      compartment.wait(admit);
      signal.addEventListener('abort', onAbort, { once: true });
      if (waitMs > longestDelayMs) return;
      cancelTimer = clock.schedule(() => {
        settle();
        compartment.giveUp(admit);
        resolve(false);
      }, waitMs);
    });
  }

  const full = prepareRejection('bulkhead_full', { detail: 'Too many calls are under way.' });

  function refuse(context: Context, waited: boolean): Response {
    emit(context, 'bulkhead_full', { limit, waited });
    return full();
  }

  const middleware: Middleware = (next: Next) => {
    async function call(
      compartment: Compartment,
      request: Request,
      context: Context,
    ): Promise<Response> {
      let isOver = true;
      try {
        const response = await next(request, context);
        if (release === 'headers') return response;
        isOver = false;
        return onBodyEnd(response, () => compartment.leave());
      } finally {
        if (isOver) compartment.leave();
      }
    }
    async function callInTurn(
      compartment: Compartment,
      request: Request,
      context: Context,
    ): Promise<Response> {
      if (!(await turn(compartment, request, context))) return refuse(context, true);
      return await call(compartment, request, context);
    }
    return function bulkhead(request, context) {
      const compartment = compartmentOf(request, context);
      if (compartment.enter()) return call(compartment, request, context);
      if (compartment.waiting < queue) return callInTurn(compartment, request, context);
      return Promise.resolve(refuse(context, false));
    };
  };
  const waits =
    queue === 0 ? '' : `, ${queue} waiting${maxWait === undefined ? '' : ` up to ${maxWait}`}`;
  return Object.assign(layer(`bulkhead ${limit} at once${waits}`, middleware), {
    status() {
      const all = single === undefined ? [...compartments.values()] : [single];
      return {
        inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
        waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
        keys: single?.inFlight === 0 ? 0 : all.length,
      };
    },
  });
}

/** The places of one key. */
class Compartment {
  readonly #limit: number;
  readonly #onEmpty: (() => void) | undefined;
  /** In the order of their coming; a set, so that anyone can leave at once. */
  readonly #queue = new Set<() => void>();
  inFlight = 0;

  constructor(limit: number, onEmpty?: () => void) {
    this.#limit = limit;
    this.#onEmpty = onEmpty;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Takes a place, if there is one. */
  enter(): boolean {
    if (this.inFlight >= this.#limit) return false;
    this.inFlight += 1;
    return true;
  }

  /** Calls back once a place was taken for the caller. */
  wait(admit: () => void): void {
    this.#queue.add(admit);
  }

  giveUp(admit: () => void): void {
    this.#queue.delete(admit);
  }

  /** Gives a place to the one that waits longest, or back. */
  leave(): void {
    const [first] = this.#queue;
    if (first !== undefined) {
      this.#queue.delete(first);
      first();
      return;
    }
    this.inFlight -= 1;
    if (this.inFlight === 0) this.#onEmpty?.();
  }
}
