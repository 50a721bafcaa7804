/**
 * One limit of a {@link import('./rate-limit.ts').rateLimit}: what it asks of its store, and what it makes of the answer.
 *
 * @module
 */

import { clientAddress, networkOf, peerAddress } from '../core/address.ts';
import { boundedKey } from '../core/bounded-key.ts';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { ignore } from '../core/discard.ts';
import { durationOption } from '../core/duration.ts';
import type { Grant, Maybe, TakingStore } from '../stores/contract.ts';
import type { MemoryStore } from '../stores/memory.ts';
import type { RateLimit } from './limit-options.ts';
import { type Bucket, bucketOf, LocalShare } from './local-share.ts';

/** What a gate needs beside its limit. */
export interface GateSurroundings {
  /** What its keys in the store begin with. */
  readonly prefix: string;
  /** Counts for all instances; `undefined`: each counts for itself. */
  readonly shared: TakingStore | undefined;
  /** Takes its place where it is not there or cannot be had. */
  readonly local: () => MemoryStore;
  /** How many instances count for themselves where there is no store. */
  readonly instances: number;
  readonly clock: Clock;
}

/** What became of a request at a gate. */
export interface Decision {
  readonly gate: Gate;
  readonly outcome: 'passed' | 'limited' | 'store_unavailable';
  /** Whole units left; `undefined` where nobody counted. */
  readonly remaining: number | undefined;
  /** In so many milliseconds there will be more than `remaining`; 0 where nothing is missing. */
  readonly moreMs: number;
  /** Of a limited request: no earlier one can pass; in milliseconds, `Infinity`: none ever. */
  readonly retryMs: number;
  /** Of a request that passed: it has to wait for so long first, in milliseconds. */
  readonly waitMs: number;
  /** What was taken, for {@link Gate.giveBack}. */
  readonly taken: Taken | undefined;
  /** Whether the store failed, whatever came of it. */
  readonly failed: boolean;
}

interface Taken {
  readonly store: TakingStore;
  readonly key: string;
  readonly units: number;
  readonly bucket: Bucket;
  /** When the bucket is full again, on the monotonic clock; of a reservation only. */
  readonly lastMoment: number | undefined;
}

/** Decides on the requests that come to one limit. */
export class Gate {
  readonly name: string;
  readonly quota: number;
  readonly windowMs: number;
  readonly enforced: boolean;
  readonly #maxWaitMs: number;
  /** Of all instances together. */
  readonly #whole: Bucket;
  /** Of this instance, where nobody counts for all. */
  readonly #share: LocalShare;
  /** Whether the store may fail, so that the share takes its place. */
  readonly #keepsStep: boolean;
  readonly #settings: RateLimit;
  readonly #around: GateSurroundings;

  constructor(settings: RateLimit, name: string, around: GateSurroundings) {
    const { limit, per, burst = limit, maxWait = '0s' } = settings;
    this.name = name;
    this.quota = limit;
    this.windowMs = durationOption('rateLimit.per', per);
    this.enforced = settings.enforce ?? true;
    this.#maxWaitMs = durationOption('rateLimit.maxWait', maxWait);
    const { instances, shared, local } = around;
    this.#whole = bucketOf(limit, this.windowMs, burst);
    this.#share = new LocalShare(this.#whole, instances, local);
    this.#keepsStep =
      shared !== undefined &&
      shared.capabilities.consistency !== 'isolate' &&
      (settings.onStoreError ?? 'local') === 'local';
    this.#settings = settings;
    this.#around = around;
  }

  /**
   * Asks the store; `undefined` where the limit does not concern this request.
   *
   * @param leftMs How long the caller can wait, in milliseconds.
   */
  ask(request: Request, context: Context, leftMs: number): Maybe<Decision> | undefined {
    const { by = peerNetwork, anonymous = 'shared', cost = 1 } = this.#settings;
    const given = by(request, context);
    if (!given && anonymous === 'skip') return undefined;
    const key = `${this.#around.prefix}${given ? boundedKey(given) : sharedKey}`;
    const units = typeof cost === 'number' ? cost : this.#checked(cost(request, context));
    const store = this.#around.shared ?? this.#share.store;
    const decision = this.#take(store, key, units, leftMs, context);
    // Others may wait for the same answer: on Workers it would be lost with a client that leaves.
    if ('then' in decision) context.waitUntil(decision);
    return decision;
  }

