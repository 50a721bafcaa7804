/**
 * What a verified token says of the caller.
 *
 * @module
 */

import { type Key, key } from './context.ts';

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

/** The claims of the token that was verified for this request; `undefined` where none was. */
export const claims: Key<Claims | undefined> = key<Claims>('claims');

/** The claims whose text is a list of words: a condition on them looks at each word. Default: `scope`, `permission`. */
export const spaceDelimitedClaims: Key<readonly string[]> = key<readonly string[]>(
  'space-delimited claims',
  ['scope', 'permission'],
);

/** A claim, however deep: `['realm_access', 'roles']`. Only members of the token itself count, none of a prototype. */
export function claimAt(all: Claims, path: readonly string[]): unknown {
  let value: unknown = all;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** A claim by name, or by names with dots in between; a claim whose own name has the dots comes first. */
export function claimNamed(all: Claims, name: string): unknown {
  return Object.hasOwn(all, name) ? all[name] : claimAt(all, name.split('.'));
}

/**
 * The same claims, with a list of words in place of each text that is one.
 *
 * @param names Of the claims of which that holds, beside `scope` and `permission`.
 */
export function withWordLists(all: Claims, names: readonly string[]): Claims {
  const lists: Record<string, unknown> = { ...all };
  for (const name of names) {
    if (typeof lists[name] === 'string') lists[name] = claimTexts(lists[name], true);
  }
  return lists;
}

/**
 * What a condition on a claim looks at: texts, and numbers and truth values as text; of a list each entry; of a claim of
 * {@link spaceDelimitedClaims} each word. Objects have none.
 */
export function claimTexts(value: unknown, isWords: boolean): readonly string[] {
  switch (typeof value) {
    case 'string':
      return isWords && value.includes(' ') ? value.split(' ').filter(Boolean) : [value];
    case 'number':
    case 'boolean':
      return [String(value)];
    default:
      return Array.isArray(value)
        ? value.flatMap((entry) => (typeof entry === 'object' ? [] : claimTexts(entry, false)))
        : [];
  }
}
