/**
 * Finding the first path pattern that fits, in a trie of characters packed into arrays of numbers.
 *
 * A look-up follows a path character by character: it cuts nothing out, hashes nothing and makes no object, and of ten thousand
 * routes the nodes that it visits lie side by side.
 *
 * @module
 */

import type { Steps } from '../core/steps.ts';
import { type Candidate, Candidates } from './candidates.ts';
import { noIndex, type TrieDraft } from './path-trie-draft.ts';
import type { RequestFacts } from './request-facts.ts';

// A node is eight numbers, by their place from its beginning:
/** The lowest index in this node and below it: what cannot win is not looked at. */
const lowestAt = 0;
/** Where its label begins among all labels. */
const labelAt = 1;
const lengthAt = 2;
/**
 * Of the routes whose pattern ends here, the index of the first, where that one asks for nothing else; the complement of the
 * beginning of a list, where it does; `noIndex`, where there is none.
 */
const hereAt = 3;
/** The same, of those whose pattern goes on with `**`. */
const restAt = 4;
/** The node behind a segment that may be any; 0 where there is none. */
const oneAt = 5;
/**
 * Where the table of children begins: at the place of a character's lowest bits, as many as the mask has, stands the only child
 * that can begin with it, or 0. Without children both are 0, and so is the first of all numbers.
 */
const tableAt = 6;
const maskAt = 7;
const nodeSize = 8;

// A list is pairs of an index and of the place of a list of methods, in the order of the indexes, with `noIndex` at the end; or,
// where a route asks for more than methods, one pair with the complement of the place of `Candidates`.
const anyMethod = 0;

const slash = 47;

/** Packs tries, which share their arrays, since hosts can be many. */
export class TriePacker {
  readonly #numbers: number[] = [0];
  readonly #labels: number[] = [];
  readonly #methods: (ReadonlySet<string> | undefined)[] = [undefined];
  readonly #candidates: Candidates[] = [];

