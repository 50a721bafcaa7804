/**
 * What a verified token says of the caller.
 *
 * @module
 */

import { type Key, key } from './context.ts';

/** The claims of the token that was verified for this request; `undefined` where none was. */
export const claims: Key<Readonly<Record<string, unknown>> | undefined> =
  key<Readonly<Record<string, unknown>>>('claims');

/** The claims whose text is a list of words: a condition on them looks at each word. Default: `scope`, `permission`. */
export const spaceDelimitedClaims: Key<readonly string[]> = key<readonly string[]>(
  'space-delimited claims',
  ['scope', 'permission'],
);
