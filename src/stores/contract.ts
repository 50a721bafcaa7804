/**
 * What a store has to be able to do so that policies can keep their state in it.
 *
 * Only durations cross this line, never a caller's wall clock: instances disagree on the time, a store does not.
 *
 * @module
 */

/** An answer at once, or a promise of one: a store in memory costs its callers no `await`. */
export type Maybe<T> = T | Promise<T>;

/** What a store promises; policies refuse, when they are made, a store that cannot honour their mode. */
export interface Capabilities {
  /**
   * What `get` sees after another instance's `set`: nothing, since every instance has a store of its own (`'isolate'`),
   * the new value some time later (`'eventual'`), or the new value (`'linearizable'`).
   */
  readonly consistency: 'isolate' | 'eventual' | 'linearizable';
  /** The worst age of what `get` answers, in milliseconds; 0: none. */
  readonly staleMs: number;
  /** How far apart writes to one key have to be, in milliseconds; 0: no matter. */
  readonly minWriteMs: number;
  /** The shortest `ttlMs` that is honoured, in milliseconds; 0: any. */
  readonly minTtlMs: number;
}

/** A value and its version. */
export interface Entry {
  readonly value: string;
  /** Opaque: versions can be compared for equality, and nothing else. */
  readonly version: string;
}

/** A rate: `quota` units in every `windowMs`, and at most `burst` of them at once (GCRA). */
export interface Limit {
  /** Above 0. */
  readonly quota: number;
  /** In milliseconds; above 0. */
  readonly windowMs: number;
  /** At least 0. */
  readonly burst: number;
}

/** What {@link Store.take} brought. */
export interface Grant {
  /** 0, or a number from `min` to `n`. */
  readonly granted: number;
  /** Whole units left. */
  readonly remaining: number;
  /** 0 where units were granted; else in milliseconds: no earlier call can succeed. `Infinity`: none ever. */
  readonly retryMs: number;
  /** Until all `burst` units are back, in milliseconds. */
  readonly resetMs: number;
}

/** Settings of every call. */
export interface CallOptions {
  /** Ends the waiting, not what the store may have done already. */
  readonly signal?: AbortSignal;
  /** Gets what goes on after the answer: on Workers it ends with the request otherwise. The `Context` of a request has it. */
  waitUntil?(work: Promise<unknown>): void;
}

/** Settings of {@link Store.get}. */
export interface GetOptions extends CallOptions {
  /** How old an answer the caller is content with, in milliseconds. Default: 0. */
  readonly cacheMs?: number;
}

/** Settings of {@link Store.set}. */
export interface SetOptions extends CallOptions {
  /** The value is gone after so many milliseconds. Default: never. */
  readonly ttlMs?: number;
  /** Writes only where the key has this version; `null`: only where it is absent. Default: always. */
  readonly if?: string | null;
}

/** A place that keeps state: in memory, in Redis, in a Durable Object … */
export interface Store {
  /** Shown in messages. */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** The value of a key, `null` where there is none. */
  get(key: string, options?: GetOptions): Maybe<Entry | null>;
  /**
   * Writes a value; `null` removes it.
   *
   * @returns The new version (empty after a removal), or `false` where `if` did not hold. Throws for `if` on an eventual
   * store.
   */
  set(key: string, value: string | null, options?: SetOptions): Maybe<string | false>;
  /**
   * Takes up to `n` units of a limit, at least `min` or none, in one atomic step on the store's own clock. `n` below 0
   * gives units back, never above `burst`; 0 looks and writes nothing. Units taken by a call whose answer was lost count
   * as spent.
   *
   * Absent where a store cannot; it is then made of `set` with `if` where the store is linearizable.
   */
  take?(key: string, limit: Limit, n: number, min: number, options?: CallOptions): Maybe<Grant>;
  /** Tells of changes until the signal aborts. May drop or repeat some: whoever watches polls as well. */
  watch?(key: string, changed: (entry: Entry | null) => void, signal: AbortSignal): Maybe<void>;
  /** Lets go of connections. */
  close?(): Maybe<void>;
}

/** A store that certainly takes. */
export interface TakingStore extends Store {
  take(key: string, limit: Limit, n: number, min: number, options?: CallOptions): Maybe<Grant>;
}

/** Why a store did not do what it was asked. */
export type StoreErrorCode =
  /** It did not answer, or not in time; whether it did what it was asked is unknown. */
  | 'UNAVAILABLE'
  /** It cannot do this by its nature. */
  | 'UNSUPPORTED'
  /** Others wrote at the same time, again and again. */
  | 'CONTENTION';

const brand = Symbol.for('fetchmesh.store error');

/** What stores reject with. Its message may name hosts: it is for logs, never for answers. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static {
    Object.defineProperty(StoreError.prototype, brand, { value: true });
  }
}

/** Whether an error is a {@link StoreError}, also one of another copy of this package. */
export function isStoreError(error: unknown): error is StoreError {
  return typeof error === 'object' && error !== null && brand in error;
}
