/**
 * Headers that an upstream may take for another one.
 *
 * @module
 */

import type { Context } from '../core/context.ts';
import { hasHeaderEdits, removeHeader } from '../core/outgoing.ts';

/**
 * Names of headers in lower case, and of those with `_` what an upstream may take for the same: for {@link withoutSent} and
 * {@link withoutHeaders}.
 */
export function allSpellings(names: readonly string[]): ReadonlySet<string> {
  const written = names.map((name) => name.toLowerCase());
  return new Set([...written, ...written.map((name) => name.replaceAll('_', '-'))]);
}

/**
 * Takes off headers that differ from one of these only in `_` for `-`: what follows CGI (RFC 3875 §4.1.18) reads both as
 * one, so that a client could write what only this side of the chain may.
 *
 * @param names In lower case.
 * @param sent Of these the headers themselves, too.
 */
export function withoutTwins(
  request: Request,
  context: Context,
  names: ReadonlySet<string>,
  sent?: ReadonlySet<string>,
): Context {
  return without(request, context, names, (name) => sent?.has(name) || isTwin(name, names));
}

/**
 * Takes off these headers and their twins where the client sent them.
 *
 * @param names In lower case.
 */
export function withoutSent(
  request: Request,
  context: Context,
  names: ReadonlySet<string>,
): Context {
  return without(request, context, names, (name) => names.has(name) || isTwin(name, names));
}

/**
 * Takes off these headers and their twins, whether the client sent them or a layer further out set them.
 *
 * @param names In lower case.
 */
export function withoutHeaders(
  request: Request,
  context: Context,
  names: ReadonlySet<string>,
): Context {
  let clean = context;
  if (hasHeaderEdits(context)) for (const name of names) clean = removeHeader(clean, name);
  return withoutSent(request, clean, names);
}

/** In one pass over what was sent: asking for each name costs more. */
function without(
  request: Request,
  context: Context,
  names: ReadonlySet<string>,
  isUnwanted: (name: string) => boolean | undefined,
): Context {
  if (names.size === 0) return context;
  let clean = context;
  request.headers.forEach((_, name) => {
    if (isUnwanted(name)) clean = removeHeader(clean, name);
  });
  return clean;
}

function isTwin(name: string, names: ReadonlySet<string>): boolean {
  return name.includes('_') && names.has(name.replaceAll('_', '-'));
}
