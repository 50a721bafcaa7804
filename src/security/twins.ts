/**
 * Headers that an upstream may take for another one.
 *
 * @module
 */

import type { Context } from '../core/context.ts';
import { removeHeader } from '../core/message.ts';

/**
 * Takes off headers that differ from one of these only in `_` for `-`: what follows CGI (RFC 3875 §4.1.18) reads both as
 * one, so that a client could write what only this side of the chain may.
 *
 * @param names In lower case.
 */
export function withoutTwins(
  request: Request,
  context: Context,
  names: ReadonlySet<string>,
): Context {
  if (names.size === 0) return context;
  let clean = context;
  for (const name of request.headers.keys()) {
    if (name.includes('_') && names.has(name.replaceAll('_', '-')))
      clean = removeHeader(clean, name);
  }
  return clean;
}
