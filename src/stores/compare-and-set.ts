/**
 * `take` for stores that have none but can set a value under a condition: etcd, Deno KV, a table with versions.
 *
 * @module
 */

import { type Clock, sleep, systemClock } from '../core/clock.ts';
import { wholeOption } from '../core/option.ts';
import {
  type CallOptions,
  type Entry,
  type Grant,
  type Limit,
  type Store,
  StoreError,
  type TakingStore,
} from './contract.ts';
import { delegateTo } from './delegate.ts';
import { takeGcra } from './gcra.ts';
import { type Waiter, Waiters } from './waiters.ts';

/** Settings of {@link takeByCompareAndSet}. */
export interface CompareAndSetOptions {
  /** How often a write is tried before the callers are told that others were faster. Default: 10. */
  readonly maxAttempts?: number;
  /** The wall clock that is written into the store; see the note on clocks. Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1) that spreads the attempts of several instances. Default: `Math.random`. */
  readonly random?: () => number;
  /**
   * Told once, in milliseconds, that the clock of another instance is ahead of this one's by more than a second. Must not
   * throw. Default: nobody.
   */
  readonly onClockAhead?: (aheadMs: number) => void;
}

/** The longest wait before the second attempt, in milliseconds; it doubles with each further one, up to 32 ms. */
const firstWaitMs = 1;
const longestWaitMs = 32;

/** Clocks that differ by less are none that anybody has to know of, in milliseconds. */
const mostAheadMs = 1_000;

/**
 * Gives a linearizable store a `take` made of `get` and `set` with `if`.
 *
 * Exact, whoever else writes. Calls for one key that come while one is under way are answered together by the next one
 * (flat combining), so an instance has one call of each key in flight, however many wait: without that, instances that
 * share a hot key would refuse each other's writes most of the time.
 *
 * Such a store has no clock of its own: instances write moments of their wall clocks, and a spread of σ ms among them can
 * grant `rate × σ` units too many, once in a window. What a clock that is far ahead wrote goes with its `ttlMs`.
 *
 * @returns The store itself where it has a `take` already.
 * @throws {StoreError} `UNSUPPORTED` for an eventual store, on which compare-and-set means nothing.
 *
 * @example
 * ```ts
 * const { take: _, ...register } = memoryStore();
 * const store = takeByCompareAndSet({ ...register, capabilities: { ...register.capabilities, consistency: 'linearizable' } });
 * (await store.take('ada', { quota: 1, windowMs: 1_000, burst: 5 }, 1, 1)).remaining; // 4
 * ```
 */
export function takeByCompareAndSet(store: Store, options: CompareAndSetOptions = {}): TakingStore {
  if (store.take !== undefined) return store as TakingStore;
  if (store.capabilities.consistency === 'eventual') {
    throw new StoreError(
      'UNSUPPORTED',
      `the store '${store.name}' is eventual: it can neither take nor compare and set`,
    );
  }
  const { maxAttempts = 10, clock = systemClock, random = Math.random } = options;
  let isTold = false;
  wholeOption('takeByCompareAndSet.maxAttempts', maxAttempts, 1);
  function write(key: string, fullAt: number, now: number, entry: Entry | null) {
    const ttlMs = Math.max(1, Math.ceil(fullAt - now));
    const value = writeState({ fullAt, writtenAt: now });
    return store.set(registerOf(key), value, { ttlMs, if: entry?.version ?? null });
  }

  /** Nothing is read before it was written: whoever wrote later than it is here has another clock. */
  function compareClocks({ writtenAt }: State, now: number): void {
    if (isTold || writtenAt <= now + mostAheadMs) return;
    isTold = true;
    options.onClockAhead?.(writtenAt - now);
  }

  /** Answers all callers of one round by one write. */
  async function serve(round: readonly Waiter[]): Promise<void> {
    const { key } = round[0] as Waiter;
    for (let attempt = 1; ; attempt++) {
      const entry = await store.get(registerOf(key));
      const now = clock.now();
      const state = entry === null ? undefined : readState(entry.value);
      if (state !== undefined) compareClocks(state, now);
      let fullAt = state?.fullAt;
      let taken = false;
      const grants = round.map(({ limit, n, min }) => {
        const step = takeGcra(fullAt, limit, n, min, now);
        if (n < 0 || step.grant.granted > 0) {
          fullAt = step.fullAt;
          taken = true;
        }
        return step.grant;
      });
      const written = taken ? await write(key, fullAt ?? now, now, entry) : undefined;
      if (written !== false) {
        for (const [index, { resolve }] of round.entries()) resolve(grants[index] as Grant);
        return;
      }
      if (attempt === maxAttempts) {
        throw new StoreError(
          'CONTENTION',
          `the store '${store.name}' refused ${maxAttempts} writes of one key: others were faster`,
        );
      }
      const longest = Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1));
      await sleep(clock, random() * longest, undefined);
    }
  }

  const waiters = new Waiters(serve, clock);
  return delegateTo(store, {
    take: (key: string, limit: Limit, n: number, min: number, options?: CallOptions) =>
      waiters.wait(key, { key, limit, n, min }, options),
  });
}

/** A value that somebody keeps under the key of a limit is not its state. */
function registerOf(key: string): string {
  return `take:${key}`;
}

/** What is written down of a limit. Moments are on the wall clock of whoever wrote it. */
interface State {
  /** See `takeGcra`. */
  readonly fullAt: number;
  readonly writtenAt: number;
}

function writeState({ fullAt, writtenAt }: State): string {
  return `${fullAt} ${writtenAt}`;
}

function readState(value: string): State | undefined {
  const [fullAt = Number.NaN, writtenAt = Number.NaN] = value.split(' ').map(Number);
  return Number.isFinite(fullAt) ? { fullAt, writtenAt } : undefined;
}
