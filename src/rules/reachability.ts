/**
 * Which routes can never be reached, because an earlier one takes all that they would match.
 *
 * @module
 */

import type { MatchConditions } from '../routing/conditions.ts';
import { parsePathPattern, type Segment } from '../routing/path-pattern.ts';

/** What a route matches by. */
export interface Reach {
  readonly path: string;
  readonly trailingSlash: 'strict' | 'ignore';
  /** Absent: all. */
  readonly methods: readonly string[] | undefined;
  /** Absent: all. */
  readonly hosts: readonly string[] | undefined;
  /** ORed; empty: no condition. */
  readonly match: readonly MatchConditions[];
}

/** Routes of one path, by one of the conditions of each: whoever covers a route asks for no condition of its own. */
class Bucket<T extends Reach> {
  readonly #open: T[] = [];
  readonly #conditional = new Map<string, T[]>();

  add(route: T): void {
    if (route.match.length === 0) this.#open.push(route);
    for (const entry of route.match) {
      const [first = ''] = conditionsOf(entry);
      const others = this.#conditional.get(first);
      if (others === undefined) this.#conditional.set(first, [route]);
      else others.push(route);
    }
  }

  /** Those that may cover a route. */
  candidatesFor({ match: [entry] }: Reach, found: (route: T) => void): void {
    this.#open.forEach(found);
    if (entry === undefined || this.#conditional.size === 0) return;
    for (const condition of conditionsOf(entry)) this.#conditional.get(condition)?.forEach(found);
  }
}

function conditionsOf(entry: MatchConditions): readonly string[] {
  return Object.entries(entry).flatMap(([source, conditions]) =>
    Object.entries(conditions as Record<string, string>).map((pair) =>
      JSON.stringify([source, ...pair]),
    ),
  );
}

interface Node<T extends Reach> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  /** Routes whose path ends here. */
  readonly here: Bucket<T>;
  /** Routes whose path goes on with `**`. */
  readonly rest: Bucket<T>;
}

function emptyNode<T extends Reach>(): Node<T> {
  return { literals: new Map(), one: undefined, here: new Bucket(), rest: new Bucket() };
}

/** Routes, by what they match. The cost of a question grows with the length of the path, not with their number. */
export class ReachIndex<T extends Reach> {
  readonly #root: Node<T> = emptyNode();
  readonly #expressions: { readonly route: T; readonly expression: RegExp }[] = [];

  /** Adds a route behind those that were added before. */
  add(route: T): void {
    const pattern = parsePathPattern(route.path);
    if (pattern.kind === 'expression') {
      this.#expressions.push({ route, expression: pattern.expression });
      return;
    }
    let node = this.#root;
    for (const segment of withoutSlash(pattern.segments)) {
      if (segment.kind === 'rest') {
        node.rest.add(route);
        return;
      }
      node = childFor(node, segment);
    }
    node.here.add(route);
  }

  /** The first route, in the order of {@link add}, that takes every request that this one would match. */
  coveringOf(route: T, order: (route: T) => number): T | undefined {
    const found: T[] = [];
    const consider = (candidate: T): void => {
      if (coversConditions(candidate, route)) found.push(candidate);
    };
    const pattern = parsePathPattern(route.path);
    if (pattern.kind === 'expression') {
      for (const other of this.#expressions) {
        if (other.route.path === route.path) consider(other.route);
      }
      // Whatever it matches, a route for all paths takes.
      this.#root.rest.candidatesFor(route, consider);
    } else {
      const isExact = pattern.exact && route.trailingSlash === 'strict';
      for (const other of this.#expressions) {
        if (isExact && other.expression.test(route.path)) consider(other.route);
      }
      const endsWithRest = pattern.segments.at(-1)?.kind === 'rest';
      const segments = withoutSlash(pattern.segments).filter(({ kind }) => kind !== 'rest');
      visit(this.#root, segments, 0, (bucket, isOpen) => {
        bucket.candidatesFor(route, (candidate) => {
          if (isOpen || (!endsWithRest && coversSlash(candidate, route))) consider(candidate);
        });
      });
    }
    return found.sort((a, b) => order(a) - order(b))[0];
  }
}

/** Without the empty segment that a slash at the end makes: see {@link coversSlash}. */
function withoutSlash(segments: readonly Segment[]): readonly Segment[] {
  const last = segments.at(-1);
  return last?.kind === 'literal' && last.text === '' ? segments.slice(0, -1) : segments;
}

function childFor<T extends Reach>(
  node: Node<T>,
  segment: Exclude<Segment, { kind: 'rest' }>,
): Node<T> {
  if (segment.kind === 'one') {
    node.one ??= emptyNode();
    return node.one;
  }
  let child = node.literals.get(segment.text);
  if (child === undefined) {
    child = emptyNode();
    node.literals.set(segment.text, child);
  }
  return child;
}

/** Calls back for all routes whose segments cover these; `isOpen` for those that go on with `**`. */
function visit<T extends Reach>(
  node: Node<T>,
  segments: readonly Segment[],
  index: number,
  found: (routes: Bucket<T>, isOpen: boolean) => void,
): void {
  found(node.rest, true);
  const segment = segments[index];
  if (segment === undefined) {
    found(node.here, false);
    return;
  }
  if (node.one !== undefined) visit(node.one, segments, index + 1, found);
  const literal = segment.kind === 'literal' ? node.literals.get(segment.text) : undefined;
  if (literal !== undefined) visit(literal, segments, index + 1, found);
}

/** Whether what `covering` says of a slash at the end includes what `covered` says. */
function coversSlash(covering: Reach, covered: Reach): boolean {
  if (covering.trailingSlash === 'ignore') return true;
  return covered.trailingSlash === 'strict' && hasSlash(covering) === hasSlash(covered);
}

function hasSlash({ path }: Reach): boolean {
  return path.endsWith('/');
}

function coversConditions(covering: Reach, covered: Reach): boolean {
  return (
    includesAll(covering.methods, covered.methods, (a, b) => a === b) &&
    includesAll(covering.hosts, covered.hosts, coversHost) &&
    (covering.match.length === 0 ||
      (covered.match.length > 0 &&
        covered.match.every((narrow) => covering.match.some((wide) => asksNoMore(wide, narrow)))))
  );
}

/** Whether each of the covered ones is covered by one of the others; none at all stands for everything. */
function includesAll(
  covering: readonly string[] | undefined,
  covered: readonly string[] | undefined,
  covers: (wide: string, narrow: string) => boolean,
): boolean {
  if (covering === undefined) return true;
  return covered?.every((narrow) => covering.some((wide) => covers(wide, narrow))) ?? false;
}

function coversHost(wide: string, narrow: string): boolean {
  return wide === narrow || (wide.startsWith('*.') && narrow.endsWith(wide.slice(1)));
}

/** Whether every condition of the one is among those of the other. */
function asksNoMore(wide: MatchConditions, narrow: MatchConditions): boolean {
  const known = new Set(conditionsOf(narrow));
  return conditionsOf(wide).every((condition) => known.has(condition));
}
