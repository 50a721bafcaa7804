/**
 * A trie of path patterns while it is built, for `path-trie` to pack.
 *
 * @module
 */

import type { Candidate } from './candidates.ts';
import type { Segment } from './path-pattern.ts';

/** Above the index of any route, and a small integer, which engines compare faster than infinity. */
export const noIndex = 0x3fff_ffff;

/** A trie while it is built. */
export interface TrieDraft {
  /** The text between the parent and this node. */
  label: string;
  /** The lowest index in this node and below it. */
  lowest: number;
  /** By the first characters of their labels, which all differ. */
  children?: TrieDraft[];
  /** Behind a segment that may be any. */
  one?: TrieDraft;
  /** Candidates whose pattern ends here. */
  here?: Candidate[];
  /** Candidates whose pattern goes on with `**`. */
  rest?: Candidate[];
}

export function trieDraft(label = '', lowest: number = noIndex): TrieDraft {
  return { label, lowest };
}

/** Adds a pattern. Candidates come in the order of their indexes. */
export function addToTrie(
  root: TrieDraft,
  segments: readonly Segment[],
  candidate: Candidate,
): void {
  const { index } = candidate;
  let node = root;
  let text = '';
  for (const segment of segments) {
    if (segment.kind === 'literal') {
      text += `/${segment.text}`;
    } else if (segment.kind === 'one') {
      const before = behindText(node, `${text}/`, index);
      before.one ??= trieDraft('', index);
      node = before.one;
      text = '';
    } else {
      const before = behindText(node, text, index);
      before.rest ??= [];
      before.rest.push(candidate);
      return;
    }
  }
  const last = behindText(node, text, index);
  last.here ??= [];
  last.here.push(candidate);
}

/** The node behind a text that follows a node. */
function behindText(from: TrieDraft, text: string, index: number): TrieDraft {
  let node = from;
  let at = 0;
  for (;;) {
    if (index < node.lowest) node.lowest = index;
    if (at === text.length) return node;
    node.children ??= [];
    const code = text.charCodeAt(at);
    const place = node.children.findIndex(({ label }) => label.charCodeAt(0) === code);
    const child = node.children[place];
    if (child === undefined) {
      const made = trieDraft(text.slice(at), index);
      node.children.push(made);
      return made;
    }
    const common = commonLength(child.label, text, at);
    if (common < child.label.length) {
      const upper = trieDraft(child.label.slice(0, common), child.lowest);
      child.label = child.label.slice(common);
      upper.children = [child];
      node.children[place] = upper;
      node = upper;
    } else {
      node = child;
    }
    at += common;
  }
}

/** How many characters a label and a text from a place on begin with alike. */
function commonLength(label: string, text: string, from: number): number {
  const most = Math.min(label.length, text.length - from);
  let length = 0;
  while (length < most && label.charCodeAt(length) === text.charCodeAt(from + length)) length++;
  return length;
}
