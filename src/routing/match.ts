/**
 * Finding the first route that fits a request, at a cost that does not grow with the number of routes.
 *
 * @module
 */

import { inOneGo, type Steps } from '../core/steps.ts';
import { type Candidate, Candidates, unconditional } from './candidates.ts';
import { compileConditions, type MatchConditions } from './conditions.ts';
import { parsePathPattern, type Segment } from './path-pattern.ts';
import type { RequestFacts } from './request-facts.ts';

/** What a route is matched by; the first route of the list that fits wins. */
export interface MatchableRoute {
  /** See `parsePathPattern`. */
  readonly path: string;
  /** `'ignore'` lets `/a` match `/a/` too. Default: `'strict'`. */
  readonly trailingSlash?: 'strict' | 'ignore' | undefined;
  /** Default: all. */
  readonly methods?: readonly string[] | undefined;
  /** `shop.example` or `*.shop.example`, which any number of labels fit. Default: all. */
  readonly hosts?: readonly string[] | undefined;
  /** Entries of which one has to hold. Default: none is asked for. */
  readonly match?: readonly MatchConditions[] | undefined;
  /** Whose token conditions on claims look into. */
  readonly auth?: { readonly jwt: string } | undefined;
}

/** A list of routes, compiled. */
export interface Matcher {
  /** The index of the first route that fits, or `undefined`. */
  find(facts: RequestFacts): number | undefined;
}

/**
 * Compiles routes: a map of exact paths, a trie for the others, one of each for every host; regular expressions in a
 * list. Every part knows the lowest index within it, so what cannot win is not looked at.
 *
 * @throws {PathPatternError} for a path that is no pattern.
 */
export function compileMatcher(routes: readonly MatchableRoute[]): Matcher {
  return inOneGo(matcherSteps(routes));
}

/** {@link compileMatcher} in steps. */
export function* matcherSteps(routes: readonly MatchableRoute[]): Steps<Matcher> {
  const anyHost = new PathIndexBuilder();
  // Of thousands of routes most name the same few.
  const methodSets = new Map<string, ReadonlySet<string>>();
  const exactHosts = new Map<string, PathIndexBuilder>();
  const wildcardHosts = new Map<string, PathIndexBuilder>();
  for (const [index, route] of routes.entries()) {
    const candidate: Candidate = {
      index,
      methods: route.methods && methodSet(route.methods),
      alternatives:
        route.match === undefined || route.match.length === 0
          ? unconditional
          : route.match.map((entry) => compileConditions(entry, route.auth?.jwt ?? '')),
    };
    for (const builder of buildersFor(route.hosts)) builder.add(route, candidate);
    yield;
  }

  function methodSet(methods: readonly string[]): ReadonlySet<string> {
    const names = methods.join(' ');
    const known = methodSets.get(names);
    if (known !== undefined) return known;
    const made = new Set(methods);
    methodSets.set(names, made);
    return made;
  }

  function buildersFor(hosts: readonly string[] | undefined): readonly PathIndexBuilder[] {
    if (hosts === undefined || hosts.length === 0) return [anyHost];
    return hosts.map((host) => {
      if (host === '*') return anyHost;
      const name = host.toLowerCase();
      return name.startsWith('*.')
        ? getOrMake(wildcardHosts, name.slice(2))
        : getOrMake(exactHosts, name);
    });
  }

  const any = yield* anyHost.build();
  const exact = new Map<string, PathIndex>();
  for (const [host, builder] of exactHosts) exact.set(host, yield* builder.build());
  const wildcards = new Map<string, PathIndex>();
  for (const [suffix, builder] of wildcardHosts) wildcards.set(suffix, yield* builder.build());
  let longestSuffix = 0;
  for (const { length } of wildcards.keys()) longestSuffix = Math.max(longestSuffix, length);
  return {
    find(facts) {
      let best = any.first(facts, Number.POSITIVE_INFINITY);
      if (exact.size > 0) best = exact.get(facts.hostname)?.first(facts, best) ?? best;
      if (wildcards.size > 0) {
        const { hostname } = facts;
        // However many labels a client sends, only those are looked up that a suffix reaches; `*` is one at least.
        const start = Math.max(1, hostname.length - longestSuffix - 1);
        for (
          let dot = hostname.indexOf('.', start);
          dot !== -1;
          dot = hostname.indexOf('.', dot + 1)
        ) {
          best = wildcards.get(hostname.slice(dot + 1))?.first(facts, best) ?? best;
        }
      }
      return best === Number.POSITIVE_INFINITY ? undefined : best;
    },
  };
}

