/**
 * Splitting a pasted line as the shell would that it was written for.
 *
 * @module
 */

/** What is between quotes, behind a backslash, plain, or space. */
const token = /'([^']*)'|"((?:\\.|[^"\\])*)"|\$'((?:\\.|[^'\\])*)'|\\(.)|([^\s'"\\$]+|\$)|(\s+)/gs;

/** Where another command begins, or the output goes somewhere. */
const end = /^(?:\|{1,2}|&{1,2}|;|\d?>{1,2}(?:&\d)?|<)/;

/** The same within a word, but for what people leave unquoted in URLs. */
const endWithin = /[|<>]|;$/;

/**
 * Splits a line into words: quotes, backslashes, and lines that go on. What follows behind a `|`, `;`, `&` or `>` is no part of it. Lines
 * with carets, which browsers copy for the command line of Windows, are understood too.
 *
 * @example
 * ```ts
 * splitWords("curl 'http://a/b c' | jq ."); // ['curl', 'http://a/b c']
 * ```
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [, single, double, ansi, escaped, plain, space] of oneLine(line).matchAll(token)) {
    if (space !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (word === undefined && plain !== undefined && end.test(plain)) break;
    const text = double?.replaceAll(/\\(["\\$`])/g, '$1') ?? (ansi && ansiText(ansi)) ?? single;
    const [before] = plain?.split(endWithin, 1) ?? [];
    word = (word ?? '') + (text ?? escaped ?? before ?? '');
    if (before !== plain) break;
  }
  if (word !== undefined) words.push(word);
  return words;
}

function oneLine(line: string): string {
  const isOfWindows = /\^\r?\n|\^"/.test(line);
  return isOfWindows
    ? line.replaceAll(/\^\r?\n/g, ' ').replaceAll(/\^(.)/gs, '$1')
    : line.replaceAll(/\\\r?\n/g, ' ');
}

const signs: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** The escapes of `$'…'`. */
function ansiText(text: string): string {
  return text.replaceAll(/\\(?:u([\da-f]{1,4})|x([\da-f]{1,2})|(.))/gis, (...found) => {
    const [, unicode, byte, sign] = found as (string | undefined)[];
    const code = unicode ?? byte;
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return signs[sign ?? ''] ?? sign ?? '';
  });
}
