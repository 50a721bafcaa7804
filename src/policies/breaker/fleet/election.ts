/**
 * Which instance of a fleet makes the probe of a circuit that was open for long enough.
 *
 * @module
 */

import type { Clock } from '../../../core/clock.ts';
import type { TakingStore } from '../../../stores/contract.ts';
import type { Knowledge } from './knowledge.ts';
import { probeRank } from './votes.ts';

/** What {@link Election} goes by. */
export interface ElectionSettings {
  /** Hands out the probe; `undefined` where no store can. */
  readonly store: TakingStore | undefined;
  /** Before the names of circuits. */
  readonly prefix: string;
  readonly knowledge: Knowledge;
  /** How long until somebody else may have closed the circuit, in milliseconds. */
  readonly pollMs: number;
  /** An answer that takes longer died with the request that asked, as it can on Workers. */
  readonly longestAskMs: number;
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Of one circuit. */
export class Election {
  readonly #settings: ElectionSettings;
  readonly #circuit: string;
  /** Until when an answer is waited for. */
  #askingUntil = Number.NEGATIVE_INFINITY;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  /** Where nobody can be asked: when this instance probes. */
  #turnAt: number | undefined;

  constructor(circuit: string, settings: ElectionSettings) {
    this.#circuit = circuit;
    this.#settings = settings;
  }

  /** Whether the question makes sense now: it is not being asked, and the last answer does not hold. */
  isDue(now: number): boolean {
    return now >= this.#askingUntil && now >= this.#askAgainAt;
  }

  /** The circuit changed: turns begin anew. */
  restart(): void {
    this.#turnAt = undefined;
  }

  /**
   * Whether this instance is to try the upstream now, for `probeMs`; never rejects.
   *
   * @param epoch Of the transition that opened the circuit: the order of turns is another one in every epoch.
   */
  async isMine(probeMs: number, epoch: number): Promise<boolean> {
    const { clock, longestAskMs } = this.#settings;
    this.#askingUntil = clock.monotonic() + longestAskMs;
    try {
      return (await this.#isGranted(probeMs)) ?? this.#isItsTurn(probeMs, epoch);
    } finally {
      this.#askingUntil = Number.NEGATIVE_INFINITY;
    }
  }

  /** `undefined` where nobody can say. */
  async #isGranted(probeMs: number): Promise<boolean | undefined> {
    const { store, prefix, onError, clock, random } = this.#settings;
    if (store === undefined) return undefined;
    try {
      const limit = { quota: 1, windowMs: probeMs, burst: 1 };
      const { granted, retryMs } = await store.take(`${prefix}${this.#circuit}`, limit, 1, 1);
      this.#askAgainAt = clock.monotonic() + retryMs * (1 + random() / 10);
      return granted === 1;
    } catch (error) {
      onError(error);
      // Others find the store failing as well, and it tells none of them who is first.
      this.#turnAt ??= clock.monotonic() + random() * probeMs;
      return undefined;
    }
  }

  #isItsTurn(probeMs: number, epoch: number): boolean {
    const { knowledge, pollMs, clock } = this.#settings;
    const now = clock.monotonic();
    if (this.#turnAt === undefined) {
      const rank = probeRank(knowledge.id, knowledge.voters(this.#circuit), epoch);
      this.#turnAt = now + (rank * probeMs) / 4;
    }
    this.#askAgainAt = Math.min(this.#turnAt, now + pollMs);
    if (now < this.#turnAt) return false;
    // With what is left over of the turn it would probe for ever.
    this.#turnAt = now + probeMs;
    return true;
  }
}
