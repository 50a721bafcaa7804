/**
 * What one instance of a fleet knows of the others' breakers: votes, and when it heard of them.
 *
 * @module
 */

import type { Clock } from '../../../core/clock.ts';
import { mostCircuits, type Register } from './register.ts';
import { compareVotes, longestOpenMs, mostVotes, newInstanceId, type Vote } from './votes.ts';

/** What {@link Knowledge} goes by. */
export interface KnowledgeSettings {
  readonly clock: Clock;
  /** Where this instance runs. */
  readonly place?: string | undefined;
  /** An instance that has said nothing for so long does not live. */
  readonly silenceMs: number;
  /** How long a vote may be on its way. */
  readonly travelMs: number;
}

/** Something that was heard, and when, on the monotonic clock: the age of things is nobody else's to tell. */
interface Heard<T> {
  readonly value: T;
  readonly at: number;
}

type VotesOfCircuits = ReadonlyMap<string, ReadonlyMap<string, Heard<Vote>>>;

/** Votes and signs of life. */
export class Knowledge {
  readonly #settings: KnowledgeSettings;
  #id: string | undefined;
  #statements = 0;
  #beats = 0;
  #lastBeats: ReadonlyMap<string, Heard<number>> = new Map();
  #votes: VotesOfCircuits = new Map();
  /** This instance's own, by circuit. */
  readonly #own = new Map<string, Heard<Vote>>();

  constructor(settings: KnowledgeSettings) {
    this.#settings = settings;
  }

  /** The name of this instance. Drawn at its first use: on Workers, a module that loads has no randomness. */
  get id(): string {
    this.#id ??= newInstanceId(this.#settings.place);
    return this.#id;
  }

  /** How many times this instance has voted: where the number grew, there is something to write. */
  get statements(): number {
    return this.#statements;
  }

