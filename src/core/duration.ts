/**
 * Durations as people write them: a number and a unit.
 *
 * @module
 */

import { longestDelayMs } from './clock.ts';
import { shown } from './option.ts';

/** `'800ms'`, `'3s'`, `'1.5m'`, `'1h30m'`. */
export type Duration = string;

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

type Part = { readonly whole: string; readonly fraction?: string; readonly unit: string };

/**
 * Reads a duration.
 *
 * @returns Milliseconds, or `undefined` where the text is no duration. A bare number is none: it means seconds to one
 * reader and milliseconds to the next.
 *
 * @example
 * ```ts
 * parseDuration('1h30m'); // 5_400_000
 * parseDuration('3'); // undefined
 * ```
 */
export function parseDuration(text: string): number | undefined {
  // One part at a time with a sticky expression: linear, whatever the input.
  const part = /(?<whole>\d+)(?:\.(?<fraction>\d+))?(?<unit>ms|s|m|h|d)/y;
  let total = 0;
  let smallestUnit = Number.POSITIVE_INFINITY;
  while (part.lastIndex < text.length) {
    const found = part.exec(text)?.groups as Part | undefined;
    if (found === undefined) return undefined;
    const { whole, fraction = '' } = found;
    const unit = unitMs[found.unit] as number;
    // Each unit once and in falling order, so that `1m1h` and `1s1s` are seen as the slips that they are.
    if (unit >= smallestUnit) return undefined;
    smallestUnit = unit;
    // Multiplied as a whole number: 1.005 * 1000 is 1004.9999999999999.
    total += (Number(whole + fraction) * unit) / 10 ** fraction.length;
  }
  return smallestUnit === Number.POSITIVE_INFINITY || !Number.isFinite(total) ? undefined : total;
}

/**
 * Writes milliseconds as text that {@link parseDuration} reads back exactly: in the largest unit of which they are a
 * whole number, else in seconds or milliseconds.
 *
 * @example
 * ```ts
 * formatDuration(5_400_000); // '90m'
 * ```
 */
export function formatDuration(milliseconds: number): Duration {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = unitMs[unit] as number;
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  const seconds = `${milliseconds / 1_000}s`;
  return milliseconds >= 1_000 && parseDuration(seconds) === milliseconds
    ? seconds
    : `${milliseconds}ms`;
}

/**
 * Reads the duration that a caller gave for an option.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function durationOption(option: string, value: Duration): number {
  const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
  if (milliseconds === undefined) {
    const hint =
      typeof value === 'number' && Number.isFinite(value)
        ? `; a bare number is ambiguous, write '${value}ms' or '${value}s'`
        : '';
    throw new RangeError(
      `${option}: ${shown(value)} is not a duration (a number and a unit: ms, s, m, h or d)${hint}`,
    );
  }
  return milliseconds;
}

/**
 * The same for what a timer is to wait.
 *
 * @throws {RangeError} also where it is longer than timers can wait.
 */
export function delayOption(option: string, value: Duration): number {
  const milliseconds = durationOption(option, value);
  if (milliseconds <= longestDelayMs) return milliseconds;
  throw new RangeError(
    `${option}: '${value}' is longer than timers can wait, ${longestDelayMs}ms (24.8d)`,
  );
}
