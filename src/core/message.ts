/**
 * Requests and responses on their way through a chain: edited in the context, copied at most once, never left unread.
 *
 * @module
 */

import { abortSignal } from './abort.ts';
import { keepKnownBody } from './body-source.ts';
import { canonicalPathname } from './canonical-path.ts';
import { bindContext, type Context, contextOf, type Key, key } from './context.ts';
import { keepBrand } from './rejection.ts';

/** One edit of the outgoing headers, and the ones before it. */
interface HeaderEdit {
  readonly name: string;
  /** `undefined` removes. */
  readonly value: string | undefined;
  readonly append: boolean;
  readonly previous: HeaderEdit | undefined;
}

const headerEdits: Key<HeaderEdit | undefined> = key<HeaderEdit>('header edits');

/** The arguments for `fetch` or `new Request`. */
export interface Outgoing {
  /** A URL where the request goes elsewhere and need not be copied for it; all the rest of it is in `init` then. */
  readonly input: Request | string;
  /** `undefined` where nothing changed, so that the request passes by identity. */
  readonly init: RequestInit | undefined;
}

/** Where the outgoing request goes, if not to its own URL: an edit like those of headers. */
export interface Destination {
  readonly url: string;
  /** @param edits What else was changed. */
  outgoing(request: Request, context: Context, edits: RequestInit | undefined): Outgoing;
}

/** The {@link Destination} that was chosen. */
export const destination: Key<Destination | undefined> = key<Destination>('destination');

/** Members of a `RequestInit` that only one runtime knows, and that a `Request` therefore forgets. */
export const platformInit: Key<RequestInit | undefined> = key<RequestInit>('platform init');

/**
 * Sets a header of the outgoing request.
 *
 * The edit travels in the context and is applied once, at the end of the chain, together with all others: copying a
 * Request costs more than everything else in a chain. Middlewares further in see it through {@link outgoingHeaders}.
 *
 * @returns The context to call `next` with.
 */
export function setHeader(context: Context, name: string, value: string): Context {
  return edit(context, name, value, false);
}

/** Adds a value to a header of the outgoing request; see {@link setHeader}. */
export function appendHeader(context: Context, name: string, value: string): Context {
  return edit(context, name, value, true);
}

/** Takes a header off the outgoing request; see {@link setHeader}. */
export function removeHeader(context: Context, name: string): Context {
  return edit(context, name, undefined, false);
}

/** Whether some header was set, added or removed so far. */
export function hasHeaderEdits(context: Context): boolean {
  return context.get(headerEdits) !== undefined;
}

function edit(context: Context, name: string, value: string | undefined, append: boolean): Context {
  const previous = context.get(headerEdits);
  return context.with(headerEdits, { name: name.toLowerCase(), value, append, previous });
}

/**
 * The headers that the outgoing request will have, by lower-case name: the request's own with all edits applied.
 *
 * A record and not a `Headers`: every `fetch` takes it, and on Deno building it is ten times cheaper. Request headers
 * never repeat a name (`Set-Cookie` is a response header), so nothing is lost.
 */
export function outgoingHeaders(request: Request, context: Context): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  request.headers.forEach((value, name) => {
    headers[name] = value;
  });
  applyEdits(headers, context.get(headerEdits));
  return headers;
}

/**
 * One of {@link outgoingHeaders}.
 *
 * @param name In lower case.
 */
export function outgoingHeader(
  request: Request,
  context: Context,
  name: string,
): string | undefined {
  let later: string | undefined;
  const before = (value: string): string => (later === undefined ? value : `${value}, ${later}`);
  for (let edit = context.get(headerEdits); edit !== undefined; edit = edit.previous) {
    if (edit.name !== name) continue;
    if (edit.value === undefined) return later;
    later = before(edit.value);
    if (!edit.append) return later;
  }
  const own = request.headers.get(name);
  return own === null ? later : before(own);
}

function applyEdits(headers: Record<string, string>, last: HeaderEdit | undefined): void {
  if (last === undefined) return;
  applyEdits(headers, last.previous);
  const { name, value, append } = last;
  const present = headers[name];
  if (value === undefined) delete headers[name];
  else headers[name] = append && present !== undefined ? `${present}, ${value}` : value;
}

/**
 * What the end of a chain hands over beside the request: edited headers and the policies' signal.
 *
 * @returns `undefined` where nothing changed, so that the request passes by identity.
 */
export function outgoingInit(request: Request, context: Context): RequestInit | undefined {
  const signal = context.get(abortSignal);
  const edited = hasHeaderEdits(context);
  const platform = context.get(platformInit);
  if (signal === undefined && !edited && platform === undefined) return undefined;
  const init: RequestInit = { ...platform };
  if (signal !== undefined) init.signal = signal;
  if (edited) init.headers = outgoingHeaders(request, context);
  return init;
}

/** The request with all that was asked for in the context. */
export function outgoing(request: Request, context: Context): Outgoing {
  const init = outgoingInit(request, context);
  return context.get(destination)?.outgoing(request, context, init) ?? { input: request, init };
}

/** The request that these arguments come to; headers among them are a record, as `outgoingHeaders` makes it. */
export function requestOf({ input, init = {} }: Outgoing): Request {
  const made = new Request(input, init);
  // Bun takes headers that are none for headers that were not given, and would keep those that were taken off.
  if (init.headers && !Object.keys(init.headers)[0]) {
    for (const name of [...made.headers.keys()]) made.headers.delete(name);
  }
  return made;
}

/** What concerns one request, and none that it causes. */
const ofOneRequest: readonly Key<unknown>[] = [
  headerEdits,
  platformInit,
  destination,
  canonicalPathname,
];

/** A context whose request, not made yet, starts without the edits made to this one and goes to its own URL. */
export function withoutEdits(context: Context): Context {
  let clean = context;
  for (const slot of ofOneRequest) {
    if (context.get(slot) !== undefined) clean = clean.with(slot, undefined);
  }
  return clean;
}

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
  const copy = new Request(request);
  hold(copy, request.signal);
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
  void request.redirect;
  return request.body;
}

/**
 * Gives up a message that nobody will read: cancels its body, so that the connection is free again.
 *
 * On Workers a handful of unread bodies is enough to stall the rest of the request. A body that someone reads already is
 * left to its reader.
 */
export function discard(message: Request | Response): void {
  const { body } = message;
  if (body !== null && !body.locked) body.cancel().catch(ignore);
}

/** Made at the first use, as in `abort`. */
let dropped: FinalizationRegistry<() => void> | undefined;

/**
 * A response that tells when its body is over: read to the end, failed, cancelled, or dropped unread and collected.
 *
 * The same object, and told at once, where there is no body.
 *
 * @param onEnd Called once. Must not throw, nor hold the response.
 */
export function onBodyEnd(response: Response, onEnd: () => void): Response {
  const { status, statusText, headers, body } = response;
  if (body === null || body.locked || status < 200 || status > 599) {
    onEnd();
    return response;
  }
  const reader = body.getReader();
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    onEnd();
  };
  // Also where nobody is reading when it fails.
  reader.closed.then(end, end);
  const watched = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await reader.read();
          if (!done) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  if (typeof FinalizationRegistry === 'function') {
    dropped ??= new FinalizationRegistry((tell) => tell());
    dropped.register(watched, () => {
      end();
      reader.cancel().catch(ignore);
    });
  }
  return keepBrand(response, new Response(watched, { status, statusText, headers }));
}

/** For promises whose outcome no longer matters to anyone. */
export function ignore(): void {}
