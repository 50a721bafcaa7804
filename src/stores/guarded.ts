/**
 * A store that never keeps its callers waiting for long.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import { ignore } from '../core/discard.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { knownOptions, wholeOption } from '../core/option.ts';
import {
  type CallOptions,
  type GetOptions,
  isStoreError,
  type Maybe,
  type SetOptions,
  type Store,
  StoreError,
  type TakingStore,
} from './contract.ts';
import { arrange, arrangementOf, delegateTo } from './delegate.ts';

/** Settings of {@link guardedStore}. */
export interface GuardedStoreOptions {
  /** How long a call may take. Default: `'25ms'`; Envoy gives its rate limit service 20 ms. */
  readonly deadline?: Duration;
  /** After so many calls in a row that failed or took too long, none is made for a while. Default: 3. */
  readonly failures?: number;
  /** How long that is at first; it doubles with every look that finds the store still out. Default: `'250ms'`. */
  readonly openFor?: Duration;
  /** The longest it grows to. Default: `'5s'`. */
  readonly maxOpenFor?: Duration;
  /** Told when the store goes out and when it is back. Must not throw. */
  readonly onChange?: (available: boolean) => void;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1): instances do not all look again at once. Default: `Math.random`. */
  readonly random?: () => number;
}

/** A guarded store says whether the one behind it can be had. */
export interface GuardedStore extends Store {
  readonly available: boolean;
}

/**
 * Puts a deadline and a circuit breaker in front of a store.
 *
 * Clients of Redis wait for seconds when the server is frozen, whatever they were told; so the deadline is kept here. A
 * call that misses it rejects with a {@link StoreError} `UNAVAILABLE`; what the store does with it later is unknown, and it
 * is never repeated. While the breaker is open all calls reject at once; now and then, and when an answer comes late, a read
 * is made to see whether the store is back: the caller's own where it reads, else one that nobody waits for.
 *
 * Answers that a store gives at once, as the one in memory does, pass through without a promise.
 *
 * @throws {RangeError} for settings that make no sense.
 *
 * @example
 * ```ts
 * const frozen = { ...memoryStore(), get: () => new Promise<never>(() => {}) };
 * const store = guardedStore(frozen, { deadline: '5ms' });
 * await Promise.resolve(store.get('rules')).catch((error) => error.code); // 'UNAVAILABLE'
 * ```
 */
export function guardedStore(store: Store, options: GuardedStoreOptions = {}): GuardedStore {
  knownOptions('guardedStore', options, {
    deadline: true,
    failures: true,
    openFor: true,
    maxOpenFor: true,
    onChange: true,
    clock: true,
    random: true,
  });
  const { failures = 3, onChange = ignore } = options;
  const { clock = systemClock, random = Math.random } = options;
  const deadlineMs = durationOption('guardedStore.deadline', options.deadline ?? '25ms');
  const openForMs = durationOption('guardedStore.openFor', options.openFor ?? '250ms');
  const maxOpenForMs = durationOption('guardedStore.maxOpenFor', options.maxOpenFor ?? '5s');
  for (const [name, ms] of Object.entries({ deadline: deadlineMs, openFor: openForMs })) {
    if (ms <= 0) throw new RangeError(`guardedStore.${name}: has to be longer than 0`);
  }
  if (maxOpenForMs < openForMs) {
    throw new RangeError('guardedStore.maxOpenFor: has to be at least as long as openFor');
  }
  wholeOption('guardedStore.failures', failures, 1);

  let missed = 0;
  let isOpen = false;
  let pauseMs = openForMs;
  /** When the next look is due, on the monotonic clock. */
  let lookAt = 0;
  /** How long the look under way may take; on Workers it may die with the request that began it. */
  let lookingUntil = Number.NEGATIVE_INFINITY;

  function succeeded(): void {
    missed = 0;
    if (!isOpen) return;
    isOpen = false;
    pauseMs = openForMs;
    onChange(true);
  }

  function failed(): void {
    missed += 1;
    if (isOpen || missed < failures) return;
    isOpen = true;
    pause();
    onChange(false);
  }

  function pause(): void {
    lookAt = clock.monotonic() + pauseMs * (0.5 + random() / 2);
    pauseMs = Math.min(2 * pauseMs, maxOpenForMs);
  }

  function isLookDue(): boolean {
    const now = clock.monotonic();
    return now >= lookAt && now >= lookingUntil;
  }

  /** The answer of a read that is made although the store is out. */
  function look<T>(read: () => Maybe<T>): Promise<T> {
    pause();
    lookingUntil = clock.monotonic() + deadlineMs;
    const answer = async (): Promise<T> => await read();
    const looking = inTime(answer());
    looking.then(succeeded, ignore).finally(() => {
      lookingUntil = Number.NEGATIVE_INFINITY;
    });
    return looking;
  }

  function inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isLate = false;
      const cancel = clock.schedule(() => {
        isLate = true;
        reject(unavailable(`did not answer within ${deadlineMs} ms`));
      }, deadlineMs);
      answer.then(
        (value) => {
          cancel();
          // A server that was frozen answers all at once when it goes on.
          if (isLate) lookAt = clock.monotonic();
          resolve(value);
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }

  function unavailable(what: string, cause?: unknown): StoreError {
    return new StoreError('UNAVAILABLE', `the store '${store.name}' ${what}`, { cause });
  }

  function judged(error: unknown): unknown {
    if (isStoreError(error) && error.code !== 'UNAVAILABLE') return error;
    failed();
    return isStoreError(error) ? error : unavailable('failed', error);
  }

  function refuse(settings: CallOptions | undefined): Promise<never> {
    if (isLookDue()) {
      // A key that need not exist.
      const looking = look(() => store.get('fetchmesh:look')).catch(ignore);
      settings?.waitUntil?.(looking);
    }
    return Promise.reject(unavailable('is out'));
  }

  function guard<T>(call: () => Maybe<T>, settings: CallOptions | undefined): Maybe<T> {
    if (isOpen) return refuse(settings);
    let answer: Maybe<T>;
    try {
      answer = call();
    } catch (error) {
      return Promise.reject(judged(error));
    }
    if (!isPromise(answer)) return answer;
    return inTime(answer).then(
      (value) => {
        succeeded();
        return value;
      },
      (error) => {
        throw judged(error);
      },
    );
  }

  const { take } = store;
  const guarded = delegateTo(store, {
    get(key: string, settings?: GetOptions) {
      const read = () => store.get(key, settings);
      if (!isOpen || !isLookDue()) return guard(read, settings);
      return look(read).catch((error) => {
        throw judged(error);
      });
    },
    set: (key: string, value: string | null, settings?: SetOptions) =>
      guard(() => store.set(key, value, settings), settings),
    ...(take && {
      take: (...args: Parameters<typeof take>) => guard(() => take.apply(store, args), args[4]),
    }),
  });
  const behind = arrangementOf(store);
  if (behind !== undefined) {
    const inner = guardedStore(behind.store, options) as Store as TakingStore;
    arrange(guarded, { ...behind, store: inner });
  }
  return Object.defineProperty(guarded, 'available', {
    get: () => !isOpen,
    enumerable: true,
  }) as Store as GuardedStore;
}

function isPromise<T>(value: Maybe<T>): value is Promise<T> {
  return typeof (value as Promise<T> | null)?.then === 'function';
}
