/**
 * What sends requests to upstreams.
 *
 * @module
 */

/** What sends a request: the runtime's `fetch`, or anything that can be called like it. */
export type Transport = (url: string, init: RequestInit) => Promise<Response>;

/**
 * On a response whose body is as the upstream has sent it. Every `fetch` undoes an encoding that nobody asked for, and leaves the
 * header; but for Deno's, which leaves the body too.
 */
export const undecoded: unique symbol = Symbol('fetchmesh.undecoded');

interface MarkedResponse extends Response {
  readonly [undecoded]?: true;
}

const decodes = !('Deno' in globalThis);

/** Whether the body of a response is no longer what its `content-encoding` says. */
export function isDecoded(response: Response): boolean {
  const isUntouched = (response as MarkedResponse)[undecoded] === true;
  return decodes && !isUntouched && response.headers.has('content-encoding');
}
