/**
 * Where the parts of a file stand, by path.
 *
 * @module
 */

import { find, type Path, type PositionedNode } from './nodes.ts';
import type { Span } from './source.ts';

/** Answers for one file. A path that leads nowhere stands for the nearest part above it. */
export class Positions {
  readonly #root: PositionedNode;

  constructor(root: PositionedNode) {
    this.#root = root;
  }

  /** Whether something is written there. */
  has(path: Path): boolean {
    return find(this.#root, path) !== undefined;
  }

  /** The value. */
  value(path: Path): Span {
    return find(this.#root, path)?.node.span ?? this.value(path.slice(0, -1));
  }

  /** The key that leads to the value; for an item of a list the value itself. */
  key(path: Path): Span {
    const found = find(this.#root, path);
    return found === undefined ? this.key(path.slice(0, -1)) : (found.keySpan ?? found.node.span);
  }

  /** A single value as it stands in the file. */
  written(path: Path): string | undefined {
    const node = find(this.#root, path)?.node;
    return node !== undefined && 'written' in node ? node.written : undefined;
  }
}
