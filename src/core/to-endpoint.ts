/**
 * Sending a request to the endpoint that was picked for it, where what comes next knows nothing of endpoints.
 *
 * @module
 */

import { abortSignal, signalOf } from './abort.ts';
import type { Next } from './chain.ts';
import type { Context } from './context.ts';
import { endpoint, targetOf } from './endpoint.ts';
import { type Destination, destination, type Outgoing, outgoingHeaders } from './outgoing.ts';

/** Points the request at the endpoint in the context, if there is one; the layers further in see an ordinary request. */
export function toEndpoint(next: Next): Next {
  return function toEndpoint(request, context) {
    const chosen = context.get(endpoint);
    if (chosen === undefined) return next(request, context);
    const moved = new Request(targetOf(request, context), request);
    // On Node a copy follows the signal of its original only for as long as the copy is there.
    const signal = signalOf(request, context);
    return next(moved, context.with(endpoint, undefined).with(abortSignal, signal));
  };
}

/** The same without a copy: the layers further in see the request as it came, and the end of the chain moves it. */
export function towardsEndpoint(next: Next): Next {
  return function towardsEndpoint(request, context) {
    if (context.get(endpoint) === undefined) return next(request, context);
    const elsewhere = new Elsewhere(targetOf(request, context));
    return next(request, context.with(endpoint, undefined).with(destination, elsewhere));
  };
}

/** What `new Request(url, request)` takes over, less headers, body and signal. */
const members = [
  'method',
  'redirect',
  'cache',
  'credentials',
  'integrity',
  'keepalive',
  'mode',
  'referrer',
  'referrerPolicy',
  // Of Workers: what they know of the caller's connection.
  'cf',
] as const;

class Elsewhere implements Destination {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  outgoing(request: Request, context: Context, edits: RequestInit | undefined): Outgoing {
    const { url } = this;
    // On Node a copy follows the signal of its original only for as long as the copy is there.
    const signal = signalOf(request, context);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      // How a body moves, and whether its length is known, each platform knows best.
      return { input: new Request(url, request), init: { ...edits, signal } };
    }
    const init: Record<string, unknown> = {};
    for (const member of members) {
      const value = (request as unknown as Record<string, unknown>)[member];
      if (value !== undefined) init[member] = value;
    }
    return {
      input: url,
      init: { ...init, headers: outgoingHeaders(request, context), ...edits, signal },
    };
  }
}
