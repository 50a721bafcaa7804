/**
 * Headers that an upstream may take for another one.
 *
 * @module
 */

import type { Context } from '../core/context.ts';
import { dropSent, type HeaderFilter, hasHeaderEdits, removeHeader } from '../core/outgoing.ts';

/** Names of headers in lower case, and what an upstream may take those with `_` for: for the functions below. */
export function allSpellings(names: readonly string[]): ReadonlySet<string> {
  const written = names.map((name) => name.toLowerCase());
  return new Set([...written, ...written.map(takenFor)]);
}

/**
 * Headers that differ from one of these only in `_` for `-`, or `-` for `_`: what follows CGI (RFC 3875 §4.1.18) reads both
 * as one, so that a client could write what only this side of the chain may.
 *
 * @param names In lower case.
 */
export function twinsOf(names: ReadonlySet<string>): HeaderFilter {
  const isSpelling = spellingsOf(allSpellings([...names]));
  return (name) => isSpelling(name) && !names.has(name);
}

/**
 * Headers that an upstream may take for one of these, and these themselves.
 *
 * @param names As {@link allSpellings} gives them.
 */
export function spellingsOf(names: ReadonlySet<string>): HeaderFilter {
  return (name) => names.has(takenFor(name));
}

/** Takes off these headers and their twins where they came with the request. */
export function withoutSent(context: Context, names: ReadonlySet<string>): Context {
  return names.size === 0 ? context : dropSent(context, spellingsOf(names));
}

/**
 * Takes off these headers and their twins, whether the client sent them or a layer further out set them.
 *
 * @param names As {@link allSpellings} gives them.
 */
export function withoutHeaders(context: Context, names: ReadonlySet<string>): Context {
  let clean = withoutSent(context, names);
  if (hasHeaderEdits(context)) for (const name of names) clean = removeHeader(clean, name);
  return clean;
}

/** The name that an upstream may take a header of this name for, in lower case both. */
export function takenFor(name: string): string {
  // Asked of each header of each request: looking is quicker than replacing.
  return name.includes('_') ? name.replaceAll('_', '-') : name;
}
