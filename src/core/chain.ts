/**
 * The algebra: a middleware wraps a handler, a chain is a middleware, and both sides of a call are a handler.
 *
 * @module
 */

import type { FetchInit } from './body-source.ts';
import type { Context } from './context.ts';
import { orderProblems } from './order.ts';

/** A step inside a chain. The context is required, so that no layer can drop the deadline or the trace by accident. */
export type Next = (request: Request, context: Context) => Promise<Response>;

/** Calls a step. One that throws or answers at once, such as a middleware of one's own that is not `async`, is like any other. */
export function call(next: Next, request: Request, context: Context): Promise<Response> {
  try {
    // A promise is handed on as it is.
    return Promise.resolve(next(request, context));
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Wraps a step in another one, which may call it never, once or many times, one after the other or at once, and may hand
 * it another request. Headers that it adds it sets with `setHeader`: those of another request are taken for the client's.
 *
 * A middleware's state belongs to the middleware, never to `(next) => …`: that function may run any number of times.
 */
export type Middleware = (next: Next) => Next;

/**
 * A chain seen from outside: a request is enough. Fits `export default { fetch }` of Workers, Bun and Deno, whose second
 * arguments (`env`, `server`, `info`) are handed through to the app.
 */
// biome-ignore lint/suspicious/noExplicitAny: only `any[]` is assignable to what each of the four platforms passes.
export type Handler = (request: Request, ...platform: any[]) => Promise<Response>;

/** Anything that answers requests: a function, or an object with `fetch` (Hono, itty-router, a service binding). */
export type App =
  // biome-ignore lint/suspicious/noExplicitAny: as for Handler.
  | ((request: Request, ...platform: any[]) => Response | Promise<Response>)
  // biome-ignore lint/suspicious/noExplicitAny: as for Handler.
  | { fetch(request: Request, ...platform: any[]): Response | Promise<Response> };

/**
 * A drop-in `fetch` that takes a context as well, to carry on the trace and the deadline of the request being served; and
 * as body also a function, which is called once for each try.
 */
export interface Fetch {
  (input: RequestInfo | URL, init?: FetchInit, context?: Context): Promise<Response>;
  (request: Request, context: Context): Promise<Response>;
}

// A property and no WeakMap: rules of many routes make tens of thousands of layers, and the garbage collector goes through a
// WeakMap of them again and again.
const layers: unique symbol = Symbol('fetchmesh.layers');

interface Layered {
  [layers]?: readonly string[];
}

/** Keeps the layers that a function was built from, for {@link describe}. */
export function keepLayers<T extends object>(built: T & Layered, labels: readonly string[]): T {
  built[layers] = labels;
  return built;
}

/**
 * Names a middleware for {@link describe}: its name and what was configured, never a secret.
 *
 * @returns The same middleware.
 *
 * @example
 * ```ts
 * const shout = layer('shout', (next) => async (request, context) => {
 *   const response = await next(request, context);
 *   return new Response((await response.text()).toUpperCase(), response);
 * });
 * describe(compose(shout)); // 'shout'
 * ```
 */
export function layer(label: string, middleware: Middleware): Middleware {
  return keepLayers(middleware, [label]);
}

/** The layers that a function was built from. */
export function layersOf(middleware: Middleware): readonly string[] {
  return (middleware as Layered)[layers] ?? [middleware.name || 'anonymous middleware'];
}

/**
 * Joins middlewares into one; the first is the outermost. Folded once, here, and not for each request.
 *
 * @example
 * ```ts
 * const tag = (text: string): Middleware => (next) => async (request, context) => {
 *   const response = await next(request, context);
 *   return new Response(`${text}(${await response.text()})`, response);
 * };
 * const app = inbound(() => new Response('app'), compose(tag('a'), tag('b')));
 * await (await app(new Request('http://shop.example/'))).text(); // 'a(b(app))'
 * ```
 */
export function compose(...middlewares: Middleware[]): Middleware {
  for (const [index, middleware] of middlewares.entries()) {
    if (typeof middleware !== 'function') {
      throw new TypeError(
        `compose: argument ${index + 1} is ${describeValue(middleware)}, not a middleware (next) => (request, context) => Promise<Response>`,
      );
    }
  }
  const composed: Middleware = (next) =>
    middlewares.reduceRight((inner, middleware) => middleware(inner), next);
  return keepLayers(composed, middlewares.flatMap(layersOf));
}

/**
 * Prints a chain, outermost layer first, one line each; below it, warnings of orders that do harm, such as a retry inside of
 * a retry.
 *
 * @example
 * ```ts
 * const app = inbound(function shop() { return new Response(); }, layer('timeout 3s', (next) => next));
 * describe(app); // 'inbound\n  timeout 3s\n  app shop'
 * ```
 */
export function describe(handler: Handler | Fetch | Middleware): string {
  const labels = layersOf(handler as Middleware);
  const warnings = orderProblems(labels).map((problem) => `\nwarning: ${problem}`);
  return labels.join('\n  ') + warnings.join('');
}

/** What a value is, for messages to those who gave something else than was asked for. */
export function describeValue(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? 'an object' : `${typeof value}`;
}
