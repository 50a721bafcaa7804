/**
 * Finding the rules that a request may match, at a cost that does not grow with their number.
 *
 * @module
 */

import type { CompiledRule } from './compile.ts';
import type { AuthorizationFacts, Values } from './facts.ts';
import type { Subject } from './lists.ts';

/** A rule, and whose it is. */
export interface PlacedRule {
  /** Its place among all rules of one action: the lowest match decides. */
  readonly order: number;
  readonly rule: CompiledRule;
}

const readers: Readonly<Record<Subject, (facts: AuthorizationFacts) => Values>> = {
  path: ({ path }) => [path],
  host: ({ hosts }) => hosts,
  principal: (facts) => facts.ofPeer('principal'),
  namespace: (facts) => facts.ofPeer('namespace'),
  requestPrincipal: (facts) => facts.requestPrincipal,
};

/** Rules by the texts that they compare one subject with. */
interface SubjectIndex<T> {
  readonly read: (facts: AuthorizationFacts) => Values;
  readonly exact: Map<string, T[]>;
  /** By length, so that one look for each length finds all prefixes of a text. */
  readonly prefixes: Map<number, Map<string, T[]>>;
  readonly suffixes: Map<number, Map<string, T[]>>;
  /** All of them, for requests of which nobody could tell the subject. */
  readonly all: T[];
}

/** A list of rules that is searched by index. */
export class RuleIndex<T extends PlacedRule> {
  readonly #plain: T[] = [];
  readonly #indexes = new Map<Subject, SubjectIndex<T>>();

  constructor(rules: readonly T[]) {
    for (const placed of rules) this.#add(placed);
  }

  #add(placed: T): void {
    const { index } = placed.rule;
    if (index === undefined) {
      this.#plain.push(placed);
      return;
    }
    let subject = this.#indexes.get(index.subject);
    if (subject === undefined) {
      subject = {
        read: readers[index.subject],
        ...{ exact: new Map(), prefixes: new Map(), suffixes: new Map(), all: [] },
      };
      this.#indexes.set(index.subject, subject);
    }
    subject.all.push(placed);
    for (const { kind, text } of index.patterns) {
      if (kind === 'exact') push(subject.exact, text, placed);
      else
        push(ofLength(kind === 'prefix' ? subject.prefixes : subject.suffixes, text), text, placed);
    }
  }

  /** The first rule that matches. */
  first(facts: AuthorizationFacts): T | undefined {
    let found: T | undefined;
    const consider = (rules: readonly T[] | undefined): void => {
      if (rules === undefined) return;
      for (const placed of rules) {
        if (found !== undefined && placed.order >= found.order) break;
        if (placed.rule.matches(facts)) {
          found = placed;
          break;
        }
      }
    };
    consider(this.#plain);
    for (const { read, exact, prefixes, suffixes, all } of this.#indexes.values()) {
      const values = read(facts);
      if (values === undefined) {
        consider(all);
        continue;
      }
      for (const value of values) {
        consider(exact.get(value));
        for (const [length, byText] of prefixes) {
          if (length <= value.length) consider(byText.get(value.slice(0, length)));
        }
        for (const [length, byText] of suffixes) {
          if (length <= value.length) consider(byText.get(value.slice(value.length - length)));
        }
      }
    }
    return found;
  }
}

function ofLength<T>(
  byLength: Map<number, Map<string, T[]>>,
  { length }: string,
): Map<string, T[]> {
  let byText = byLength.get(length);
  if (byText === undefined) {
    byText = new Map();
    byLength.set(length, byText);
  }
  return byText;
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else if (list.at(-1) !== item) list.push(item);
}
