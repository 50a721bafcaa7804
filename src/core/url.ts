/**
 * The URL of a request, parsed once.
 *
 * @module
 */

// A property and no WeakMap: this is asked for several times for each request.
const parsed = Symbol('fetchmesh.url');

interface ParsedRequest extends Request {
  [parsed]?: URL;
}

/** The parsed `request.url`, shared by all who ask: not to be changed. */
export function urlOf(request: Request): Readonly<URL> {
  const holder = request as ParsedRequest;
  holder[parsed] ??= new URL(request.url);
  return holder[parsed];
}
