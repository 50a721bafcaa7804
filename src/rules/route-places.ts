/**
 * Which route a place in the files belongs to.
 *
 * @module
 */

import { find, type PositionedNode } from './nodes.ts';
import type { Span } from './source.ts';

interface NamedSpan extends Span {
  readonly name: string;
}

/**
 * Knows the places of routes, also of those whose parts stand in several files: an overlay changes a route far away from
 * where it begins.
 */
export class RoutePlaces {
  /** Disjoint, and in order. */
  readonly #spans: readonly NamedSpan[];

  /** @param names What the routes are called, by their number in the file. */
  constructor(root: PositionedNode, names: ReadonlyMap<number, string>) {
    const routes = find(root, ['routes'])?.node;
    const items = routes?.kind === 'list' ? routes.items : [];
    this.#spans = items
      .flatMap((item, index) => {
        const name = names.get(index);
        return name === undefined ? [] : spansOf(item).map((span) => ({ ...span, name }));
      })
      .sort((a, b) => a.start - b.start);
  }

  /** The name of the route that the offset lies in. */
  at(offset: number): string | undefined {
    let [low, high] = [0, this.#spans.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#spans[middle] as NamedSpan).start <= offset) low = middle + 1;
      else high = middle;
    }
    const found = this.#spans[low - 1];
    return found !== undefined && offset <= found.end ? found.name : undefined;
  }
}

/** The route itself, and what other files have put into it. */
function spansOf(item: PositionedNode): readonly Span[] {
  const { span } = item;
  if (item.kind !== 'map') return [span];
  const others = Array.from(item.entries.values(), ({ keySpan, node }) => ({
    start: keySpan.start,
    end: Math.max(keySpan.end, node.span.end),
  })).filter(({ start }) => start < span.start || start > span.end);
  return [span, ...others];
}
