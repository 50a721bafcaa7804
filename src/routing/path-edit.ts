/**
 * Replacing a path, the beginning of it, or what an expression finds in it.
 *
 * @module
 */

import { canonicalPath } from '../core/canonical-path.ts';
import { shown } from '../core/option.ts';
import { parsePathPattern } from './path-pattern.ts';

/** What a path becomes. Exactly one of the three. */
export interface PathEdit {
  /** The whole path. */
  readonly path?: string;
  /**
   * Takes the place of the beginning `from`, segment by segment: `/api` in `/api/users`, not in `/apis`. `:name` and `*` in
   * it stand for any one segment. Paths that begin otherwise stay as they are.
   */
  readonly prefix?: { readonly from: string; readonly to: string };
  /** Every match of the expression in the path; `\1` to `\9` in `to` are its groups, `\0` is all of it. */
  readonly regex?: { readonly match: string; readonly to: string };
}

/** Edits a canonical path; `undefined` where what comes out is none. */
export type EditPath = (path: string) => string | undefined;

/**
 * Compiles an edit.
 *
 * Semantics: `ReplaceFullPath` and `ReplacePrefixMatch` of the Gateway API, `uriRegexRewrite` of Istio. The result is
 * canonical again, so nobody can smuggle a `..` through an expression.
 *
 * @returns `undefined` where there is nothing to edit.
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function compilePathEdit(
  option: string,
  { path, prefix, regex }: PathEdit,
): EditPath | undefined {
  const given = [path, prefix, regex].filter((part) => part !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1)
    throw new RangeError(`${option}: path, prefix and regex exclude each other`);
  if (path !== undefined) {
    const whole = canonicalOption(`${option}.path`, path);
    return () => whole;
  }
  return prefix !== undefined
    ? prefixEdit(`${option}.prefix`, prefix)
    : regexEdit(`${option}.regex`, regex as NonNullable<PathEdit['regex']>);
}

function prefixEdit(option: string, { from, to }: NonNullable<PathEdit['prefix']>): EditPath {
  const pattern = parsePathPattern(canonicalPrefix(`${option}.from`, from) || '/');
  if (pattern.kind === 'expression') {
    throw new RangeError(`${option}.from: a regular expression has no beginning to replace`);
  }
  const segments = pattern.segments.filter(
    (segment) => segment.kind !== 'rest' && !(segment.kind === 'literal' && segment.text === ''),
  );
  const replacement = to === '' ? '' : canonicalPrefix(`${option}.to`, to);
  return (path) => {
    let end = 0;
    for (const segment of segments) {
      if (path[end] !== '/') return path;
      const next = path.indexOf('/', end + 1);
      const text = path.slice(end + 1, next === -1 ? undefined : next);
      if (segment.kind === 'literal' ? text !== segment.text : text === '') return path;
      end = next === -1 ? path.length : next;
    }
    const rest = path.slice(end) || (to.endsWith('/') ? '/' : '');
    return canonicalPath(`${replacement}${rest}` || '/');
  };
}

function regexEdit(option: string, { match, to }: NonNullable<PathEdit['regex']>): EditPath {
  let expression: RegExp;
  try {
    expression = new RegExp(match, 'gu');
  } catch (error) {
    throw new RangeError(`${option}.match: ${(error as Error).message}`);
  }
  return (path) => {
    const edited = path.replace(expression, (...found: unknown[]) =>
      to.replace(/\\(\d)/g, (_, group) => {
        const text = found[Number(group)];
        // Behind the groups stand the offset and the whole text.
        return typeof text === 'string' && Number(group) < groupsIn(found) ? text : '';
      }),
    );
    return edited.startsWith('/') ? canonicalPath(edited) : undefined;
  };
}

/** How many of the arguments of a replacer are the match and its groups. */
function groupsIn(found: readonly unknown[]): number {
  return found.findIndex((argument) => typeof argument === 'number');
}

/** Without a slash at the end. */
function canonicalPrefix(option: string, text: string): string {
  return canonicalOption(option, text).replace(/\/$/, '');
}

function canonicalOption(option: string, text: string): string {
  const path =
    typeof text === 'string' && /^\/[^?#]*$/.test(text) ? canonicalPath(text) : undefined;
  if (path !== undefined) return path;
  throw new RangeError(`${option}: ${shown(text)} is not a path without query and fragment`);
}
