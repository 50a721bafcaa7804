/**
 * Breakers that hear of each other too late for it to matter.
 *
 * @module
 */

import { formatDuration } from '../core/duration.ts';
import type { Rules } from '../rules/model.ts';

/** So many routes are named. */
const mostNames = 3;

/**
 * What is to be said of breakers that are open for less time than news of it may take: an isolate that hears of it then has
 * nothing left to keep closed.
 *
 * @param staleMs How old what the store answers may be, in milliseconds.
 * @returns One line; `undefined` where there is nothing to say.
 */
export function lateVotes({ routes }: Rules, staleMs: number): string | undefined {
  const late = routes.filter(
    ({ breaker }) => breaker?.mode === 'on' && breaker.openForMs < staleMs,
  );
  if (late.length === 0) return undefined;
  const names = late.slice(0, mostNames).map(({ name }) => `'${name}'`);
  const others = late.length - names.length;
  const all = [...names, ...(others > 0 ? [`${others} more`] : [])].join(', ');
  const [stale, better] = [staleMs, 2 * staleMs].map(formatDuration);
  return `others may hear of an open breaker ${stale} later, when those of ${all} are closed again; write open_for: ${better}`;
}
