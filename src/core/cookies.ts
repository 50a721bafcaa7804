/**
 * The `Cookie` header.
 *
 * @module
 */

/** No browser sends more cookies; beyond them nothing is read. */
const mostCookies = 200;

/** Reads a `Cookie` header (RFC 6265 §5.4); values are not decoded, quotes are taken off. Of several of one name the first. */
export function parseCookies(header: string): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const [name, value] of cookiesIn(header, mostCookies)) {
    if (!cookies.has(name)) cookies.set(name, value);
  }
  return cookies;
}

/** All cookies of a header, also several of one name: not everybody takes the first. */
export function* cookiesIn(
  header: string,
  most?: number,
): Iterable<readonly [name: string, value: string]> {
  for (const pair of header.split(';', most)) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    const value = pair.slice(equals + 1).trim();
    if (name !== '') yield [name, /^"[^"]*"$/.test(value) ? value.slice(1, -1) : value];
  }
}

/** The header without the cookies of these names; empty where nothing is left. */
export function withoutCookies(header: string, names: readonly string[]): string {
  const kept = header.split(';').filter((pair) => {
    const [name = ''] = pair.split('=', 1);
    return !names.includes(name.trim());
  });
  return kept.join(';').trim();
}
