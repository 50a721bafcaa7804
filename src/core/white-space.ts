/**
 * Optional white space of HTTP.
 *
 * @module
 */

/**
 * Takes off spaces and tabs at both ends (OWS, RFC 9110 §5.6.3), and nothing else: `trim` would take a no-break space too,
 * and make something valid of what is not. Linear in time.
 */
export function withoutOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