function getOrMake(map: Map<string, PathIndexBuilder>, key: string): PathIndexBuilder {
  let builder = map.get(key);
  if (builder === undefined) {
    builder = new PathIndexBuilder();
    map.set(key, builder);
  }
  return builder;
}

/** A node of the trie while it is built. Most lead one way, for which a map would be too much. */
interface Draft {
  onlyText?: string;
  onlyNode?: Draft;
  /** Where there are several. */
  literals?: Map<string, Draft>;
  one?: Draft;
  /** Candidates whose pattern ends here. */
  here?: Candidate[];
  /** Candidates whose pattern goes on with `**`. */
  rest?: Candidate[];
}

/** A node of the trie. Of 10,000 routes most nodes lead one way and end nothing: what is not there takes no room. */
interface Node {
  /** The lowest index in this node and below it. */
  readonly lowest: number;
  /** Where there are several. */
  readonly literals: ReadonlyMap<string, Node> | undefined;
  /** Where there is one, its text: it is compared in place, while a look-up has to cut a segment out and hash it. */
  readonly onlyText: string | undefined;
  readonly onlyNode: Node | undefined;
  readonly one: Node | undefined;
  readonly here: Candidates | undefined;
  readonly rest: Candidates | undefined;
}

interface Expression {
  readonly expression: RegExp;
  readonly candidates: Candidates;
}

/** Collects the routes of one host. */
class PathIndexBuilder {
  readonly #exact = new Map<string, Candidate[]>();
  readonly #root: Draft = {};
  readonly #expressions: Expression[] = [];

  add({ path, trailingSlash }: MatchableRoute, candidate: Candidate): void {
    const pattern = parsePathPattern(path);
    if (pattern.kind === 'expression') {
      const candidates = new Candidates([candidate]);
      this.#expressions.push({ expression: pattern.expression, candidates });
      return;
    }
    const slash: Segment = { kind: 'literal', text: '' };
    const { segments, exact } = pattern;
    const last = segments.at(-1);
    const endsOpen = last?.kind === 'rest' || (last?.kind === 'literal' && last.text === '');
    const variants =
      trailingSlash !== 'ignore'
        ? [segments]
        : endsOpen
          ? last?.kind === 'rest' || segments.length === 1
            ? [segments]
            : [segments, segments.slice(0, -1)]
          : [segments, [...segments, slash]];
    for (const variant of variants) {
      if (exact) this.#addExact(variant, candidate);
      else this.#addToTrie(variant, candidate);
    }
  }

