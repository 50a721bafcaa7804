/**
 * The one form of a path that routing, authorization, limit keys and the upstream all see.
 *
 * @module
 */

import { type Key, key } from './context.ts';

/** The path of this request in canonical form, where routing has computed it already. */
export const canonicalPathname: Key<string | undefined> = key<string>('canonical path');

/** A NUL, or a percent sign without two hexadecimal digits behind it. */
const malformed = /%(?:00|(?![0-9a-f]{2}))/i;

/**
 * What is not canonical, or may be: an escape, a backslash, what Deno's `URL`s do not escape, `//`, a dot segment. A search for
 * these few costs less than a test that every character is another one.
 */
const uncanonical = /[%\\^]|\/(?:\/|\.\.?(?:\/|$))/;

const unreserved = /[\w.~-]/;

/**
 * How much is made alike, by the names of Istio's `pathNormalization`: `base` leaves `//`; `merge_slashes`, which is what
 * holds unless somebody says otherwise, makes it `/`; `decode_and_merge_slashes` takes `%2F` and `%5C` for `/` before.
 */
export type PathNormalization = 'base' | 'merge_slashes' | 'decode_and_merge_slashes';

/**
 * Brings a path to its canonical form: escapes of unreserved characters decoded, once; all other escapes kept, in upper
 * case (`%2F` is no separator and does not become one); `\` turned into `/`; `//` merged; dot segments resolved
 * (RFC 3986 §6.2.2, after the normalisation levels of Istio's `MERGE_SLASHES`).
 *
 * Idempotent: decoding happens once, so `%2561` stays `%2561`.
 *
 * @param pathname The `pathname` of a URL: begins with `/`, without query.
 * @returns `undefined` for `%00` and malformed escapes, which deserve a 400.
 *
 * @example
 * ```ts
 * canonicalPath('/%61dmin//users/./%2f'); // '/admin/users/%2F'
 * ```
 */
export function canonicalPath(
  pathname: string,
  level: PathNormalization = 'merge_slashes',
): string | undefined {
  // The common case.
  if (pathname.startsWith('/') && !uncanonical.test(pathname)) return pathname;
  if (malformed.test(pathname)) return undefined;

  let decoded = canonicalEscapes(pathname);
  if (level === 'decode_and_merge_slashes') decoded = decoded.replace(/%2F|%5C/g, '/');
  decoded = decoded.replaceAll('\\', '/');
  const path = withoutDotSegments(decoded);
  return level === 'base' ? path : path.replace(/\/{2,}/g, '/');
}

/** Decodes the escapes of unreserved characters, once, and writes all others in upper case. */
export function canonicalEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}|\^/gi, (encoded) => {
    // All `URL`s but Deno's write it so.
    if (encoded === '^') return '%5E';
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return unreserved.test(character) ? character : encoded.toUpperCase();
  });
}

/** RFC 3986 §5.2.4: an empty segment is a segment. */
function withoutDotSegments(path: string): string {
  const segments: string[] = [];
  const parts = path.split('/').slice(1);
  for (const [index, part] of parts.entries()) {
    const isDots = part === '.' || part === '..';
    if (part === '..') segments.pop();
    if (!isDots) segments.push(part);
    else if (index === parts.length - 1) segments.push('');
  }
  return `/${segments.join('/')}`;
}
