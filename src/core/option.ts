/**
 * Checks that the options of all policies have in common.
 *
 * @module
 */

import type { Clock } from './clock.ts';

/** The names of all options; the compiler refuses one that is missing or too many. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Refuses what is no object, an option that there is not (most often a slip, and else passed over in silence), and a clock
 * or a source of random numbers that is none.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function knownOptions<Options extends object>(
  owner: string,
  given: Options,
  known: OptionNames<Options>,
): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new RangeError(`${owner}: ${shown(given)} is not an object with options`);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const names = Object.keys(known).join(', ');
    throw new RangeError(`${owner}: there is no option '${name}', only ${names}`);
  }
  const { clock, random } = given as { readonly clock?: Clock; readonly random?: unknown };
  if (clock !== undefined && typeof clock?.schedule !== 'function') {
    throw new RangeError(
      `${owner}.clock: ${shown(clock)} is not a clock (now, monotonic, schedule)`,
    );
  }
  functionOption(`${owner}.random`, random);
}

/** @throws {RangeError} unless there is none, or it is a function. */
export function functionOption(option: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw new RangeError(`${option}: ${shown(value)} is not a function`);
}

/** @throws {RangeError} unless there is none, or it is true or false. */
export function flagOption(option: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new RangeError(`${option}: ${shown(value)} is not true or false`);
}

/** @throws {RangeError} unless there is none, or it is text. */
export function textOption(option: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return;
  throw new RangeError(`${option}: ${shown(value)} is not text`);
}

/** @throws {RangeError} unless there is none, or it is a list. */
export function listOption(option: string, value: unknown): void {
  if (value === undefined || Array.isArray(value)) return;
  throw new RangeError(`${option}: ${shown(value)} is not a list`);
}

/** @throws {RangeError} unless the value is one of the words. */
export function wordOption(
  option: string,
  value: unknown,
  allowed: readonly string[],
  more = '',
): void {
  if (allowed.includes(value as string)) return;
  throw new RangeError(`${option}: ${shown(value)} is not one of ${allowed.join(', ')}${more}`);
}

/** @throws {RangeError} unless the value is a whole number from `least` to `most`. */
export function wholeOption(option: string, value: unknown, least: number, most?: number): void {
  const isWhole = Number.isSafeInteger(value) && (value as number) >= least;
  if (isWhole && (most === undefined || (value as number) <= most)) return;
  const above = least === 1 ? 'above 0' : `of ${least} or more`;
  const allowed = most === undefined ? above : `from ${least} to ${most}`;
  throw new RangeError(`${option}: ${shown(value)} is not a whole number ${allowed}`);
}

/** A value as messages show it; what JSON has no word for, by its type. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return `${value}`;
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return typeof value;
  }
}

/** The same of what should be a URL: credentials and a query may be secrets, and messages end in logs. */
export function shownUrl(value: unknown): string {
  if (typeof value !== 'string') return shown(value);
  return shown(value.replace(/(^|\/\/)[^/?#]*@/, '$1…@').replace(/[?#].*/s, '?…'));
}
