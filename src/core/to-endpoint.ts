/**
 * Sending a request to the endpoint that was picked for it, where what comes next knows nothing of endpoints.
 *
 * @module
 */

import { abortSignal, signalOf } from './abort.ts';
import type { Next } from './chain.ts';
import { endpoint, targetOf } from './endpoint.ts';

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
