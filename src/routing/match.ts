/**
 * Finding the first route that fits a request, at a cost that does not grow with the number of routes.
 *
 * @module
 */

import { inOneGo, type Steps } from '../core/steps.ts';
import { type Candidate, Candidates, unconditional } from './candidates.ts';
import { compileConditions, type MatchConditions } from './conditions.ts';
import { parsePathPattern, type Segment } from './path-pattern.ts';
import { type PathTrie, TriePacker } from './path-trie.ts';
import { addToTrie, noIndex, type TrieDraft, trieDraft } from './path-trie-draft.ts';
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
 * Compiles routes: a trie of paths for every host, regular expressions in a list. Every part knows the lowest index within
 * it, so what cannot win is not looked at.
 *
 * @throws {PathPatternError} for a path that is no pattern.
 */
export function compileMatcher(routes: readonly MatchableRoute[]): Matcher {
  return inOneGo(matcherSteps(routes));
}

/** {@link compileMatcher} in steps. */
export function* matcherSteps(routes: readonly MatchableRoute[]): Steps<Matcher> {
  const packer = new TriePacker();
  const { any, exact, wildcards } = yield* draftSteps(routes);
  return matcherOf({
    any: yield* any.pack(packer),
    exact: yield* packAll(exact, packer),
    wildcards: yield* packAll(wildcards, packer),
    trie: packer.trie(),
  });
}

/** What is known by the names of hosts. */
interface ByHost<T> {
  /** Of the routes that name none. */
  readonly any: T;
  readonly exact: ReadonlyMap<string, T>;
  /** By the part of a name behind `*.`. */
  readonly wildcards: ReadonlyMap<string, T>;
}

function* draftSteps(routes: readonly MatchableRoute[]): Steps<ByHost<HostDraft>> {
  const any = new HostDraft();
  const exact = new Map<string, HostDraft>();
  const wildcards = new Map<string, HostDraft>();
  // Of thousands of routes most name the same few.
  const methodSets = new Map<string, ReadonlySet<string>>();
  for (const [index, route] of routes.entries()) {
    const candidate: Candidate = {
      index,
      methods: route.methods && methodSet(route.methods),
      alternatives:
        route.match === undefined || route.match.length === 0
          ? unconditional
          : route.match.map((entry) => compileConditions(entry, route.auth?.jwt ?? '')),
    };
    for (const draft of draftsFor(route.hosts)) draft.add(route, candidate);
    yield;
  }
  return { any, exact, wildcards };

  function methodSet(methods: readonly string[]): ReadonlySet<string> {
    const names = methods.join(' ');
    const known = methodSets.get(names);
    if (known !== undefined) return known;
    const made = new Set(methods);
    methodSets.set(names, made);
    return made;
  }

  function draftsFor(hosts: readonly string[] | undefined): readonly HostDraft[] {
    if (hosts === undefined || hosts.length === 0) return [any];
    return hosts.map((host) => {
      if (host === '*') return any;
      const name = host.toLowerCase();
      return name.startsWith('*.') ? getOrMake(wildcards, name.slice(2)) : getOrMake(exact, name);
    });
  }
}

function* packAll(
  drafts: ReadonlyMap<string, HostDraft>,
  packer: TriePacker,
): Steps<ReadonlyMap<string, HostRoutes>> {
  const packed = new Map<string, HostRoutes>();
  for (const [host, draft] of drafts) packed.set(host, yield* draft.pack(packer));
  return packed;
}

/** A function of its own: a closure of the one that compiles would keep all drafts alive. */
function matcherOf({
  any,
  exact,
  wildcards,
  trie,
}: ByHost<HostRoutes> & { readonly trie: PathTrie }): Matcher {
  const namesHosts = exact.size > 0 || wildcards.size > 0;
  let longestSuffix = 0;
  for (const { length } of wildcards.keys()) longestSuffix = Math.max(longestSuffix, length);

  function find(facts: RequestFacts): number | undefined {
    let found = firstOf(any, facts, noIndex);
    if (namesHosts) found = firstOfNamed(facts, found);
    return found === noIndex ? undefined : found;
  }

  /** The lowest fitting index of the routes of a host below `best`, else `best`. */
  function firstOf({ root, expressions }: HostRoutes, facts: RequestFacts, best: number): number {
    let found = trie.first(facts, root, best);
    if (expressions.length === 0) return found;
    for (const { expression, candidates } of expressions) {
      if (candidates.lowest >= found) break;
      if (expression.test(facts.path)) found = candidates.first(facts, found);
    }
    return found;
  }

  /** The same, of all routes that name a host which fits. */
  function firstOfNamed(facts: RequestFacts, best: number): number {
    const { hostname } = facts;
    const named = exact.get(hostname);
    let found = named === undefined ? best : firstOf(named, facts, best);
    if (wildcards.size === 0) return found;
    // However many labels a client sends, only those are looked up that a suffix reaches; `*` is one at least.
    const start = Math.max(1, hostname.length - longestSuffix - 1);
    for (let dot = hostname.indexOf('.', start); dot !== -1; dot = hostname.indexOf('.', dot + 1)) {
      const suffixed = wildcards.get(hostname.slice(dot + 1));
      if (suffixed !== undefined) found = firstOf(suffixed, facts, found);
    }
    return found;
  }

  return { find };
}

function getOrMake(map: Map<string, HostDraft>, key: string): HostDraft {
  let draft = map.get(key);
  if (draft === undefined) {
    draft = new HostDraft();
    map.set(key, draft);
  }
  return draft;
}

interface Expression {
  readonly expression: RegExp;
  readonly candidates: Candidates;
}

/** The routes of one host. */
interface HostRoutes {
  /** Of their paths, in the trie of all hosts. */
  readonly root: number;
  readonly expressions: readonly Expression[];
}

/** Collects the routes of one host. */
class HostDraft {
  readonly #paths: TrieDraft = trieDraft();
  readonly #expressions: Expression[] = [];

  add({ path, trailingSlash }: MatchableRoute, candidate: Candidate): void {
    const pattern = parsePathPattern(path);
    if (pattern.kind === 'expression') {
      const candidates = new Candidates([candidate]);
      this.#expressions.push({ expression: pattern.expression, candidates });
      return;
    }
    const { segments } = pattern;
    addToTrie(this.#paths, segments, candidate);
    if (trailingSlash !== 'ignore') return;
    const last = segments.at(-1);
    // Of the root and of `/**` there is no other form.
    if (last?.kind === 'rest' || (segments.length === 1 && isEmpty(last))) return;
    const other: readonly Segment[] = isEmpty(last)
      ? segments.slice(0, -1)
      : [...segments, { kind: 'literal', text: '' }];
    addToTrie(this.#paths, other, candidate);
  }

  *pack(packer: TriePacker): Steps<HostRoutes> {
    return { root: yield* packer.add(this.#paths), expressions: this.#expressions };
  }
}

function isEmpty(segment: Segment | undefined): boolean {
  return segment?.kind === 'literal' && segment.text === '';
}
