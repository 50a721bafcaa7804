/**
 * Checks of options that several policies have in common.
 *
 * @module
 */

import { shown } from '../core/option.ts';

/** @throws {RangeError} unless the value is one of the words. */
export function oneOf(option: string, value: unknown, allowed: readonly string[], more = ''): void {
  if (!allowed.includes(value as string)) {
    throw new RangeError(`${option}: ${shown(value)} is not one of ${allowed.join(', ')}${more}`);
  }
}

/** @throws {RangeError} unless the value is a whole number from 0 to the highest. */
export function wholeNumber(option: string, value: unknown, highest?: number): void {
  const isWhole = Number.isInteger(value) && (value as number) >= 0;
  if (isWhole && (highest === undefined || (value as number) <= highest)) return;
  const allowed = highest === undefined ? 'of 0 or more' : `from 0 to ${highest}`;
  throw new RangeError(`${option}: ${shown(value)} is not a whole number ${allowed}`);
}
