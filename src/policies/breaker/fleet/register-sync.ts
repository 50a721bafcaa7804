/**
 * Keeps the register of a fleet in step with its store: reads what others wrote, writes what is new here, and listens.
 *
 * @module
 */

import { type Clock, sleep } from '../../../core/clock.ts';
import type { Context } from '../../../core/context.ts';
import { type Store, StoreError } from '../../../stores/contract.ts';
import type { Knowledge } from './knowledge.ts';
import { mergeRegisters, type Register, readRegister, writeRegister } from './register.ts';
import { latestEpochAt } from './votes.ts';

/** What {@link RegisterSync} goes by. */
export interface RegisterSyncSettings {
  /** With a time limit of its own. */
  readonly store: Store;
  readonly key: string;
  readonly knowledge: Knowledge;
  /** How far looks at the store are apart, in milliseconds, at most: what others said is known that soon. */
  readonly pollMs: number;
  /** How far signs of life are apart, in milliseconds. */
  readonly beatMs: number;
  /** Whether others have to know that this instance lives. */
  readonly isBeating: boolean;
  /** A look that takes longer died with the request that began it, as it can on Workers. */
  readonly longestLookMs: number;
  /** There was something to learn. */
  readonly onNews: () => void;
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Look {
  readonly begunAt: number;
  readonly done: Promise<void>;
}

/** How often a write is tried where others write as well. */
const mostAttempts = 8;

/** One value in a store, and what is known of it here. */
export class RegisterSync {
  readonly #settings: RegisterSyncSettings;
  readonly #isEventual: boolean;
  readonly #closing = new AbortController();
  #look: Look | undefined;
  #nextLookAt = Number.NEGATIVE_INFINITY;
  #nextBeatAt = Number.NEGATIVE_INFINITY;
  #isWatching = false;
  #isFailing = false;

  constructor(settings: RegisterSyncSettings) {
    this.#settings = settings;
    this.#isEventual = settings.store.capabilities.consistency === 'eventual';
  }

  /** How long until the next look is due, in milliseconds; 0 or less: now. */
  get nextLookMs(): number {
    return this.#nextLookAt - this.#settings.clock.monotonic();
  }

  /** Begins in the background what is due. */
  touch(now: number, context: Context): void {
    if (now >= this.#nextLookAt && this.#underWay() === undefined) context.waitUntil(this.now());
  }

  /** Looks at the store and writes what is new here; joins a look under way, and never rejects. */
  now(): Promise<void> {
    const current = this.#underWay();
    if (current !== undefined) return current;
    const mine: Look = {
      begunAt: this.#settings.clock.monotonic(),
      done: this.#lookOnce().then(() => {
        if (this.#look === mine) this.#look = undefined;
      }),
    };
    this.#look = mine;
    return mine.done;
  }

  /** Tells what the store failed by, once until it works again. */
  tell(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    try {
      this.#settings.onError(error);
    } catch {
      // A log that fails is no reason to end the looks.
    }
  }

  /** Listens no more. */
  close(): void {
    this.#closing.abort();
  }

  #underWay(): Promise<void> | undefined {
    const { clock, longestLookMs } = this.#settings;
    if (this.#look === undefined) return undefined;
    return clock.monotonic() - this.#look.begunAt > longestLookMs ? undefined : this.#look.done;
  }

  async #lookOnce(): Promise<void> {
    const { knowledge, isBeating, beatMs, pollMs, clock, random } = this.#settings;
    this.#watch();
    try {
      let heard: number;
      do {
        heard = knowledge.statements;
        if (isBeating && clock.monotonic() >= this.#nextBeatAt) {
          knowledge.beat();
          this.#nextBeatAt = clock.monotonic() + beatMs;
        }
        await this.#readAndWrite();
      } while (heard !== knowledge.statements);
      this.#isFailing = false;
    } catch (error) {
      this.tell(error);
    }
    this.#nextLookAt = clock.monotonic() + pollMs * (0.5 + random() / 2);
  }

  /** Reads what others wrote, and writes until what this instance has to say stands there. */
  async #readAndWrite(): Promise<void> {
    const { store, key, knowledge, beatMs, clock, random } = this.#settings;
    for (let attempt = 1; ; attempt++) {
      const entry = await store.get(key);
      const found = this.#hear(entry?.value);
      const own = knowledge.own();
      if (writeRegister(mergeRegisters(found, own)) === writeRegister(found)) return;
      const text = writeRegister(mergeRegisters(knowledge.fresh(found), own));
      const version = await store.set(key, text, {
        ttlMs: 10 * beatMs + knowledge.longestLifeMs(),
        ...(!this.#isEventual && { if: entry?.version ?? null }),
      });
      if (version !== false) return;
      if (attempt === mostAttempts) {
        throw new StoreError(
          'CONTENTION',
          `'${key}' in the store '${store.name}': others keep writing`,
        );
      }
      await sleep(clock, random() * 2 ** attempt, undefined);
    }
  }

  #watch(): void {
    const { store, key } = this.#settings;
    const { signal } = this.#closing;
    if (this.#isWatching || store.watch === undefined || signal.aborted) return;
    this.#isWatching = true;
    const watching = async (): Promise<void> =>
      await store.watch?.(key, (entry) => this.#hear(entry?.value), signal);
    watching().catch((error) => {
      this.#isWatching = false;
      this.tell(error);
    });
  }

  #hear(text: string | undefined): Register {
    const { knowledge, onNews, clock } = this.#settings;
    const register = readRegister(text, latestEpochAt(clock.now()));
    knowledge.learn(register);
    onNews();
    return register;
  }
}
