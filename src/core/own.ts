/**
 * Copies of a request that a layer may edit in place, and what must not be lost by copying.
 *
 * @module
 */

import { keepKnownBody, knownBodyOf } from './body-source.ts';
import { bindContext, contextOf } from './context.ts';
import { copyOf, linkTo } from './copy.ts';

// A property and no WeakMap, which keeps the garbage collector busy.
const held = Symbol('fetchmesh.held');

interface HoldingSignal extends AbortSignal {
  [held]?: Request;
}

/**
 * Keeps a request for as long as the signal that it was made to follow. Node cuts the link once the request is collected,
 * and a response that streams for hours, watching `request.signal`, would never hear that its client left.
 */
export function hold(request: Request, signal: AbortSignal): void {
  (signal as HoldingSignal)[held] = request;
}

const owned = new WeakSet<Request>();

/**
 * A request whose headers may be edited in place: the given one where this package made it, else a copy, once.
 *
 * The body moves to the copy; the context that {@link contextOf} finds goes with it.
 *
 * @throws {TypeError} where the body has been read already.
 *
 * @example
 * ```ts
 * const request = own(new Request('http://shop.example/'));
 * request.headers.set('x-region', 'eu');
 * own(request) === request; // true
 * ```
 */
export function own(request: Request): Request {
  if (owned.has(request)) return request;
  refuseUsed(request);
  const link = linkTo(request.signal);
  const copy = copyOf(request, link && { signal: link.signal }, knownBodyOf(request) !== undefined);
  link?.hold(copy);
  const context = contextOf(request);
  if (context !== undefined) bindContext(copy, context);
  keepKnownBody(request, copy);
  owned.add(copy);
  return copy;
}

/** Throws as `new Request` does, but for Bun, where the copy of a request that was read has an empty body. */
export function refuseUsed(request: Request): void {
  if (request.bodyUsed) throw new TypeError('The body of the request has been read already');
}

/**
 * The body of a request that is to be copied after its body was taken.
 *
 * srvx hands over requests that become true ones when they are first copied, which fails once the body has a reader. Asking
 * for a member that only a true request has makes them one while that can be done.
 */
export function bodyOf(request: Request): Request['body'] {
  // Where there is none to lose, making it a true one would cost more than all else that is done for it.
  if (request.body === null) return null;
  void request.redirect;
  return request.body;
}
