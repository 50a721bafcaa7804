/**
 * Shares of the requests, in percent.
 *
 * @module
 */

import { shown } from './option.ts';

/**
 * Reads the percentage that a caller gave for an option.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function percentOption(option: string, value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  throw new RangeError(`${option}: ${shown(value)} is not a number from 0 to 100, in percent`);
}

/**
 * Draws whether a request belongs to the share: 0 is never and 100 always, whatever the draw (FI-04).
 *
 * @param random A number in [0, 1), asked once.
 *
 * @example
 * ```ts
 * isDrawn(0, () => 0); // false
 * ```
 */
export function isDrawn(percent: number, random: () => number): boolean {
  return random() * 100 < percent;
}
