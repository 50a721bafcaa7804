/**
 * Keeping secrets out of what is shown of a file. Errs on the side of hiding: a masked value that was none costs little.
 *
 * @module
 */

import type { Span } from './source.ts';

/** Words that make a key's value a secret. */
const secretWord = /token|secret|passw|credential|authorization|key/i;

/** Such a word, the rest of the name around it, and the sign that a value follows. Bounded, so that it is linear. */
const secretAssignment =
  /(?:token|secret|passw|credential|authorization|key)[\w.-]{0,64}["']?\s{0,8}[:=]\s*/gi;

/** User and password of a URL; a password with a slash in it too, although it should be encoded. */
const userInformation = /:\/\/([^\s@"']{1,512})@/g;

/** Credentials as `Authorization` carries them. */
const credentials = /\b(?:Bearer|Basic)\s+([\w.~+/=-]+)/gi;

/** Whether the value of this key is to be hidden. */
export function isSecretKey(key: string): boolean {
  return secretWord.test(key);
}

/** The stretches of a line that hold secrets, by columns counted from 0; they may overlap. */
function secretsWithin(line: string): Span[] {
  const spans: Span[] = [];
  for (const found of line.matchAll(secretAssignment)) {
    const start = found.index + found[0].length;
    const end = valueEnd(line, start);
    // `credentials: true` gives nothing away.
    if (!/^(?:true|false)$/.test(line.slice(start, end))) spans.push({ start, end });
  }
  for (const expression of [userInformation, credentials]) {
    for (const found of line.matchAll(expression)) {
      const start = found.index + found[0].indexOf(found[1] as string);
      spans.push({ start, end: start + (found[1] as string).length });
    }
  }
  return spans;
}

function valueEnd(line: string, start: number): number {
  const first = line[start];
  if (first === '"' || first === "'") {
    for (let index = start + 1; index < line.length; index++) {
      if (line[index] === '\\' && first === '"') index += 1;
      else if (line[index] === first) return index + 1;
    }
    return line.length;
  }
  // Only within brackets of this very line does a comma or bracket end a plain value for certain.
  const before = line.slice(0, start);
  if (first === '{' || first === '[' || !/[{[]/.test(before)) return line.length;
  const [value] = /^[^,}\]]*/.exec(line.slice(start)) as RegExpExecArray;
  return start + value.trimEnd().length;
}

/** A single value or key without the secrets in it. */
export function withoutSecrets(text: string): string {
  let shown = '';
  let at = 0;
  for (const { start, end } of merged(secretsWithin(text))) {
    shown += `${text.slice(at, start)}***`;
    at = end;
  }
  return shown + text.slice(at);
}

function merged(spans: Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (span.end === span.start) continue;
    if (last === undefined || span.start > last.end) result.push(span);
    else result[result.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
  }
  return result;
}

/** How far up the lines around a value are searched for the key that it belongs to. */
const farthestKey = 200;

/**
 * Finds the secrets in one line of a file, whether or not the file can be parsed. A line that continues the value of a
 * secret key further up (a block text, a list) is one as a whole.
 *
 * @param index Of the line, counted from 0.
 * @returns Stretches by columns counted from 0, in order, without overlap.
 */
export function secretSpans(lines: readonly string[], index: number): readonly Span[] {
  const line = lines[index] ?? '';
  const indent = line.search(/\S/);
  if (indent !== -1 && continuesSecret(lines, index, indent)) {
    return [{ start: indent, end: line.length }];
  }
  return merged(secretsWithin(line));
}

function continuesSecret(lines: readonly string[], index: number, indent: number): boolean {
  let outermost = indent;
  // The items of a list may stand right below their key, not further in.
  let isItem = lines[index]?.[indent] === '-';
  for (let above = index - 1; above >= 0 && above >= index - farthestKey; above--) {
    const line = lines[above] as string;
    const start = line.search(/[^\s-]/);
    if (start === -1) continue;
    const isOutside = start < outermost || (isItem && start === outermost && line[start] !== '-');
    if (!isOutside) continue;
    const [, key] = /^["']?([\w.-]+)["']?\s*:/.exec(line.slice(start)) ?? [];
    if (key !== undefined && isSecretKey(key)) return true;
    outermost = start;
    isItem = false;
    if (start === 0) return false;
  }
  return false;
}
