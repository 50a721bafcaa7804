/**
 * The `Cookie` header.
 *
 * @module
 */

/** No browser sends more cookies; beyond them nothing is read. */
const mostCookies = 200;

/** Reads a `Cookie` header (RFC 6265 §5.4); values are not decoded, quotes are taken off. */
export function parseCookies(header: string): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of header.split(';', mostCookies)) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    const value = pair.slice(equals + 1).trim();
    const unquoted = /^"[^"]*"$/.test(value) ? value.slice(1, -1) : value;
    if (name !== '' && !cookies.has(name)) cookies.set(name, unquoted);
  }
  return cookies;
}

/** The header without the cookies of these names; empty where nothing is left. */
export function withoutCookies(header: string, names: readonly string[]): string {
  const kept = header.split(';').filter((pair) => {
    const [name = ''] = pair.split('=', 1);
    return !names.includes(name.trim());
  });
  return kept.join(';').trim();
}
