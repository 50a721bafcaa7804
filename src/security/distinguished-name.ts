/**
 * Names of certificates' subjects.
 *
 * @module
 */

/** A name beyond it is not looked at; that of a certificate has some hundred characters. */
const longest = 65_536;

/**
 * The common name in a distinguished name as RFC 2253 and RFC 4514 write it; `undefined` where there is none, or the text is
 * no such name, or has more than 65,536 characters.
 *
 * @example
 * ```ts
 * commonNameOf('OU=Web,CN=shop\\, north,O=Shop'); // 'shop, north'
 * ```
 */
export function commonNameOf(name: string): string | undefined {
  if (name.length > longest) return undefined;
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
    else for (const byte of encoder.encode(escaped ?? plain ?? '')) bytes.push(byte);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
