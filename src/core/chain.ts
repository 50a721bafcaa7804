/**
 * The algebra: a middleware wraps a handler, a chain is a middleware, and both sides of a call are a handler.
 *
 * @module
 */

import { abortSignal, signalOf } from './abort.ts';
import { type FetchInit, requestFrom } from './body-source.ts';
import {
  type BackgroundWork,
  bindContext,
  Context,
  contextOf,
  type Direction,
  isContext,
} from './context.ts';
import { exchange } from './exchange.ts';
import { orderProblems } from './order.ts';
import { outgoing, platformInit, requestOf, withoutEdits } from './outgoing.ts';
import { hold } from './own.ts';
import { RejectionError, rejectionOf } from './rejection.ts';

/** A step inside a chain. The context is required, so that no layer can drop the deadline or the trace by accident. */
export type Next = (request: Request, context: Context) => Promise<Response>;

/**
 * Wraps a step in another one, which may call it never, once or many times, one after the other or at once, and may hand
 * it another request.
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

/** Settings of {@link outbound}. */
export interface OutboundOptions {
  /**
   * How an answer of the governance reaches the caller: as a problem-details `'response'`, or `'throw'`n as a
   * {@link RejectionError}. Default: `'response'`.
   */
  readonly rejections?: 'response' | 'throw';
}

// A property and no WeakMap: rules of many routes make tens of thousands of layers, and the garbage collector goes through a
// WeakMap of them again and again.
const layers = Symbol('fetchmesh.layers');

interface Layered {
  [layers]?: readonly string[];
}