  #checked(units: number): number {
    if (Number.isInteger(units) && units >= 0) return units;
    throw new RangeError(`rateLimit.cost: it returned ${units}, not a whole number of 0 or more`);
  }

  #take(
    store: TakingStore,
    key: string,
    units: number,
    leftMs: number,
    context: Context,
  ): Maybe<Decision> {
    const isShared = store === this.#around.shared;
    const bucket = isShared ? this.#whole : this.#share.bucketFor(units);
    // A reservation is taken from a deeper bucket: what is below its bottom is there later.
    const reach = units <= bucket.burst ? Math.min(this.#maxWaitMs, leftMs) : 0;
    const limit = reach > 0 ? deeper(bucket, reach) : bucket;
    const asked = { store, key, units, bucket };
    if (isShared && this.#keepsStep) this.#settle(store, key, context);
    let grant: Maybe<Grant>;
    try {
      grant = store.take(key, limit, units, units, context);
    } catch {
      return this.#withoutStore(store, key, units, leftMs, context);
    }
    if (!('then' in grant)) return this.#decide(asked, grant, reach);
    return grant.then(
      (answer) => this.#decide(asked, answer, reach),
      () => this.#withoutStore(store, key, units, leftMs, context),
    );
  }

  #decide(asked: Omit<Taken, 'lastMoment'>, grant: Grant, reach: number): Decision {
    const { granted, resetMs, retryMs } = grant;
    const { store, key, units, bucket } = asked;
    if (this.#settings.platform !== undefined && store === this.#around.shared) {
      return this.#answered(granted === 1, retryMs);
    }
    const { burst, unitMs } = bucket;
    const { shared, clock } = this.#around;
    const passed = granted === units;
    if (this.#keepsStep) this.#keepStep(store, key, passed ? units : 0);
    // The same as `grant.remaining`, but for a deeper bucket.
    const present = Math.max(0, burst - resetMs / unitMs);
    const remaining = Math.floor(present + roundingUnits);
    const isFull = remaining >= burst;
    // What lies beyond the bottom of the bucket itself.
    const debt = reach > 0 && passed ? resetMs - burst * unitMs : 0;
    const lastMoment = reach > 0 ? clock.monotonic() + resetMs : undefined;
    return {
      gate: this,
      outcome: passed ? 'passed' : 'limited',
      remaining,
      moreMs: isFull ? 0 : resetMs - (burst - remaining - 1) * unitMs,
      // A retry could pass earlier, and would have to wait: nobody gains by it.
      retryMs: passed ? 0 : retryMs + reach,
      waitMs: debt > roundingUnits * unitMs ? debt : 0,
      taken: passed && units > 0 ? { store, key, units, bucket, lastMoment } : undefined,
      failed: shared !== undefined && store !== shared,
    };
  }

  /** Below 0: units came back. */
  #keepStep(store: TakingStore, key: string, units: number): void {
    if (units === 0) return;
    if (store === this.#around.shared) this.#share.follow(key, units);
    else this.#share.owe(key, units);
  }

  /** Tells the store, before it is asked for more, what was granted without it. It may still be out. */
  #settle(store: TakingStore, key: string, context: Context): void {
    const owed = this.#share.settle(key);
    if (owed === 0) return;
    const stillOwed = (): void => this.#share.owe(key, owed);
    quietly(context, () => store.take(key, this.#whole, owed, 0, context), stillOwed);
  }

  /** A platform does not say what is left. */
  #answered(passed: boolean, retryMs: number): Decision {
    return {
      gate: this,
      outcome: passed ? 'passed' : 'limited',
      ...{ remaining: undefined, moreMs: 0, retryMs, waitMs: 0, taken: undefined, failed: false },
    };
  }

  /**
   * Gives back what was taken for a request that does not make use of it. Units that others have reserved behind it stay
   * taken: they would share a moment with the next caller's else.
   */
  giveBack({ taken }: Decision, context: Context): void {
    if (taken === undefined) return;
    const { store, key, units, bucket, lastMoment } = taken;
    if (this.#keepsStep) this.#keepStep(store, key, -units);
    if (lastMoment === undefined) {
      quietly(context, () => store.take(key, bucket, -units, 0, context));
      return;
    }
    const limit = deeper(bucket, this.#maxWaitMs);
    const back = ({ resetMs }: Grant): Maybe<unknown> => {
      const behind = (this.#around.clock.monotonic() + resetMs - lastMoment) / bucket.unitMs;
      const free = units - Math.max(0, Math.round(behind));
      return free > 0 ? store.take(key, limit, -free, 0, context) : undefined;
    };
    quietly(context, () => {
      const seen = store.take(key, limit, 0, 0, context);
      return 'then' in seen ? seen.then(back) : back(seen);
    });
  }

  #withoutStore(
    store: TakingStore,
    key: string,
    units: number,
    leftMs: number,
    context: Context,
  ): Maybe<Decision> {
    const { onStoreError = 'local' } = this.#settings;
    if (onStoreError === 'local' && store === this.#around.shared) {
      return this.#take(this.#share.store, key, units, leftMs, context);
    }
    return {
      gate: this,
      outcome: onStoreError === 'closed' ? 'store_unavailable' : 'passed',
      remaining: undefined,
      moreMs: 0,
      retryMs: 0,
      waitMs: 0,
      taken: undefined,
      failed: true,
    };
  }
}

function deeper(bucket: Bucket, reachMs: number): Bucket {
  return { ...bucket, burst: bucket.burst + reachMs / bucket.unitMs };
}

/** Longer than any key that is kept as it is, and no hash: no client can ask for it. */
const sharedKey = '(no key)'.padEnd(70);

/** As in the reducer: units that are there but for a rounding error are there. */
const roundingUnits = 1e-6;

function peerNetwork(_: Request, context: Context): string | undefined {
  const address = context.get(clientAddress) ?? context.get(peerAddress);
  return address === undefined ? undefined : networkOf(address, 64);
}

/**
 * What no request waits for.
 *
 * @param failed What is to be done then. Default: nothing, the units come back by themselves.
 */
function quietly(context: Context, work: () => Maybe<unknown>, failed: () => void = ignore): void {
  try {
    const result = work();
    if (result instanceof Promise) context.waitUntil(result.catch(failed));
  } catch {
    failed();
  }
}