  /** Takes up what stands in a register. */
  learn({ beats, circuits }: Register): void {
    this.#lastBeats = this.#heard(beats, this.#lastBeats, (beat, known) => beat - known);
    const names = new Set([...circuits.keys(), ...this.#votes.keys()]);
    const votes = new Map<string, ReadonlyMap<string, Heard<Vote>>>();
    // Those that stand there come first: what is only known here has the room that they leave.
    for (const name of names) {
      if (votes.size === mostCircuits) break;
      const others = (circuits.get(name) ?? []).filter(({ id }) => id !== this.id);
      const written = new Map(others.map((vote) => [vote.id, vote]));
      const known = this.#votes.get(name) ?? new Map();
      const heard = this.#heard(written, known, compareVotes);
      // What was overwritten by a writer that did not know of it is known here, as long as it counts.
      for (const [id, vote] of known) {
        if (heard.size >= mostVotes) break;
        if (!heard.has(id) && this.#counts(vote)) heard.set(id, vote);
      }
      if (heard.size > 0) votes.set(name, heard);
    }
    this.#votes = votes;
  }

  /** Says that this instance lives. */
  beat(): void {
    this.#beats += 1;
  }

  /** Votes for this instance. */
  say(circuit: string, { openMs, ...vote }: Omit<Vote, 'id'>): void {
    const value = { id: this.id, ...vote, openMs: Math.min(openMs, longestOpenMs) };
    // In the order of time: of more than a register holds, the oldest are left out.
    this.#own.delete(circuit);
    this.#own.set(circuit, { value, at: this.#now() });
    if (this.#own.size > mostCircuits) {
      const [oldest] = this.#own.keys();
      this.#own.delete(oldest as string);
    }
    this.#statements += 1;
  }

  /** The votes on a circuit that count, this instance's among them. */
  votesOn(circuit: string): readonly Vote[] {
    const own = this.#own.get(circuit);
    const heard = [...(this.#votes.get(circuit)?.values() ?? []), ...(own ? [own] : [])];
    return heard.filter((vote) => this.#counts(vote)).map(({ value }) => value);
  }

  /** The highest epoch of a circuit that was ever heard of. */
  epochOf(circuit: string): number {
    const own = this.#own.get(circuit)?.value.epoch ?? 0;
    return Math.max(
      own,
      ...Array.from(this.#votes.get(circuit)?.values() ?? [], ({ value }) => value.epoch),
    );
  }

  /** The names of those who voted on a circuit, and of this instance. */
  voters(circuit: string): readonly string[] {
    return [...new Set([this.id, ...this.votesOn(circuit).map(({ id }) => id)])];
  }

  /** Who lives: those that said so, or voted on the circuit, a short while ago; and this instance. */
  living(circuit: string): ReadonlySet<string> {
    const living = new Set([this.id]);
    for (const heard of [this.#lastBeats, this.#votes.get(circuit) ?? []]) {
      for (const [id, { at }] of heard) {
        if (this.#now() - at < this.#settings.silenceMs) living.add(id);
      }
    }
    return living;
  }

  /**
   * How much is left of the time for which an instance opened its circuit, in milliseconds; 0: nothing.
   *
   * @param byWallClock Since a vote may have been on its way for longer than that.
   */
  leftOf(vote: Vote, circuit: string, byWallClock: boolean): number {
    const { id, openMs, openedAt } = vote;
    const at = this.#votes.get(circuit)?.get(id)?.at ?? this.#now();
    const ageMs = byWallClock ? this.#settings.clock.now() - openedAt : this.#now() - at;
    // A clock that runs ahead opens nothing for longer than was meant.
    return Math.max(0, Math.min(openMs, openMs - ageMs));
  }

  /** What this instance has to say. */
  own(): Register {
    const circuits = new Map<string, readonly Vote[]>();
    for (const [name, vote] of this.#own) {
      if (this.#counts(vote)) circuits.set(name, [vote.value]);
      else this.#own.delete(name);
    }
    const beats = this.#beats === 0 ? [] : [[this.id, this.#beats] as const];
    return { beats: new Map(beats), circuits };
  }

  /** The part of a register that still means something. */
  fresh({ beats, circuits }: Register): Register {
    const now = this.#now();
    const living = [...beats].filter(([id]) => {
      const heard = this.#lastBeats.get(id);
      return heard === undefined || now - heard.at < this.#settings.silenceMs;
    });
    const kept = Array.from(circuits, ([name, votes]) => {
      const known = this.#votes.get(name);
      const counting = votes.filter(({ id }) => {
        const heard = known?.get(id);
        return heard === undefined || this.#counts(heard);
      });
      return [name, counting] as const;
    });
    return {
      beats: new Map(living),
      circuits: new Map(kept.filter(([, votes]) => votes.length > 0)),
    };
  }

  /** How long the last of its own votes counts, in milliseconds. */
  longestLifeMs(): number {
    return Math.max(0, ...Array.from(this.#own.values(), ({ value }) => this.#lifeMs(value)));
  }

  /** Those that are there, each since when it was. */
  #heard<T>(
    written: ReadonlyMap<string, T>,
    known: ReadonlyMap<string, Heard<T>>,
    compare: (a: T, b: T) => number,
  ): Map<string, Heard<T>> {
    const now = this.#now();
    return new Map(
      Array.from(written, ([id, value]) => {
        const before = known.get(id);
        const isNews = before === undefined || compare(value, before.value) > 0;
        return [id, isNews ? { value, at: now } : before] as const;
      }),
    );
  }

  #counts({ value, at }: Heard<Vote>): boolean {
    return this.#now() - at < this.#lifeMs(value);
  }

  /** That a circuit is closed again has to outlive what had opened it. */
  #lifeMs({ state, openMs }: Vote): number {
    return (state === 'open' ? 2 : 4) * openMs + this.#settings.travelMs;
  }

  #now(): number {
    return this.#settings.clock.monotonic();
  }
}
