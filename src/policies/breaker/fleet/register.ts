/**
 * What a fleet writes down of its breakers: who lives, and the votes on each circuit. Apart from stores and clocks.
 *
 * @module
 */

import { isBoundedKey } from '../../../core/bounded-key.ts';
import { isInstanceId, mergeVotes, mostVotes, readVotes, type Vote } from './votes.ts';

/** One value of a store. */
export interface Register {
  /** How many times each instance has said that it lives. */
  readonly beats: ReadonlyMap<string, number>;
  /** By the name of the circuit. */
  readonly circuits: ReadonlyMap<string, readonly Vote[]>;
}

/** The most circuits that are written down; those that come later in the order of their names stay local. */
export const mostCircuits = 256;

/** No register is longer, whatever its names; a text that is would only cost time. */
export const longestRegister = 16_000_000;

/**
 * Reads a register. What is not understood is left out.
 *
 * @param latestEpoch No vote has a higher one, see `latestEpochAt`. Default: any that is a safe integer.
 */
export function readRegister(text = '{}', latestEpoch: number = Number.MAX_SAFE_INTEGER): Register {
  let written: unknown;
  try {
    written = text.length > longestRegister ? {} : JSON.parse(text);
  } catch {
    written = {};
  }
  const { beats, circuits } = (written ?? {}) as { beats?: unknown; circuits?: unknown };
  return mergeRegisters(
    {
      beats: new Map(
        entriesOf(beats).filter(
          (entry): entry is [string, number] => isInstanceId(entry[0]) && isCount(entry[1]),
        ),
      ),
      circuits: new Map(
        entriesOf(circuits)
          .filter(([name]) => isBoundedKey(name))
          .map(([name, votes]) => [name, readVotes(votes, latestEpoch)]),
      ),
    },
    nothing,
  );
}

/** Writes a register: equal ones as the same text. */
export function writeRegister({ beats, circuits }: Register): string {
  const votesOf = (votes: readonly Vote[]) =>
    votes.map(({ id, state, epoch, openMs, openedAt }) => ({ id, state, epoch, openMs, openedAt }));
  return JSON.stringify({
    beats: Object.fromEntries(beats),
    circuits: Object.fromEntries(Array.from(circuits, ([name, votes]) => [name, votesOf(votes)])),
  });
}

/** Two registers as one: the latest of everything. Commutative, associative and idempotent, as {@link mergeVotes} is. */
export function mergeRegisters(one: Register, other: Register): Register {
  return {
    beats: mergeMaps(one.beats, other.beats, Math.max, mostVotes),
    circuits: mergeMaps(one.circuits, other.circuits, mergeVotes, mostCircuits),
  };
}

const nothing: Register = { beats: new Map(), circuits: new Map() };

/** In the order of the names, the first `most` of them. */
function mergeMaps<T>(
  one: ReadonlyMap<string, T>,
  other: ReadonlyMap<string, T>,
  merge: (a: T, b: T) => T,
  most: number,
): ReadonlyMap<string, T> {
  const names = [...new Set([...one.keys(), ...other.keys()])].sort().slice(0, most);
  return new Map(
    names.map((name) => {
      const [a, b] = [one.get(name), other.get(name)];
      return [name, a === undefined ? (b as T) : b === undefined ? a : merge(a, b)];
    }),
  );
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : [];
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