  #addExact(segments: readonly Segment[], candidate: Candidate): void {
    const path = `/${segments.map((segment) => (segment.kind === 'literal' ? segment.text : '')).join('/')}`;
    const same = this.#exact.get(path);
    if (same === undefined) this.#exact.set(path, [candidate]);
    else same.push(candidate);
  }

  #addToTrie(segments: readonly Segment[], candidate: Candidate): void {
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === 'rest') {
        node.rest ??= [];
        node.rest.push(candidate);
        return;
      }
      if (segment.kind === 'one') {
        node.one ??= {};
        node = node.one;
      } else {
        node = literalDraft(node, segment.text);
      }
    }
    node.here ??= [];
    node.here.push(candidate);
  }

  *build(): Steps<PathIndex> {
    const exact = new Map<string, Candidates>();
    for (const [path, candidates] of this.#exact) {
      exact.set(path, new Candidates(candidates));
      yield;
    }
    return new PathIndex(exact, yield* finished(this.#root), this.#expressions);
  }
}

/** The child of a draft for a literal. */
function literalDraft(node: Draft, text: string): Draft {
  const known = node.literals?.get(text);
  if (known !== undefined) return known;
  if (node.onlyNode !== undefined && node.onlyText === text) return node.onlyNode;
  const made: Draft = {};
  if (node.literals !== undefined) {
    node.literals.set(text, made);
  } else if (node.onlyNode === undefined) {
    node.onlyText = text;
    node.onlyNode = made;
  } else {
    node.literals = new Map([
      [node.onlyText as string, node.onlyNode],
      [text, made],
    ]);
    delete node.onlyText;
    delete node.onlyNode;
  }
  return made;
}

function* finished(node: Draft): Steps<Node> {
  const one = node.one && (yield* finished(node.one));
  const onlyNode = node.onlyNode && (yield* finished(node.onlyNode));
  const here = node.here && new Candidates(node.here);
  const rest = node.rest && new Candidates(node.rest);
  let lowest = Number.POSITIVE_INFINITY;
  for (const part of [here, rest, one, onlyNode]) {
    if (part !== undefined && part.lowest < lowest) lowest = part.lowest;
  }
  let literals: Map<string, Node> | undefined;
  if (node.literals !== undefined) {
    literals = new Map();
    for (const [text, next] of node.literals) {
      const child = yield* finished(next);
      literals.set(text, child);
      if (child.lowest < lowest) lowest = child.lowest;
      yield;
    }
  }
  return {
    lowest,
    literals,
    onlyText: node.onlyText,
    onlyNode,
    one,
    here,
    rest,
  };
}

/** The child for the segment of a path that stands from `start` to `end`. */
function literalAt(node: Node, path: string, start: number, end: number): Node | undefined {
  const { literals, onlyText } = node;
  if (literals !== undefined) return literals.get(path.slice(start, end));
  if (onlyText === undefined || end - start !== onlyText.length) return undefined;
  return path.startsWith(onlyText, start) ? node.onlyNode : undefined;
}

/** The routes of one host. */
class PathIndex {
  readonly #exact: ReadonlyMap<string, Candidates>;
  readonly #root: Node;
  readonly #expressions: readonly Expression[];

  constructor(
    exact: ReadonlyMap<string, Candidates>,
    root: Node,
    expressions: readonly Expression[],
  ) {
    this.#exact = exact;
    this.#root = root;
    this.#expressions = expressions;
  }

  /** The lowest fitting index below `best`, else `best`. */
  first(facts: RequestFacts, best: number): number {
    const { path } = facts;
    let found = this.#exact.get(path)?.first(facts, best) ?? best;
    found = this.#descend(this.#root, path, 1, facts, found);
    for (const { expression, candidates } of this.#expressions) {
      if (candidates.lowest >= found) break;
      if (expression.test(path)) found = candidates.first(facts, found);
    }
    return found;
  }

  /** @param from Where the next segment begins; beyond the end of the path when there is none left. */
  #descend(top: Node, path: string, from: number, facts: RequestFacts, best: number): number {
    let node: Node | undefined = top;
    let start = from;
    let found = best;
    while (node !== undefined && node.lowest < found) {
      // `/payment/**` matches `/payment` itself, and whatever follows.
      if (node.rest !== undefined) found = node.rest.first(facts, found);
      if (start > path.length) return node.here?.first(facts, found) ?? found;
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      const literal = literalAt(node, path, start, end);
      const one: Node | undefined = end > start ? node.one : undefined;
      // Most nodes lead one way only, which takes no call.
      if (literal !== undefined && one !== undefined) {
        found = this.#descend(literal, path, end + 1, facts, found);
        node = one;
      } else {
        node = literal ?? one;
      }
      start = end + 1;
    }
    return found;
  }
}
