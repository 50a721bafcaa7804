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

/** What a candidate asks for that asks for nothing: one for all, of which there may be ten thousand. */
export const unconditional: Candidate['alternatives'] = [];

/** From this many candidates on, an index over one header, parameter or cookie is worth its map. */
const indexFrom = 4;

/** Candidates that all ask one thing for equality, by the value that they want. */
interface ValueIndex {
  readonly source: ConditionSource;
  readonly name: string;
  readonly byValue: ReadonlyMap<string, readonly Candidate[]>;
}

const noIndexes: readonly ValueIndex[] = [];

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
    if (this.lowest >= best) return best;
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
    if (alternatives.length === 0) return index;
    for (const all of alternatives) if (allHold(all, facts)) return index;
  }
  return best;
}

/** Moves the candidates that ask one shared thing for equality out of the list and into maps. */
function indexed(candidates: readonly Candidate[]): {
  plain: readonly Candidate[];
  indexes: readonly ValueIndex[];
} {
  if (candidates.length < indexFrom) return { plain: candidates, indexes: noIndexes };
  const subjects = candidates.map(subjectsOf);
  const askers = new Map<string, number>();
  for (const { id } of subjects.flat()) askers.set(id, (askers.get(id) ?? 0) + 1);
  const askersOf = ({ id }: Subject): number => askers.get(id) ?? 0;

  const plain: Candidate[] = [];
  const maps = new Map<string, { subject: Subject; byValue: Map<string, Candidate[]> }>();
  for (const [place, candidate] of candidates.entries()) {
    // The subject that most candidates ask for: fewer maps to look into.
    const subject = subjects[place]?.toSorted((a, b) => askersOf(b) - askersOf(a))[0];
    if (subject === undefined || askersOf(subject) < indexFrom) {
      plain.push(candidate);
      continue;
    }
    let map = maps.get(subject.id);
    if (map === undefined) {
      map = { subject, byValue: new Map() };
      maps.set(subject.id, map);
    }
    for (const value of subject.values) {
      const same = map.byValue.get(value);
      if (same === undefined) map.byValue.set(value, [candidate]);
      else same.push(candidate);
    }
  }
  const indexes = Array.from(maps.values(), ({ subject: { source, name }, byValue }) => ({
    source,
    name,
    byValue,
  }));
  return { plain, indexes };
}

/** A header, parameter, cookie or baggage member without whose equality to one of the values a candidate cannot fit. */
interface Subject {
  readonly id: string;
  readonly source: ConditionSource;
  readonly name: string;
  readonly values: ReadonlySet<string>;
}

/** What every entry of a candidate asks for equality; a candidate is found by any of the values. */
function subjectsOf({ alternatives }: Candidate): Subject[] {
  return (alternatives[0] ?? []).flatMap(({ source, name }) => {
    const values = alternatives.map((all) => equalityIn(all, source, name));
    return values.every((value) => value !== undefined)
      ? [{ id: `${source}:${name}`, source, name, values: new Set(values) }]
      : [];
  });
}

function equalityIn(
  conditions: readonly Condition[],
  source: ConditionSource,
  name: string,
): string | undefined {
  return conditions.find(
    (condition) =>
      condition.source === source && condition.name === name && condition.equals !== undefined,
  )?.equals;
}
