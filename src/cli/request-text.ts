/**
 * Reading a request as it goes over the wire, or as `curl -v` shows it.
 *
 * @module
 */

import type { AskedRequest } from './curl.ts';

const requestLine = /^(?:> ?)?([A-Za-z]+) (\S+) HTTP\/[\d.]+\s*$/;

/** Longer ones are no names of headers. */
const header = /^(?:> ?)?([\w!#$%&'*+.^`|~-]{1,256}):[ \t]*(.*?)\s*$/;

/**
 * Reads the first request of a text: its request line and the headers below. Of what `curl -v` shows, those are the lines that begin with
 * `>`.
 *
 * @returns `undefined` where there is no request line.
 */
export function readRequestText(text: string): AskedRequest | undefined {
  const lines = text.split(/\r?\n/);
  const first = lines.findIndex((line) => requestLine.test(line));
  const [, method, target] = requestLine.exec(lines[first] ?? '') ?? [];
  if (method === undefined || target === undefined) return undefined;
  const headers: string[] = [];
  for (const line of lines.slice(first + 1)) {
    // What curl says in between.
    if (line.startsWith('* ')) continue;
    const [, name, value] = header.exec(line) ?? [];
    if (name === undefined) break;
    headers.push(`${name}: ${value}`);
  }
  return { method: method.toUpperCase(), url: target, headers };
}
