/**
 * Reading a pasted curl line as a request.
 *
 * @module
 */

import { UsageError } from './usage.ts';

/** What is asked. */
export interface AskedRequest {
  readonly method: string;
  readonly url: string;
  /** As given: `name: value`. */
  readonly headers: readonly string[];
}

/** Options of curl with an argument, beside those that are heeded: it is passed over. */
const withArgument = new Set([
  ...['-o', '--output', '-w', '--write-out', '-m', '--max-time', '--connect-timeout', '--retry'],
  ...['-x', '--proxy', '--cacert', '--cert', '-E', '--key', '--resolve', '-c', '--cookie-jar'],
  ...['-T', '--upload-file', '-K', '--config', '--limit-rate', '--interface', '--connect-to'],
]);

const bodies = new Set([
  ...['-d', '--data', '--data-raw', '--data-binary', '--data-ascii', '--data-urlencode', '--json'],
  ...['-F', '--form', '--form-string'],
]);

/** Options of one letter that take an argument, which may follow without a space. */
const lettersWithArgument = /^-[XHbdAeuoFwmxETcK]./;

/**
 * Reads the arguments of a curl line.
 *
 * @param words The words behind `curl`, as a shell splits them; or one text with all of it.
 * @throws {UsageError} where no URL is among them.
 */
export function readCurl(words: readonly string[]): AskedRequest {
  const [only] = words;
  const rest = words.length === 1 && only !== undefined ? splitWords(only) : [...words];
  if (rest[0] === 'curl') rest.shift();
  const headers: string[] = [];
  let method: string | undefined;
  let url: string | undefined;
  let hasBody = false;
  let inQuery = false;
  while (rest.length > 0) {
    let word = rest.shift() as string;
    if (lettersWithArgument.test(word)) {
      rest.unshift(word.slice(2));
      word = word.slice(0, 2);
    } else if (/^--[\w-]+=/.test(word)) {
      const equals = word.indexOf('=');
      rest.unshift(word.slice(equals + 1));
      word = word.slice(0, equals);
    }
    const argument = (): string => {
      const next = rest.shift();
      if (next === undefined) throw new UsageError(`curl: ${word} lacks its argument`);
      return next;
    };
    if (word === '-X' || word === '--request') method = argument().toUpperCase();
    else if (word === '-H' || word === '--header') headers.push(argument());
    else if (word === '-b' || word === '--cookie') headers.push(`cookie: ${argument()}`);
    else if (word === '-A' || word === '--user-agent') headers.push(`user-agent: ${argument()}`);
    else if (word === '-e' || word === '--referer') headers.push(`referer: ${argument()}`);
    else if (word === '-u' || word === '--user') {
      headers.push(`authorization: Basic ${btoa(argument())}`);
    } else if (bodies.has(word)) {
      argument();
      hasBody = true;
    } else if (word === '-I' || word === '--head') method ??= 'HEAD';
    else if (word === '-G' || word === '--get') inQuery = true;
    else if (word === '--url') url = argument();
    else if (withArgument.has(word)) argument();
    else if (!word.startsWith('-')) url ??= word;
  }
  if (url === undefined) throw new UsageError('curl: there is no URL in this line');
  return { method: method ?? (hasBody && !inQuery ? 'POST' : 'GET'), url, headers };
}

/** Splits a line as a shell does: quotes, backslashes, and lines that go on. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [, single, double, ansi, escaped, plain, space] of line
    .replaceAll(/\\\r?\n/g, ' ')
    .matchAll(
      /'([^']*)'|"((?:\\.|[^"\\])*)"|\$'((?:\\.|[^'\\])*)'|\\(.)|([^\s'"\\$]+|\$)|(\s+)/gs,
    )) {
    if (space !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    const text =
      double?.replaceAll(/\\(["\\$`])/g, '$1') ?? ansi?.replaceAll(/\\(.)/g, '$1') ?? single;
    word = (word ?? '') + (text ?? escaped ?? plain ?? '');
  }
  if (word !== undefined) words.push(word);
  return words;
}
