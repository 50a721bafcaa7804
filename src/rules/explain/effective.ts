/**
 * What is in force on a route, and where it is written.
 *
 * @module
 */

import type { Route } from '../model.ts';
import type { Path } from '../nodes.ts';
import type { Positions } from '../positions.ts';
import { printable } from '../quote.ts';
import { secretSpans } from '../secrets.ts';
import type { SourceText } from '../source.ts';
import { blockWords } from './block-words.ts';

/** A block of a route. */
export interface Effective {
  /** As in the file: `rate_limit`. */
  readonly key: string;
  /** Such as `100 per 1m, burst 20, by jwt:sub`. */
  readonly value: string;
  readonly origin: Origin;
}

/** Where a block is written. */
export interface Origin {
  readonly place: 'route' | 'defaults';
  /** Counted from 1. */
  readonly line: number;
  /** The file of that line, where the rules are of several files. */
  readonly file?: string;
}

/** The longest that is shown of a block as it is written. */
const longestShown = 70;

/** All blocks of a route that are in force. */
export function effectiveBlocks(
  route: Route,
  index: number,
  positions: Positions,
  source: SourceText,
): readonly Effective[] {
  const placeOf = (key: string): Path | undefined => placeOfBlock(key, index, positions);
  function block(key: string, value: string | undefined): readonly Effective[] {
    const origin = originOf(key, index, positions, source);
    return origin === undefined || value === undefined ? [] : [{ key, value, origin }];
  }
  /** As it stands there, on one line. */
  function writtenText(path: Path): string | undefined {
    return positions.has(path) ? textOf(source, positions.value(path)) : undefined;
  }
  /** Switched off in so many words. */
  function off(key: string): string | undefined {
    const path = placeOf(key);
    return path !== undefined && writtenText(path) === 'off' ? 'off' : undefined;
  }
  function written(key: string, isInForce: boolean): readonly Effective[] {
    return block(key, isInForce ? writtenText(placeOf(key) ?? []) : off(key));
  }
  const words = blockWords(route);
  function told(key: string): readonly Effective[] {
    return block(key, words.get(key) ?? off(key));
  }
  // Who is let in may stand within the block.
  const isWithin = positions.has([...(placeOf('auth') ?? []), 'allow']) && !placeOf('allow');
  const letsIn = isWithin ? words.get('allow') : undefined;
  const asksFor = [words.get('auth'), letsIn].filter(Boolean).join('; ');
  const { throttle, bulkhead, shed } = route;
  return [
    ...told('timeout'),
    ...written('deadline', route.deadline !== undefined),
    ...told('retries'),
    ...told('hedge'),
    ...told('breaker'),
    ...written('throttle', throttle !== undefined),
    ...written('bulkhead', bulkhead !== undefined),
    ...told('rate_limit'),
    ...written('shed', shed !== undefined),
    ...written('cors', route.cors !== undefined),
    ...block('auth', asksFor || off('auth')),
    ...told('allow'),
    ...told('deny'),
    ...written('authorizer', route.authorizer !== undefined),
    ...written('limits', route.limits !== undefined),
    ...written('fault', route.fault !== undefined),
    ...written('mirror', route.mirror !== undefined),
    ...written('fallback', route.fallback !== undefined),
    ...written('headers', route.headers !== undefined),
    ...written('rewrite', route.rewrite !== undefined),
    ...written('redirect', route.redirect !== undefined),
    ...written('respond', route.respond !== undefined),
  ];
}

/** Where a route has a block from; `undefined` where nobody has written it. */
export function originOf(
  key: string,
  index: number,
  positions: Positions,
  source: SourceText,
): Origin | undefined {
  const path = placeOfBlock(key, index, positions);
  if (path === undefined) return undefined;
  const { file, range } = source.place(positions.key(path));
  const place = path.length === 3 ? 'route' : 'defaults';
  return { place, line: range.line, ...(source.isSeveral && { file }) };
}

function placeOfBlock(key: string, index: number, positions: Positions): Path | undefined {
  return [
    ['routes', index, key],
    ['defaults', key],
  ].find((path) => positions.has(path));
}

function textOf(
  source: SourceText,
  span: { readonly start: number; readonly end: number },
): string {
  const { line, column, endLine, endColumn } = source.range(span);
  const lines = source.partAt(span.start).source.text.split('\n');
  const parts: string[] = [];
  for (let number = line; number <= endLine; number++) {
    const text = lines[number - 1] ?? '';
    // By UTF-16 units, as columns count.
    const masked = text.split('');
    for (const { start, end } of secretSpans(lines, number - 1)) masked.fill('*', start, end);
    const end = number === endLine ? endColumn - 1 : masked.length;
    parts.push(
      masked
        .slice(number === line ? column - 1 : 0, end)
        .join('')
        .trim(),
    );
  }
  const joined = printable(parts.filter(Boolean).join(' '));
  return joined.length > longestShown ? `${joined.slice(0, longestShown)}…` : joined;
}
