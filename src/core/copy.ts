/**
 * Copies of a request that hear of an abort for as long as there is somebody to leave, and are garbage afterwards.
 *
 * @module
 */

import { keepAbortCallback } from './abort-callbacks.ts';
import { isBun, isNode } from './runtime.ts';

/** What a copy of a request follows in place of the signal that it was made from. */
export interface Link {
  readonly signal: AbortSignal;
  /** To be called with the copy. */
  hold(copy: Request): void;
}

/**
 * Lets a copy of a request follow a signal for as long as that is there, where it would not by itself.
 *
 * Node cuts the link once the copy is collected, and a response that streams for hours, watching `request.signal`, would never
 * hear that its client left: the signal has to hold the copy. But what a copy was made from Node holds until the copy is
 * collected: if it led back to the copy, neither ever would. So the copy is made from a signal that leads nowhere.
 *
 * @param signal Of a request, or what limits it.
 * @returns `undefined` where the copy is to be made from the signal itself.
 */
export function linkTo(signal: AbortSignal): Link | undefined {
  if (!isNode || signal.aborted) return undefined;
  const link = new AbortController();
  return {
    signal: link.signal,
    hold: (copy) =>
      keepAbortCallback(signal, () => {
        if (!copy.signal.aborted) link.abort(signal.reason);
      }),
  };
}

/**
 * A copy, as `new Request` makes it, to which the body moves.
 *
 * Of srvx's requests on Node only the parts are taken: to be copied by the platform, they would make true ones of themselves,
 * which costs as much as the copy. Bun would tee the body: what the copy reads is kept for the original then, all of it, and
 * whoever cancels the copy waits for ever.
 *
 * @param isAtHand Whether the body is text or bytes, of which Bun makes another copy, and tells how long it is.
 */
export function copyOf(input: Request | string, init?: RequestInit, isAtHand = false): Request {
  if (typeof input === 'string') return new Request(input, init);
  if (isNode && 'runtime' in input) {
    const { url, method, headers, body, signal } = input;
    const parts = { method, headers, body, signal, duplex: 'half' };
    return new Request(url, { ...parts, ...init } as RequestInit);
  }
  if (isBun && !isAtHand && init?.body === undefined && input.body !== null) {
    // With them, since Bun takes the type off together with the body.
    const { headers, body } = input;
    return new Request(input, { headers, body, duplex: 'half', ...init } as RequestInit);
  }
  return new Request(input, init);
}
