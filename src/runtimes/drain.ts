/**
 * Ending without losing a request.
 *
 * @module
 */

import type { Handler } from '../core/chain.ts';
import { withResponseHeaders } from '../core/response-headers.ts';

/** Counts the requests under way, from their arrival to the last byte of their answer's headers. */
export interface Drain {
  /** Wraps the handler that is served. */
  wrap(handler: Handler): Handler;
  /** Whether the end was announced: readiness answers 503 from then on. */
  readonly draining: boolean;
  /** Requests under way. */
  readonly active: number;
  /** Announces the end: answers carry `connection: close` from then on. */
  begin(): void;
}

/** Makes a {@link Drain}. */
export function createDrain(): Drain {
  let draining = false;
  let active = 0;
  return {
    get draining() {
      return draining;
    },
    get active() {
      return active;
    },
    begin() {
      draining = true;
    },
    wrap: (handler) =>
      async function drain(request, ...platform) {
        active += 1;
        try {
          const response = await handler(request, ...platform);
          return draining ? closing(response) : response;
        } finally {
          active -= 1;
        }
      },
  };
}

/** Keep-alive connections would hold the server open, and die under a client's next request. */
function closing(response: Response): Response {
  return withResponseHeaders(response, (headers) => headers.set('connection', 'close'));
}
