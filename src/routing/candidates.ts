/**
 * The routes that share a path, and the search for the first whose other conditions hold.
 *
 * @module
 */

import { allHold, type Condition, type ConditionSource, factValue } from './conditions.ts';
import type { RequestFacts } from './request-facts.ts';

/** A route whose path and host fit already. */
export interface Candidate {
  /** Its place in the list; the lowest one wins. */
  readonly index: number;
  readonly methods: ReadonlySet<string> | undefined;
  /** Entries of which one has to hold; none at all always holds. */
  readonly alternatives: readonly (readonly Condition[])[];
}

/** From this many candidates on, an index over one header, parameter or cookie is worth its map. */
const indexFrom = 4;

/** Candidates that all ask one thing for equality, by the value that they want. */
interface ValueIndex {
  readonly source: ConditionSource;
  readonly name: string;
  readonly byValue: ReadonlyMap<string, readonly Candidate[]>;
}

/** A set of candidates, indexed by the conditions that many of them share. */
export class Candidates {
  /** The lowest index in here: nothing above it needs a look once a lower one was found. */
  readonly lowest: number;
  readonly #plain: readonly Candidate[];
  readonly #indexes: readonly ValueIndex[];

  constructor(candidates: readonly Candidate[]) {
    const sorted = candidates.toSorted((a, b) => a.index - b.index);
    this.lowest = sorted[0]?.index ?? Number.POSITIVE_INFINITY;
    const { plain, indexes } = indexed(sorted);
    this.#plain = plain;
    this.#indexes = indexes;
  }

  /** The index of the first candidate below `best` that the request fits, else `best`. */
  first(facts: RequestFacts, best: number): number {
    let found = firstIn(this.#plain, facts, best);
    for (const { source, name, byValue } of this.#indexes) {
      const value = factValue(facts, source, name);
      const candidates = value === undefined ? undefined : byValue.get(value);
      if (candidates !== undefined) found = firstIn(candidates, facts, found);
    }
    return found;
  }
}

function firstIn(candidates: readonly Candidate[], facts: RequestFacts, best: number): number {
  for (const { index, methods, alternatives } of candidates) {
    if (index >= best) return best;
    if (methods !== undefined && !methods.has(facts.method)) continue;
    if (alternatives.length === 0 || alternatives.some((all) => allHold(all, facts))) return index;
  }
  return best;
}

/** Moves the candidates that ask one shared thing for equality out of the list and into maps. */
function indexed(candidates: readonly Candidate[]): {
  plain: readonly Candidate[];
  indexes: readonly ValueIndex[];
} {
  if (candidates.length < indexFrom) return { plain: candidates, indexes: [] };
  const askers = new Map<string, number>();
  for (const candidate of candidates) {
    for (const condition of equalities(candidate)) {
      const subject = subjectOf(condition);
      askers.set(subject, (askers.get(subject) ?? 0) + 1);
    }
  }
  const plain: Candidate[] = [];
  const maps = new Map<string, { condition: Condition; byValue: Map<string, Candidate[]> }>();
  for (const candidate of candidates) {
    // The subject that most candidates ask for: fewer maps to look into.
    const condition = equalities(candidate).sort(
      (a, b) => (askers.get(subjectOf(b)) ?? 0) - (askers.get(subjectOf(a)) ?? 0),
    )[0];
    if (condition === undefined || (askers.get(subjectOf(condition)) ?? 0) < indexFrom) {
      plain.push(candidate);
      continue;
    }
    const subject = subjectOf(condition);
    let map = maps.get(subject);
    if (map === undefined) {
      map = { condition, byValue: new Map() };
      maps.set(subject, map);
    }
    const value = condition.equals as string;
    const same = map.byValue.get(value);
    if (same === undefined) map.byValue.set(value, [candidate]);
    else same.push(candidate);
  }
  const indexes = Array.from(maps.values(), ({ condition: { source, name }, byValue }) => ({
    source,
    name,
    byValue,
  }));
  return { plain, indexes };
}

/** The equality conditions of a candidate that has one entry; several entries cannot be found by one value. */
function equalities({ alternatives }: Candidate): Condition[] {
  const [only, second] = alternatives;
  return only === undefined || second !== undefined
    ? []
    : only.filter(({ equals }) => equals !== undefined);
}

function subjectOf({ source, name }: Condition): string {
  return `${source}:${name}`;
}
