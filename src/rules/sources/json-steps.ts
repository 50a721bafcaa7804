/**
 * Reading JSON in steps: a text of megabytes takes `JSON.parse` longer than requests should wait.
 *
 * @module
 */

import type { Steps } from '../../core/steps.ts';

/** A shorter text is read at once, in UTF-16 code units: that takes less than a millisecond. */
const bigLength = 65_536;

/** What is nested more deeply is no rules, and would take `JSON.parse` seconds. */
const mostDepth = 512;

/** So much is looked at in a step. */
const stepLength = 16_384;

class TooDeepError extends SyntaxError {}

/** A list among the members of the whole. */
interface Cut {
  /** Where it begins and where it ends, without its brackets. */
  readonly start: number;
  readonly end: number;
  /** The commas between its entries. */
  readonly commas: readonly number[];
}

/**
 * What `JSON.parse` makes of the text, in steps: the lists among the members of the whole are read entry by entry, and what is
 * left of it without them in one step.
 *
 * @throws {SyntaxError} that of `JSON.parse`, and for a long text that is nested more than 512 levels deep.
 */
export function* jsonSteps(text: string): Steps<unknown> {
  if (text.length < bigLength) return JSON.parse(text);
  try {
    const cuts = yield* listsOf(text);
    const whole: unknown = JSON.parse(withoutLists(text, cuts));
    const lists: unknown[][] = [];
    for (const cut of cuts) lists.push(yield* entriesOf(text, cut));
    for (const [name, value] of Object.entries(whole as Record<string, unknown>)) {
      if (!Array.isArray(value)) continue;
      (whole as Record<string, unknown>)[name] = lists[value[0] as number];
    }
    return whole;
  } catch (error) {
    if (error instanceof TooDeepError) throw error;
    // Whatever it is: this says it, with the place.
    return JSON.parse(text);
  }
}

const [quote, backslash, comma, opening, closing, openingMap, closingMap] = Array.from(
  '"\\,[]{}',
  (character) => character.charCodeAt(0),
);

/** Finds the lists, by counting brackets; that they match is found out when the parts are read. */
function* listsOf(text: string): Steps<readonly Cut[]> {
  const cuts: Cut[] = [];
  let depth = 0;
  let start = -1;
  let commas: number[] = [];
  let pauseAt = stepLength;
  for (let at = 0; at < text.length; at++) {
    if (at >= pauseAt) {
      yield;
      pauseAt = at + stepLength;
    }
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
    } else if (code === comma) {
      if (depth === 2 && start !== -1) commas.push(at);
    } else if (code === opening || code === openingMap) {
      depth += 1;
      if (depth > mostDepth) throw new TooDeepError(`more than ${mostDepth} levels deep`);
      if (depth === 1 && code === opening) throw new SyntaxError('a list as a whole');
      if (depth === 2 && code === opening) start = at + 1;
    } else if (code === closing || code === closingMap) {
      depth -= 1;
      if (depth !== 1 || start === -1) continue;
      if (code !== closing) throw new SyntaxError('brackets that do not match');
      cuts.push({ start, end: at, commas });
      start = -1;
      commas = [];
    }
  }
  return cuts;
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = end - 1;
    while (text.charCodeAt(escapes) === backslash) escapes -= 1;
    if ((end - escapes) % 2 === 1) return end;
  }
  throw new SyntaxError('a string without an end');
}

/** The text with the number of each list in its place, as a list of one. */
function withoutLists(text: string, cuts: readonly Cut[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const [number, { start, end }] of cuts.entries()) {
    parts.push(text.slice(from, start), String(number));
    from = end;
  }
  return [...parts, text.slice(from)].join('');
}

function* entriesOf(text: string, { start, end, commas }: Cut): Steps<unknown[]> {
  if (commas.length === 0 && /^[ \t\n\r]*$/.test(text.slice(start, end))) return [];
  const entries: unknown[] = [];
  let from = start;
  let pauseAt = start + stepLength;
  for (const to of [...commas, end]) {
    entries.push(JSON.parse(text.slice(from, to)));
    from = to + 1;
    if (to < pauseAt) continue;
    yield;
    pauseAt = to + stepLength;
  }
  return entries;
}
