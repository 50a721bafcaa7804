/**
 * A file as data that knows where it stands.
 *
 * @module
 */

import type { Span } from './source.ts';

/** One step into the file: a key of a map or an index of a list. */
export type Step = string | number;

/** The way from the top of the file to a value: `['routes', 0, 'timeout']`. */
export type Path = readonly Step[];

/** A map. Keys are in the order of the file. */
export interface MapNode {
  readonly kind: 'map';
  readonly span: Span;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

/** A key and its value. */
export interface MapEntry {
  readonly keySpan: Span;
  readonly node: PositionedNode;
}

/** A list. */
export interface ListNode {
  readonly kind: 'list';
  readonly span: Span;
  readonly items: readonly PositionedNode[];
}

/** A single value. */
export interface ScalarNode {
  readonly kind: 'text' | 'number' | 'boolean' | 'nothing';
  readonly span: Span;
  readonly value: string | number | boolean | null;
  /** As it stands in the file, quotes and escapes resolved: `1.10`, `0x1f`. */
  readonly written: string;
}

/** A value that could not be read, which has been reported: whatever depends on it is left unsaid. */
export interface UnreadableNode {
  readonly kind: 'unreadable';
  readonly span: Span;
}

/** Any value of a file. */
export type PositionedNode = MapNode | ListNode | ScalarNode | UnreadableNode;

/** The kinds of values, as messages call them. */
export const kindNames: Readonly<Record<PositionedNode['kind'], string>> = {
  map: 'a map',
  list: 'a list',
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
  nothing: 'nothing',
  unreadable: 'something unreadable',
};

/** A value and the key that leads to it, if a key does. */
export interface Found {
  readonly keySpan: Span | undefined;
  readonly node: PositionedNode;
}

/**
 * Follows a path.
 *
 * @returns `undefined` where it leads nowhere.
 */
export function find(root: PositionedNode, path: Path): Found | undefined {
  let found: Found = { keySpan: undefined, node: root };
  for (const step of path) {
    const { node } = found;
    if (node.kind === 'map' && typeof step === 'string') {
      const entry = node.entries.get(step);
      if (entry === undefined) return undefined;
      found = entry;
    } else if (node.kind === 'list' && typeof step === 'number') {
      const item = node.items[step];
      if (item === undefined) return undefined;
      found = { keySpan: undefined, node: item };
    } else {
      return undefined;
    }
  }
  return found;
}

/** Where to point when something is missing in a value: at its first key, rather than at all of it. */
export function beginningOf(node: PositionedNode): Span {
  if (node.kind !== 'map') return node.span;
  for (const { keySpan } of node.entries.values()) return keySpan;
  return node.span;
}
