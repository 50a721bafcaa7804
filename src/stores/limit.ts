/**
 * Limits, compared and named.
 *
 * @module
 */

import type { Limit } from './contract.ts';

/** Whether two limits mean the same. */
export function sameLimit(one: Limit, other: Limit): boolean {
  return (
    one === other ||
    (one.quota === other.quota && one.windowMs === other.windowMs && one.burst === other.burst)
  );
}

/** A name under which the callers of one key and one limit meet. */
export function nameOf(key: string, { quota, windowMs, burst }: Limit): string {
  return `${quota}/${windowMs}/${burst}:${key}`;
}
