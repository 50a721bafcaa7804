/**
 * Names of certificates' subjects.
 *
 * @module
 */

/**
 * The common name in a distinguished name as RFC 2253 and RFC 4514 write it; `undefined` where there is none, or the text is
 * no such name.
 *
 * @example
 * ```ts
 * commonNameOf('OU=Web,CN=shop\\, north,O=Shop'); // 'shop, north'
 * ```
 */
export function commonNameOf(name: string): string | undefined {
  let rest = name;
  let found: string | undefined;
  while (rest !== '') {
    const match = /^([A-Za-z][\w-]*|\d[\d.]*)=((?:[^,+\\"]|\\[\s\S])*)(?:[,+]|$)/.exec(rest);
    if (match === null) return undefined;
    const [whole, type, value] = match as unknown as [string, string, string];
    if (type.toUpperCase() === 'CN') found ??= unescaped(value);
    rest = rest.slice(whole.length);
  }
  return found === '' ? undefined : found;
}

function unescaped(value: string): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [, hex, escaped, plain] of value.matchAll(/\\([\da-fA-F]{2})|\\([\s\S])|([^\\]+)/g)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else bytes.push(...encoder.encode(escaped ?? plain ?? ''));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
