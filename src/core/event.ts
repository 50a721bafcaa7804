/**
 * What policies tell about a request while it is under way: retries, skipped replays, transitions.
 *
 * @module
 */

import { type Context, type Key, key } from './context.ts';

/** Something that a policy did. */
export interface PolicyEvent {
  /** Snake case, such as `retry` or `replay_skipped`. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** It says something of the request as a whole: spans bear an attribute of this name, `true`. */
  readonly isMark?: true;
}

/** Gets the events of one request. Must not throw. */
export type PolicyEventListener = (event: PolicyEvent) => void;

/** Who listens to the events of this request: tracing puts them on the span. */
export const eventListener: Key<PolicyEventListener | undefined> =
  key<PolicyEventListener>('event listener');

/**
 * Tells the request's listener, if there is one.
 *
 * @param kind Whether it is one event among others, or a mark on the request as a whole.
 */
export function emit(
  context: Context,
  name: string,
  attributes: PolicyEvent['attributes'] = {},
  kind: 'event' | 'mark' = 'event',
): void {
  const listener = context.get(eventListener);
  listener?.(kind === 'mark' ? { name, attributes, isMark: true } : { name, attributes });
}

/**
 * Calls somebody back who decides nothing, such as a log: what it throws is lost, and what its promise rejects with too, which
 * would end a process of Node.
 */
export function inform(call: () => unknown): void {
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch(() => {});
  } catch {
    // Its trouble is not the request's.
  }
}

/** Which try this is, counted from 1; retries and hedges set it for the layers further in. */
export const attemptNumber: Key<number> = key('attempt number', 1);
