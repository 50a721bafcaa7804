/**
 * Which try of a request this is.
 *
 * @module
 */

import type { Context } from './context.ts';
import { attemptNumber } from './event.ts';
import { setHeader } from './outgoing.ts';

/** Bears the number of the try, from the second one on. */
export const attemptCountHeader = 'x-fetchmesh-attempt-count';

/** The context of the nth try, counted from 1. From the second on, the request says which it is (RT-13). */
export function forAttempt(context: Context, attempt: number): Context {
  if (attempt === 1) return context;
  return setHeader(context.with(attemptNumber, attempt), attemptCountHeader, String(attempt));
}
