/**
 * What goes out at the end of a chain: the request, edited in the context and copied at most once.
 *
 * @module
 */

import { abortSignal } from './abort.ts';
import { knownBodyOf } from './body-source.ts';
import { canonicalPathname } from './canonical-path.ts';
import { type Context, type Key, key } from './context.ts';
import { copyOf } from './copy.ts';

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

/** Tells by its name, in lower case, whether a header is meant. */
export type HeaderFilter = (name: string) => boolean;

/** Of the headers that came with the request, those that go no further. */
const unwantedHeaders: Key<HeaderFilter | undefined> = key<HeaderFilter>('unwanted headers');

/**
 * Takes headers that came with the request off the outgoing one; what layers have set of the same name stays. A request that a
 * layer hands on in its place is taken for a copy of it: what is to be added is set with {@link setHeader}.
 *
 * Asked when the headers are copied, and not before: a pass of its own over them costs more than most layers.
 */
export function dropSent(context: Context, isUnwanted: HeaderFilter): Context {
  const before = context.get(unwantedHeaders);
  return context.with(
    unwantedHeaders,
    before === undefined ? isUnwanted : (name) => before(name) || isUnwanted(name),
  );
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
 *
 * @param clean Takes off what goes no further of the request's own, before the edits.
 */
export function outgoingHeaders(
  request: Request,
  context: Context,
  clean?: (headers: Record<string, string>) => void,
): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  const isUnwanted = context.get(unwantedHeaders);
  request.headers.forEach((value, name) => {
    if (isUnwanted === undefined || !isUnwanted(name)) headers[name] = value;
  });
  clean?.(headers);
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
  const own = context.get(unwantedHeaders)?.(name) ? null : request.headers.get(name);
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
  const edited = hasHeaderEdits(context) || bringsUnwanted(request, context);
  const platform = context.get(platformInit);
  if (signal === undefined && !edited && platform === undefined) return undefined;
  const init: RequestInit = { ...platform };
  if (signal !== undefined) init.signal = signal;
  if (edited) init.headers = outgoingHeaders(request, context);
  return init;
}

function bringsUnwanted(request: Request, context: Context): boolean {
  const isUnwanted = context.get(unwantedHeaders);
  let brings = false;
  // On Deno a hundredth of what an iterator takes.
  if (isUnwanted) {
    request.headers.forEach((_, name) => {
      brings ||= isUnwanted(name);
    });
  }
  return brings;
}

/** The request with all that was asked for in the context. */
export function outgoing(request: Request, context: Context): Outgoing {
  const init = outgoingInit(request, context);
  return context.get(destination)?.outgoing(request, context, init) ?? { input: request, init };
}

/** The request that these arguments come to; headers among them are a record, as `outgoingHeaders` makes it. */
export function requestOf({ input, init = {} }: Outgoing): Request {
  const isAtHand = typeof input !== 'string' && knownBodyOf(input) !== undefined;
  const made = copyOf(input, init, isAtHand);
  // Bun takes headers that are none for headers that were not given, and would keep those that were taken off.
  if (init.headers && !Object.keys(init.headers)[0]) {
    for (const name of [...made.headers.keys()]) made.headers.delete(name);
  }
  return made;
}

/** What concerns one request, and none that it causes. */
const ofOneRequest: readonly Key<unknown>[] = [
  headerEdits,
  unwantedHeaders,
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
