/**
 * Remembering what a body was made of, so that it can be made again without being recorded.
 *
 * @module
 */

import { copyOf } from './copy.ts';
import { encodeForm } from './form.ts';

/** What a body can be made of; a function makes a fresh one for each try. */
export type BodySource = BodyInit | (() => BodyInit);

/** The options of a {@link Fetch}: those of `fetch`, with a body that may be a function. */
export interface FetchInit extends Omit<RequestInit, 'body'> {
  /** A function is called once for each try: for bodies that cannot be read twice and are too long to be kept. */
  readonly body?: BodySource | null;
}

/** How to make the body of a request again. */
export interface KnownBody {
  /** Whether the request's own body is what `make` makes, byte by byte. */
  readonly isAlike: boolean;
  /** @param type The request's `Content-Type`. */
  make(type: string | null): BodyInit;
}

const known = new WeakMap<Request, KnownBody>();

/** Bytes are copied, since the caller may write over them; more than this, in bytes, is not. */
const mostCopied = 262_144;

/** Makes a request as `new Request` does, and remembers what its body is made of. */
export function requestFrom(input: RequestInfo | URL, init: FetchInit | undefined): Request {
  const source = init?.body;
  if (typeof source === 'function') {
    const request = new Request(input, { ...init, body: source(), ...halfDuplex });
    known.set(request, { isAlike: true, make: (type) => reproducible(source(), type) });
    return request;
  }
  const request =
    input instanceof Request
      ? copyOf(input, init as RequestInit | undefined, known.has(input))
      : new Request(input, init as RequestInit | undefined);
  const body = source && knownBody(source);
  if (body) known.set(request, body);
  return request;
}

/** How to make the body of this request again, where that is known. */
export function knownBodyOf(request: Request): KnownBody | undefined {
  return known.get(request);
}

/** A copy has the body of the request that it was made from. */
export function keepKnownBody(from: Request, to: Request): void {
  const body = known.get(from);
  if (body !== undefined) known.set(to, body);
}

/** Node demands it of streams, and the types of the DOM do not know it. */
const halfDuplex = { duplex: 'half' } as RequestInit;

function knownBody(source: BodyInit): KnownBody | undefined {
  if (typeof source === 'string' || source instanceof Blob) {
    return { isAlike: true, make: () => source };
  }
  if (source instanceof URLSearchParams) {
    const text = source.toString();
    return { isAlike: true, make: () => text };
  }
  if (source instanceof FormData) {
    const entries = [...source];
    return { isAlike: false, make: (type) => encodeForm(entries, type) };
  }
  const isView = ArrayBuffer.isView(source);
  if (!isView && !(source instanceof ArrayBuffer)) return undefined;
  if (source.byteLength > mostCopied) return undefined;
  const bytes = isView
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice()
    : source.slice(0);
  return { isAlike: true, make: () => bytes };
}

/** A form draws its boundary by chance, and the request's header names the first one. */
function reproducible(body: BodyInit, type: string | null): BodyInit {
  return body instanceof FormData ? encodeForm([...body], type) : body;
}
