/**
 * When a server says that it wants to be asked again.
 *
 * @module
 */

import { parseRetryAfter } from '../core/retry-after.ts';

/** A server that asks for a longer pause than this, in milliseconds, has its answer passed on instead. */
export const longestServerDelayMs = 60_000;

/** What a server asks for. */
export interface ServerDelay {
  /** Milliseconds from now; `Infinity`: never. */
  readonly delayMs: number;
  /** A gRPC pushback is to be kept exactly; other wishes may be exceeded. */
  readonly isExact: boolean;
}

const pushbackHeader = 'grpc-retry-pushback-ms';

/** Fields that say when a limit is lifted, the first one first; `Retry-After` comes before all of them. */
const resetHeaders: readonly string[] = [
  'ratelimit-reset',
  'x-ratelimit-retry-after',
  'x-ratelimit-reset',
  'x-rate-limit-reset',
];

/** Seconds from here on are a moment and no delay (ky): 1 January 2024. */
const earliestEpochSeconds = Date.UTC(2024, 0, 1) / 1_000;

/**
 * Reads what a failed response asks for: a gRPC pushback with any status (gRFC A6), and with 413, 429 and 503
 * `Retry-After`, else the time that a `RateLimit` field gives, else the older reset fields (RA-04, RA-06).
 *
 * A malformed pushback means never, a malformed `Retry-After` nothing: the fields after it are not asked then.
 *
 * @param now Wall-clock time in milliseconds since the epoch.
 */
export function serverDelay({ status, headers }: Response, now: number): ServerDelay | undefined {
  const pushback = headers.get(pushbackHeader);
  if (pushback !== null) {
    const delayMs = /^\d{1,10}$/.test(pushback) ? Number(pushback) : Number.POSITIVE_INFINITY;
    return { delayMs, isExact: true };
  }
  if (status !== 413 && status !== 429 && status !== 503) return undefined;
  const delayMs = advisedDelay(headers, now);
  return delayMs === undefined ? undefined : { delayMs, isExact: false };
}

function advisedDelay(headers: Headers, now: number): number | undefined {
  const retryAfter = headers.get('retry-after');
  if (retryAfter !== null) return parseRetryAfter(retryAfter, now);
  const rateLimit = headers.get('ratelimit');
  // A stored response speaks of a moment that has passed.
  const isStored = Number(headers.get('age')) > 0;
  const reset = rateLimit === null || isStored ? undefined : parseRateLimitReset(rateLimit);
  if (reset !== undefined) return reset;
  for (const name of resetHeaders) {
    const value = headers.get(name);
    if (value !== null) return parseReset(value, now);
  }
  return undefined;
}

/** Seconds, or seconds since the epoch. */
function parseReset(value: string, now: number): number | undefined {
  if (!/^\d{1,15}$/.test(value)) return undefined;
  const seconds = Number(value);
  return seconds < earliestEpochSeconds ? seconds * 1_000 : Math.max(0, seconds * 1_000 - now);
}

const itemForm = /\s*(?:"(?:[^"\\]|\\["\\])*"|[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*)/y;
const parameterForm =
  /\s*;\s*([a-z*][a-z0-9_\-.*]*)(?:=(-?\d{1,15}(?:\.\d{1,3})?|"(?:[^"\\]|\\["\\])*"|:[A-Za-z0-9+/=]*:|\?[01]|[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*))?/y;

/**
 * Reads a `RateLimit` field (draft-ietf-httpapi-ratelimit-headers), a list of structured items.
 *
 * @returns Milliseconds until the last of the exhausted quotas (`r=0`) is full again; `undefined` where the field is
 * malformed or names no such quota.
 */
function parseRateLimitReset(field: string): number | undefined {
  let longest: number | undefined;
  for (let position = 0; ; position++) {
    itemForm.lastIndex = position;
    if (!itemForm.test(field)) return undefined;
    position = itemForm.lastIndex;
    let remaining: string | undefined;
    let reset: string | undefined;
    for (;;) {
      parameterForm.lastIndex = position;
      const found = parameterForm.exec(field);
      if (found === null) break;
      position = parameterForm.lastIndex;
      if (found[1] === 'r') remaining = found[2];
      if (found[1] === 't') reset = found[2];
    }
    if (remaining === '0' && reset !== undefined && /^\d+$/.test(reset)) {
      longest = Math.max(longest ?? 0, Number(reset) * 1_000);
    }
    while (field[position] === ' ' || field[position] === '\t') position += 1;
    if (position === field.length) return longest;
    if (field[position] !== ',') return undefined;
  }
}
