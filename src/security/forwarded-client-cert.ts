/**
 * The header in which a proxy hands on what it has seen of a client's certificate.
 *
 * @module
 */

/** One certificate; names that occur more than once are all there. */
export interface ForwardedCertificate {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** The subject, as a distinguished name. */
  readonly subject: string | undefined;
}

/** A header beyond it is not looked at; whole certificates may be in it. */
const longest = 65_536;

/**
 * Reads `x-forwarded-client-cert`: one element for each hop, the nearest last; in each of them pairs `Key=value`, values in
 * quotes where they hold `,`, `;` or `=`.
 *
 * Semantics: Envoy's header of that name.
 *
 * @returns `undefined` where it is malformed: half of it may name somebody else.
 *
 * @example
 * ```ts
 * parseForwardedCertificates('Hash=ab;URI=spiffe://a/ns/b/sa/c')?.[0]?.uris; // ['spiffe://a/ns/b/sa/c']
 * ```
 */
export function parseForwardedCertificates(
  header: string,
): readonly ForwardedCertificate[] | undefined {
  if (header.length > longest) return undefined;
  const certificates: ForwardedCertificate[] = [];
  let pairs: [key: string, value: string][] = [];
  let position = 0;
  while (true) {
    const key = /^[A-Za-z]+/.exec(header.slice(position, position + 32))?.[0];
    if (key === undefined || header[position + key.length] !== '=') return undefined;
    const read = valueAt(header, position + key.length + 1);
    if (read === undefined) return undefined;
    pairs.push([key.toLowerCase(), read.value]);
    position = read.end;
    const separator = header[position];
    if (separator !== undefined && separator !== ';' && separator !== ',') return undefined;
    position += 1;
    if (separator === ';') continue;
    certificates.push(certificateOf(pairs));
    if (separator === undefined) return certificates;
    pairs = [];
    while (header[position] === ' ') position += 1;
  }
}

function valueAt(
  header: string,
  start: number,
): { readonly value: string; readonly end: number } | undefined {
  if (header[start] !== '"') {
    let end = start;
    while (end < header.length && header[end] !== ';' && header[end] !== ',') end += 1;
    const value = header.slice(start, end);
    return value.includes('"') ? undefined : { value, end };
  }
  let value = '';
  for (let index = start + 1; index < header.length; index++) {
    const character = header[index] as string;
    if (character === '"') return { value, end: index + 1 };
    if (character === '\\') index += 1;
    value += header[index] ?? '';
  }
  return undefined;
}

function certificateOf(pairs: readonly (readonly [string, string])[]): ForwardedCertificate {
  const valuesOf = (wanted: string): readonly string[] =>
    pairs.filter(([key, value]) => key === wanted && value !== '').map(([, value]) => value);
  return { uris: valuesOf('uri'), dnsNames: valuesOf('dns'), subject: valuesOf('subject')[0] };
}
