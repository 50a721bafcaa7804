/**
 * The chain around an app.
 *
 * @module
 */

import { signalOf } from './abort.ts';
import {
  type App,
  compose,
  describeValue,
  type Handler,
  keepLayers,
  layersOf,
  type Middleware,
} from './chain.ts';
import { type BackgroundWork, bindContext, type Context, contextOf, isContext } from './context.ts';
import { linkTo } from './copy.ts';
import { type Outgoing, outgoing, requestOf, withoutEdits } from './outgoing.ts';
import { rootContext } from './root-context.ts';

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
    const { input, init } = outgoing(request, context);
    const received = init === undefined ? request : changed(request, context, { input, init });
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

function changed(request: Request, context: Context, { input, init }: Outgoing): Request {
  const link = linkTo(signalOf(request, context));
  if (link === undefined) return requestOf({ input, init });
  const copy = requestOf({ input, init: { ...init, signal: link.signal } });
  link.hold(copy);
  return copy;
}

function checkedResponse(response: Response): Response {
  // Not `instanceof`: adapters have Response classes of their own.
  if (typeof response?.status === 'number') return response;
  throw new TypeError(
    `The app returned ${describeValue(response)}, not a Response. A router without a matching route does that: give it a catch-all.`,
  );
}
