/**
 * The answers for what went wrong behind a gateway.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import { call, type Middleware } from '../core/chain.ts';
import { inform } from '../core/event.ts';
import { outcomeOfError } from '../core/outcome.ts';
import { type RejectionReason, reject } from '../core/rejection.ts';

/** What is said of an answer that breaks the protocol. */
export const unreadable = 'What the upstream answered cannot be read as HTTP.';

type Answer = readonly [RejectionReason, string];

const reasons: Readonly<Record<string, Answer>> = {
  client_closed: ['client_closed', 'The client closed the connection.'],
  connect: ['upstream_connection_failed', 'The upstream could not be reached.'],
  reset: ['upstream_connection_lost', 'The upstream closed the connection before it answered.'],
  tls: ['upstream_connection_failed', 'No secure connection to the upstream came about.'],
  timeout: ['timeout', 'The upstream did not answer in time.'],
};

/** What no runtime tells apart by a kind of its own, and what it says of it. */
const faults: readonly (readonly [RegExp, Answer])[] = [
  [
    // In this order: codes of Node (undici, llhttp), Bun and, the last one, `nodeTransport`, messages of Node and Deno.
    /^(?:UND_ERR_HEADERS_OVERFLOW|HPE_\w+|ZlibError|InvalidContentLength|Malformed_HTTP_Response|UnrequestedUpgrade)$|^Response does not match the HTTP|client error \(SendRequest\): (?:invalid |message head is too large)/m,
    ['upstream_error', unreadable],
  ],
  [
    // Node and Deno; Bun connects. Rules that have such a port are refused, but not all come from a file.
    /^bad port$|^Fetch failed: Requests to port \d+ are blocked/m,
    ['upstream_connection_failed', 'The upstream has a port that Fetch does not connect to.'],
  ],
];

function faultOf(error: unknown): Answer | undefined {
  if (!(error instanceof TypeError)) return undefined;
  const { code, message, cause } = error as TypeError & { code?: unknown };
  const { code: causeCode, message: causeMessage } = (cause ?? {}) as Record<string, unknown>;
  const said = [code, message, causeCode, causeMessage].join('\n');
  return faults.find(([pattern]) => pattern.test(said))?.[1];
}

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
    function answerFailures(request, context) {
      return call(next, request, context).catch((error) => {
        const outcome = outcomeOfError(error, signalOf(request, context));
        const isAborted = outcome.reason === 'client_closed' || outcome.reason === 'timeout';
        const known = (isAborted ? undefined : faultOf(error)) ?? reasons[outcome.reason];
        if (known !== undefined) return reject(known[0], { detail: known[1] });
        inform(() => onError(error));
        return reject('internal_error', { detail: 'The gateway failed.' });
      });
    };
}
