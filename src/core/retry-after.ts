/**
 * The `Retry-After` field of RFC 9110 §10.2.3.
 *
 * @module
 */

const months: readonly string[] = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
];

const time = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})';
const month = `(?<month>${months.join('|')})`;

/** The three forms of an HTTP date (RFC 9110 §5.6.7): IMF-fixdate, RFC 850, asctime. */
const dateForms: readonly RegExp[] = [
  new RegExp(
    `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d{2}) ${month} (?<year>\\d{4}) ${time} GMT$`,
  ),
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d{2})-${month}-(?<year>\\d{2}) ${time} GMT$`,
  ),
  new RegExp(
    `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`,
  ),
];

/**
 * Reads a `Retry-After` value: whole seconds or an HTTP date.
 *
 * @param value The field's value.
 * @param now Wall-clock time in milliseconds since the epoch.
 * @returns Milliseconds from now, 0 for a date that has passed (RA-03), `undefined` where the value is malformed (RA-01,
 * RA-02).
 *
 * @example
 * ```ts
 * parseRetryAfter('120', Date.now()); // 120_000
 * parseRetryAfter('1.5', Date.now()); // undefined
 * ```
 */
export function parseRetryAfter(value: string, now: number): number | undefined {
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const at = parseHttpDate(value, now);
  return at === undefined ? undefined : Math.max(0, at - now);
}

function parseHttpDate(value: string, now: number): number | undefined {
  // Longer than any form: spares the expressions whatever a server sends.
  if (value.length > 40) return undefined;
  for (const form of dateForms) {
    const parts = form.exec(value)?.groups as Record<string, string> | undefined;
    if (parts === undefined) continue;
    const { day, hour, minute, second } = parts;
    const year = fullYear(parts['year'] as string, now);
    const monthIndex = months.indexOf(parts['month'] as string);
    const midnight = Date.UTC(year, monthIndex, Number(day));
    // 31 February becomes 3 March where it is not refused; a leap second is second 60.
    if (new Date(midnight).getUTCDate() !== Number(day)) return undefined;
    if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
    return midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
  }
  return undefined;
}

/** RFC 9110: a two-digit year that seems to be more than 50 years ahead lies in the past. */
function fullYear(year: string, now: number): number {
  if (year.length === 4) return Number(year);
  const thisYear = new Date(now).getUTCFullYear();
  const inThisCentury = thisYear - (thisYear % 100) + Number(year);
  return inThisCentury > thisYear + 50 ? inThisCentury - 100 : inThisCentury;
}
