/** A middleware of one's own, around an app: every answer says how long it took. */

import { type Handler, inbound, type Middleware } from 'fetchmesh';
import { timeout } from 'fetchmesh/timeout';

/** Adds `server-timing` to every answer. */
export function serverTiming(now: () => number = () => performance.now()): Middleware {
  return (next) => async (request, context) => {
    const start = now();
    const response = await next(request, context);
    // Of a response that was fetched the headers cannot be changed: a copy's can.
    const timed = new Response(response.body, response);
    timed.headers.set('server-timing', `app;dur=${(now() - start).toFixed(1)}`);
    return timed;
  };
}

function hello(request: Request): Response {
  return new Response(`hello ${new URL(request.url).pathname}`);
}

/** What `export default { fetch }` takes on Bun, Deno and Workers. */
export const app: Handler = inbound(hello, serverTiming(), timeout('3s'));

if (import.meta.main) {
  const response = await app(new Request('http://shop.example/world'));
  console.log(await response.text(), response.headers.get('server-timing'));
}
