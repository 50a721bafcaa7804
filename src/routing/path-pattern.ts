/**
 * Path patterns: `/a/b`, `/users/:id`, `/files/*`, `/payment/**`, `~^/v[0-9]+/`.
 *
 * @module
 */

import { searchExpression } from './expression.ts';

/** One segment of a pattern. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** Exactly one segment, not an empty one; `name` for `:name`. */
  | { readonly kind: 'one'; readonly name: string | undefined }
  /** Whatever follows, nothing included; last only. */
  | { readonly kind: 'rest' };

/** A pattern, taken apart. */
export type PathPattern =
  | { readonly kind: 'segments'; readonly segments: readonly Segment[]; readonly exact: boolean }
  | { readonly kind: 'expression'; readonly expression: RegExp };

/** The pattern is wrong; the message says how. */
export class PathPatternError extends Error {
  override readonly name = 'PathPatternError';
}

/**
 * Takes a pattern apart.
 *
 * `*` and `:name` (or `{name}`) stand for one segment that is not empty; `**` for any suffix, nothing included, as in
 * Ant and Spring: `/payment/**` matches `/payment`, `/payment/` and `/payment/a/b`, not `/payments`. A pattern that
 * begins with `~` is a regular expression, tried on the whole path without being anchored.
 *
 * @throws {PathPatternError}
 */
export function parsePathPattern(pattern: string): PathPattern {
  if (pattern.startsWith('~')) {
    try {
      return { kind: 'expression', expression: searchExpression(pattern.slice(1)) };
    } catch (error) {
      throw new PathPatternError((error as Error).message);
    }
  }
  if (!pattern.startsWith('/')) {
    throw new PathPatternError('a path begins with `/`, a regular expression with `~`');
  }
  if (/[?#]/.test(pattern)) {
    throw new PathPatternError(
      'a path has no `?` or `#`; conditions on the query go under `match`',
    );
  }
  const names = new Set<string>();
  const texts = pattern.slice(1).split('/');
  const segments = texts.map((text, index): Segment => {
    if (text === '**') {
      if (index < texts.length - 1) throw new PathPatternError('`**` stands only at the end');
      return { kind: 'rest' };
    }
    if (text === '*') return { kind: 'one', name: undefined };
    const name = /^:(\w+)$|^\{(\w+)\}$/.exec(text);
    if (name === null) {
      if (/[*{}]|^:/.test(text)) {
        throw new PathPatternError(
          `\`${text}\` is neither text nor a segment of its own: \`*\`, \`**\`, \`:name\``,
        );
      }
      return { kind: 'literal', text };
    }
    const parameter = (name[1] ?? name[2]) as string;
    if (names.has(parameter)) throw new PathPatternError(`\`:${parameter}\` stands there twice`);
    names.add(parameter);
    return { kind: 'one', name: parameter };
  });
  return {
    kind: 'segments',
    segments,
    exact: segments.every(({ kind }) => kind === 'literal'),
  };
}
