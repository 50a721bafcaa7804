/** Puts middlewares around an app that is made for Node's own server. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Context, contextOf, type Handler, inbound, type Middleware } from 'fetchmesh';
import { fetchNodeHandler } from 'srvx/node';

/** What `http.createServer` takes. */
export type NodeApp = (request: IncomingMessage, response: ServerResponse) => void;

const contexts = new WeakMap<IncomingMessage, Context>();

export function around(app: NodeApp, ...middlewares: Middleware[]): Handler {
  return inbound(
    (request) => {
      const context = contextOf(request);
      // A copy, which the adapter cannot trace back to the socket: else the app would answer past the middlewares.
      return fetchNodeHandler((incoming: IncomingMessage, outgoing: ServerResponse) => {
        if (context !== undefined) contexts.set(incoming, context);
        app(incoming, outgoing);
      }, new Request(request));
    },
    ...middlewares,
  );
}

/** What the middlewares know of a request, for the calls that are made for it. */
export function contextOfNode(request: IncomingMessage): Context | undefined {
  return contexts.get(request);
}