/** Keeps the layers that a function was built from, for {@link describe}. */
function keepLayers<T extends object>(built: T & Layered, labels: readonly string[]): T {
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

function layersOf(middleware: Middleware): readonly string[] {
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
 * Puts middlewares around an app.
 *
 * The app gets the request, by identity unless a middleware changed something, and exactly what the platform passed
 * beside it; it finds the context with {@link contextOf}. What the app or a middleware rejects with passes through.
 *
 * @example
 * ```ts
 * export default { fetch: inbound((request) => new Response(`hello ${new URL(request.url).pathname}`)) };
 * ```
 */
export function inbound(app: App, ...middlewares: Middleware[]): Handler {
  const serve =
    typeof app === 'function'
      ? app
      : // Called as a method: a service binding of Workers refuses to be called bare.
        (request: Request, ...platform: unknown[]) => app.fetch(request, ...platform);
  if (typeof app !== 'function' && typeof app?.fetch !== 'function') {
    throw new TypeError(
      `inbound: the app is ${describeValue(app)}, not a function or an object with fetch`,
    );
  }

  const chain = compose(...middlewares);
  const run = chain(async function app(request, context) {
    const changed = outgoing(request, context);
    const { init } = changed;
    const received = init === undefined ? request : requestOf(changed);
    if (init !== undefined) hold(received, signalOf(request, context));
    // The edits are in the request now: a handler further in must not make them again.
    bindContext(received, withoutEdits(context));
    return checkedResponse(await serve(received, ...context.platform));
  });

  const background: BackgroundWork = { pending: 0, rejected: 0 };
  function contextFor(request: Request, platform: readonly unknown[]): Context {
    const [first] = platform;
    if (isContext(first)) return first;
    const served = contextOf(request);
    if (served === undefined) return rootContext('inbound', request, platform, background);
    return platform.length === 0 ? served : served.inward(platform);
  }
  async function inbound(request: Request, ...platform: unknown[]): Promise<Response> {
    // Awaited, since workerd calls a rejection unhandled that is merely returned.
    return await run(request, contextFor(request, platform));
  }
  return keepLayers(inbound, [
    'inbound',
    ...layersOf(chain),
    `app ${serve.name || 'anonymous'}`.trimEnd(),
  ]);
}

/**
 * Puts middlewares around a `fetch`. The result is a `fetch` itself, for anything that takes one.
 *
 * A call continues the trace and the deadline of the request being served when it is given that request's context, or
 * that request itself.
 *
 * @param fetch Called bare. The platform's own, and a function that declares a second parameter, get what the chain
 * changed as `(request, { headers, signal })`, which spares a copy; any other gets a request with the changes in it.
 * @param middlewares The first is the outermost. The last argument may be {@link OutboundOptions}.
 *
 * @example
 * ```ts
 * const shop = outbound(async (request) => new Response(`GET ${request.url}`));
 * await (await shop('http://shop.example/')).text(); // 'GET http://shop.example/'
 * ```
 */
export function outbound(
  fetch: (request: Request, init?: RequestInit) => Promise<Response>,
  ...middlewares: [...Middleware[], OutboundOptions] | Middleware[]
): Fetch {
  if (typeof fetch !== 'function') {
    throw new TypeError(
      `outbound: the fetch is ${describeValue(fetch)}, not a function; for a service binding: (request) => binding.fetch(request)`,
    );
  }
  const last = middlewares.at(-1);
  const options = typeof last === 'object' && last !== null ? last : {};
  const { rejections = 'response' } = options;
  if (rejections !== 'response' && rejections !== 'throw') {
    throw new RangeError(`outbound.rejections: '${rejections}' is not one of response, throw`);
  }
  const throwing = rejections === 'throw';
  const chain = compose(
    ...(middlewares.slice(0, last === options ? -1 : undefined) as Middleware[]),
  );

  const isPlatforms = fetch === globalThis.fetch;
  // Changes handed to a function that does not look at them would be lost without a word.
  const takesInit = isPlatforms || fetch.length > 1;
  const run = chain(async function send(request, context) {
    const changed = outgoing(request, context);
    const { input, init } = changed;
    if (init === undefined) return await fetch(request);
    const isTaken = isPlatforms || (takesInit && typeof input !== 'string');
    const sent = (isTaken ? input : requestOf(changed)) as Request;
    return await (takesInit ? fetch(sent, init) : fetch(sent));
  });

  const background: BackgroundWork = { pending: 0, rejected: 0 };
  async function outbound(
    input: RequestInfo | URL,
    second?: FetchInit | Context,
    third?: Context,
  ): Promise<Response> {
    const init = isContext(second) ? undefined : second;
    const given = isContext(second) ? second : third;
    const request =
      init === undefined && input instanceof Request ? input : requestFrom(input, init);
    const parent = given ?? (input instanceof Request ? contextOf(input) : undefined);
    // The request being served ends with its context; another one may end before.
    const isServed = input instanceof Request && contextOf(input) === parent;
    // On Node a request made from a signal follows it only until the request is collected: before its body is read.
    const signal = init?.signal ?? undefined;
    let context =
      parent === undefined
        ? rootContext('outbound', request, [], background)
        : continued(parent, signal ?? (isServed ? undefined : request.signal));
    if (signal && !context.get(abortSignal)) context = context.with(abortSignal, signal);
    const forgotten = init && forgottenByRequest(init);
    if (forgotten) context = context.with(platformInit, forgotten);

    const response = await run(request, context);
    const rejection = throwing ? rejectionOf(response) : undefined;
    if (rejection !== undefined) throw new RejectionError(rejection, response);
    return response;
  }
  keepLayers(outbound, ['outbound', ...layersOf(chain), 'fetch']);
  // Bun's `fetch` has a method.
  return Object.assign(
    outbound as Fetch,
    'preconnect' in fetch ? { preconnect: fetch.preconnect } : {},
  );
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

/** The first context of a request, with the platform's `waitUntil` where it has one. For adapters of one's own. */
export function rootContext(
  direction: Direction,
  request: Request,
  platform: readonly unknown[],
  background: BackgroundWork,
): Context {
  return Context.root(direction, platform, background, lifetimeOf(request, platform));
}

/**
 * The context of a call that another request causes: its trace and its deadline, but none of its edits, and nothing that
 * the call does is put on the record of that request.
 *
 * @param signal What else ends the call.
 */
function continued(parent: Context, signal: AbortSignal | undefined): Context {
  const outward = parent.direction === 'outbound' ? parent : parent.outward();
  const context = withoutEdits(outward).with(exchange, undefined);
  const limit = context.get(abortSignal);
  return limit === undefined || signal === undefined
    ? context
    : context.with(abortSignal, AbortSignal.any([limit, signal]));
}

type Lifetime = { waitUntil(work: Promise<unknown>): void };

/** Finds the platform's `waitUntil`: on the execution context of Workers, or on the request under srvx. */
function lifetimeOf(
  request: Request,
  platform: readonly unknown[],
): ((work: Promise<unknown>) => void) | undefined {
  for (const candidate of [...platform, request]) {
    const host = candidate as Lifetime | null | undefined;
    // Called as a method: Workers refuse a detached one.
    if (typeof host?.waitUntil === 'function') return (work) => host.waitUntil(work);
  }
  return undefined;
}

const platformOnlyMembers = [
  'client',
  'decompress',
  'dispatcher',
  'proxy',
  'tls',
  'unix',
  'verbose',
];

/** The members of an init that mean something to one runtime's `fetch` and that `new Request` drops there. */
function forgottenByRequest(init: FetchInit): RequestInit | undefined {
  let kept: Record<string, unknown> | undefined;
  for (const member of platformOnlyMembers) {
    if (member in init) {
      kept ??= {};
      kept[member] = (init as Record<string, unknown>)[member];
    }
  }
  return kept;
}

function checkedResponse(response: Response): Response {
  // Not `instanceof`: adapters have Response classes of their own.
  if (typeof response?.status === 'number') return response;
  throw new TypeError(
    `The app returned ${describeValue(response)}, not a Response. A router without a matching route does that: give it a catch-all.`,
  );
}

function describeValue(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? 'an object' : `${typeof value}`;
}
