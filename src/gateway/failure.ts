/**
 * The answers for what went wrong behind a gateway.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import type { Middleware } from '../core/chain.ts';
import { outcomeOfError } from '../core/outcome.ts';
import { type RejectionReason, reject } from '../core/rejection.ts';

const reasons: Readonly<Record<string, readonly [RejectionReason, string]>> = {
  client_closed: ['client_closed', 'The client closed the connection.'],
  connect: ['upstream_connection_failed', 'The upstream could not be reached.'],
  reset: ['upstream_connection_lost', 'The upstream closed the connection before it answered.'],
  tls: ['upstream_connection_failed', 'No secure connection to the upstream came about.'],
  timeout: ['timeout', 'The upstream did not answer in time.'],
};

/**
 * Turns rejections into answers: a gateway answers every request. What was thrown stays inside: it may name hosts.
 *
 * @param onError Gets what no network explains: a bug in a middleware or in fetchmesh.
 *
 * @example
 * ```ts
 * const refused = async () => {
 *   throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } });
 * };
 * const app = inbound(refused, answerFailures(() => {}));
 * (await app(new Request('http://shop.example/'))).status; // 502
 * ```
 */
export function answerFailures(onError: (error: unknown) => void): Middleware {
  return (next) =>
    async function answerFailures(request, context) {
      try {
        return await next(request, context);
      } catch (error) {
        const outcome = outcomeOfError(error, signalOf(request, context));
        const known = reasons[outcome.reason];
        if (known !== undefined) return reject(known[0], { detail: known[1] });
        onError(error);
        return reject('internal_error', { detail: 'The gateway failed.' });
      }
    };
}