  /** Packs one. @returns The root to search from. */
  *add(draft: TrieDraft): Steps<number> {
    const root = this.#numbers.length;
    // A list in place of calls: the nodes of a rules file can be nested as deep as it likes.
    const left: { readonly draft: TrieDraft; readonly slot: number }[] = [{ draft, slot: 0 }];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const node = this.#add(next.draft);
      if (next.slot !== 0) this.#numbers[next.slot] = node;
      const { one, children = [] } = next.draft;
      if (one !== undefined) left.push({ draft: one, slot: node + oneAt });
      const mask = this.#numbers[node + maskAt] as number;
      const table = this.#numbers[node + tableAt] as number;
      for (const child of children) {
        left.push({ draft: child, slot: table + (child.label.charCodeAt(0) & mask) });
      }
      yield;
    }
    return root;
  }

  #add({ label, lowest, children = [], here = [], rest = [] }: TrieDraft): number {
    const numbers = this.#numbers;
    const node = numbers.length;
    numbers.push(lowest, this.#labels.length, label.length);
    for (let place = 0; place < label.length; place++) this.#labels.push(label.charCodeAt(place));
    // What follows stands behind the node.
    for (let place = hereAt; place < nodeSize; place++) numbers.push(0);
    numbers[node + hereAt] = this.#list(here);
    numbers[node + restAt] = this.#list(rest);
    if (children.length > 0) {
      const mask = maskOf(children);
      numbers[node + tableAt] = numbers.length;
      numbers[node + maskAt] = mask;
      for (let place = 0; place <= mask; place++) numbers.push(0);
    }
    return node;
  }

  #list(candidates: readonly Candidate[]): number {
    const [first] = candidates;
    if (first === undefined) return noIndex;
    if (first.methods === undefined && first.alternatives.length === 0) return first.index;
    const list = this.#numbers.length;
    if (candidates.every(({ alternatives }) => alternatives.length === 0)) {
      for (const { index, methods } of candidates) this.#numbers.push(index, this.#place(methods));
    } else {
      this.#candidates.push(new Candidates(candidates));
      this.#numbers.push(first.index, ~(this.#candidates.length - 1));
    }
    this.#numbers.push(noIndex);
    return ~list;
  }

  #place(methods: ReadonlySet<string> | undefined): number {
    const place = this.#methods.indexOf(methods);
    return place === -1 ? this.#methods.push(methods) - 1 : place;
  }

  trie(): PathTrie {
    return new PathTrie(
      new Int32Array(this.#numbers),
      new Uint16Array(this.#labels),
      // Of the few that routes name Bun finds one in a list sooner than in a set.
      this.#methods.map((methods = new Set()) => Array.from(methods)),
      this.#candidates,
    );
  }
}

/** The shortest mask under which the first characters of all children differ. */
function maskOf(children: readonly TrieDraft[]): number {
  let mask = 0;
  while (new Set(children.map(({ label }) => label.charCodeAt(0) & mask)).size < children.length) {
    mask = mask * 2 + 1;
  }
  return mask;
}

/** Tries, packed. */
export class PathTrie {
  readonly #numbers: Int32Array;
  readonly #labels: Uint16Array;
  readonly #methods: readonly (readonly string[])[];
  readonly #candidates: readonly Candidates[];

  constructor(
    numbers: Int32Array,
    labels: Uint16Array,
    methods: readonly (readonly string[])[],
    candidates: readonly Candidates[],
  ) {
    this.#numbers = numbers;
    this.#labels = labels;
    this.#methods = methods;
    this.#candidates = candidates;
  }

  /**
   * The lowest fitting index below `best`, else `best`.
   *
   * @param root Of the trie to be searched, as {@link TriePacker.add} told it.
   */
  first(facts: RequestFacts, root: number, best: number): number {
    const numbers = this.#numbers;
    const labels = this.#labels;
    const { path } = facts;
    const { length } = path;
    // Nodes behind a segment that may be any, where a literal fits as well, and where that segment begins.
    let left: number[] | undefined;
    let found = best;
    let node = root;
    let at = 0;
    // The end of a path ends a segment as a slash does: `/payment/**` matches `/payment` itself.
    let code = length > 0 ? path.charCodeAt(0) : slash;
    for (;;) {
      let next = 0;
      if ((numbers[node + lowestAt] as number) < found) {
        if (code === slash) {
          const rest = numbers[node + restAt] as number;
          if (rest < found) found = rest >= 0 ? rest : this.#firstOf(rest, facts, found);
        }
        if (at < length) {
          const place = code & (numbers[node + maskAt] as number);
          next = numbers[(numbers[node + tableAt] as number) + place] as number;
          let end = at;
          if (next !== 0) {
            end += numbers[next + lengthAt] as number;
            const label = numbers[next + labelAt] as number;
            if (end > length || labels[label] !== code) {
              next = 0;
            } else {
              for (let place = at + 1; place < end; place++) {
                if (labels[label - at + place] !== path.charCodeAt(place)) {
                  next = 0;
                  break;
                }
              }
            }
          }
          if (code !== slash) {
            const one = numbers[node + oneAt] as number;
            if (one !== 0) {
              if (next === 0) {
                next = one;
                end = endOfSegment(path, at);
              } else {
                left ??= [];
                left.push(one, at);
              }
            }
          }
          at = end;
        } else {
          const here = numbers[node + hereAt] as number;
          if (here < found) found = here >= 0 ? here : this.#firstOf(here, facts, found);
        }
      }
      if (next === 0) {
        if (left === undefined || left.length === 0) return found;
        at = endOfSegment(path, left.pop() as number);
        next = left.pop() as number;
      }
      node = next;
      code = at < length ? path.charCodeAt(at) : slash;
    }
  }

  /** @param list As a node has it. */
  #firstOf(list: number, facts: RequestFacts, best: number): number {
    const numbers = this.#numbers;
    let entry = ~list;
    let asked = numbers[entry + 1] as number;
    if (asked < 0) return (this.#candidates[~asked] as Candidates).first(facts, best);
    const { method } = facts;
    while ((numbers[entry] as number) < best) {
      if (asked === anyMethod || this.#methods[asked]?.includes(method)) {
        return numbers[entry] as number;
      }
      entry += 2;
      asked = numbers[entry + 1] as number;
    }
    return best;
  }
}

function endOfSegment(path: string, from: number): number {
  let at = from + 1;
  while (at < path.length && path.charCodeAt(at) !== slash) at++;
  return at;
}
