/**
 * Sending a request on to the endpoint that was picked for it, as a reverse proxy does.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import { peerAddress } from '../core/address.ts';
import type { Next } from '../core/chain.ts';
import { clientScheme } from '../core/client-scheme.ts';
import type { Context } from '../core/context.ts';
import { discard } from '../core/discard.ts';
import { endpoint, targetOf } from '../core/endpoint.ts';
import { exchange } from '../core/exchange.ts';
import { isFieldName } from '../core/header-field.ts';
import { dropHopByHop, dropNominated, hopByHop } from '../core/hop-by-hop.ts';
import { outgoingHeaders } from '../core/outgoing.ts';
import { reject } from '../core/rejection.ts';
import { editResponse, ownResponse } from '../core/response-headers.ts';
import { isDecoded, type Transport } from '../core/transport.ts';
import { urlOf } from '../core/url.ts';
import { unreadable } from './failure.ts';

/**
 * The end of a gateway's chain: sends the request to its endpoint and hands back what that answers.
 *
 * Redirects go to the client; bodies stream both ways. Compression is not asked of the upstream, since nearly every `fetch`
 * would undo it. The client's address is added to `x-forwarded-for`.
 */
export function forward(transport: Transport): Next {
  return async function forward(request, context) {
    const record = context.get(exchange);
    if (record !== undefined) record.attempts += 1;
    const { method, body } = request;
    const headers = forwardedHeaders(request, context);
    // A GET may come with a body, but Fetch has none for it: its length must not go on without it.
    if (body === null) delete headers['content-length'];
    const init = {
      method,
      headers,
      body: body === null ? undefined : body,
      // `duplex` is unknown to the types of the DOM, and demanded by Node.
      duplex: body === null ? undefined : 'half',
      redirect: 'manual',
      signal: signalOf(request, context),
    };
    const send = context.get(endpoint)?.send ?? transport;
    const response = await send(targetOf(request, context), init as RequestInit);
    if (response.status < 200) {
      // An upgrade that nobody asked for, on Deno, or no status at all: no server can hand that on.
      discard(response);
      return reject('upstream_error', { detail: unreadable });
    }
    ownResponse(response, context);
    return forClient(response, context);
  };
}

function forwardedHeaders(request: Request, context: Context): Record<string, string> {
  const headers = outgoingHeaders(request, context, dropNominated);
  dropHopByHop(headers);
  const url = urlOf(request);
  const peer = context.get(peerAddress);
  if (peer !== undefined) {
    const before = headers['x-forwarded-for'];
    headers['x-forwarded-for'] = before === undefined ? peer : `${before}, ${peer}`;
  }
  headers['x-forwarded-host'] = headers['host'] ?? url.host;
  headers['x-forwarded-proto'] = context.get(clientScheme) ?? url.protocol.slice(0, -1);
  // The upstream's own: each runtime's `fetch` makes it from the URL, and only Bun would take another.
  delete headers['host'];
  headers['accept-encoding'] = 'identity';
  return headers;
}

/** Takes off what concerned the connection to the upstream; the same object where there is nothing to take off. */
function forClient(response: Response, context: Context): Response {
  const { headers } = response;
  const decoded = isDecoded(response);
  const nominated = headers.get('connection');
  if (!decoded && nominated === null && !hopByHop.some((name) => headers.has(name))) {
    return response;
  }
  return editResponse(response, context, (kept) => {
    for (const written of nominated?.split(',') ?? []) {
      const name = written.trim();
      // `Headers` throws when asked for what no header can be called.
      if (isFieldName(name)) kept.delete(name);
    }
    for (const name of hopByHop) kept.delete(name);
    if (decoded) {
      // What the header says of the body is no longer true.
      kept.delete('content-encoding');
      kept.delete('content-length');
    }
  });
}
