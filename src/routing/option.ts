/**
 * Checks that the options of a service have in common.
 *
 * @module
 */

import { shown } from '../core/option.ts';

/** @throws {RangeError} unless the value is a share of 1, of 0 where that is allowed. */
export function share(option: string, value: unknown, from: 'from 0' | 'above 0'): void {
  const isShare = typeof value === 'number' && value >= 0 && value <= 1;
  if (isShare && (value > 0 || from === 'from 0')) return;
  throw new RangeError(
    `${option}: ${shown(value)} is not a share ${from === 'from 0' ? 'from 0' : 'above 0 and up'} to 1, where 0.1 is 10 %`,
  );
}
