/**
 * Moments as people write them: a date, or a date, a time and a zone.
 *
 * @module
 */

const grammar = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/**
 * Reads a moment in the profile of RFC 3339; a date alone is its first instant in UTC.
 *
 * @returns Milliseconds since the epoch, or `undefined` where the text is no moment. A time without a zone is none: it
 * would be another one on each machine.
 *
 * @example
 * ```ts
 * parseInstant('2025-01-01T01:00:00+01:00'); // 1_735_689_600_000
 * parseInstant('2025-01-01T01:00:00'); // undefined
 * ```
 */
export function parseInstant(text: string): number | undefined {
  if (!grammar.test(text)) return undefined;
  const day = text.slice(0, 10);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // Some runtimes take February 30 for March 2.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) {
    return undefined;
  }
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
}
