/**
 * What `serve` sends requests to upstreams by, on Node, Bun and Deno.
 *
 * @module
 */

import { isNode } from '../core/runtime.ts';
import type { Transport } from '../core/transport.ts';
import { agentOfNode } from './node-agent.ts';
import { type NodeTransportOptions, nodeTransport } from './node-transport.ts';

/** How an upstream is recognised, and what it is shown. On Deno `authority` counts beside its own, and `serverName` cannot be. */
export type ClientTls = NodeTransportOptions;

interface DenoClients {
  createHttpClient?(options: object): object;
}

/** The fastest there is; `undefined`: `fetch`, which also knows of the proxies that Node was told to use. */
export function upstreamClient(): Transport | undefined {
  if (!isNode) return undefined;
  try {
    agentOfNode();
  } catch {
    return undefined;
  }
  return nodeTransport();
}

/**
 * The same with TLS of one's own. It holds connections of its own, which no other certificate is used on.
 *
 * @throws {Error} where the runtime cannot do that.
 */
export function securedClient(tls: ClientTls): Transport {
  if (isNode) {
    // Where there is to be a proxy, nothing goes past it.
    agentOfNode();
    return nodeTransport(tls);
  }
  const secured = clientInit(tls);
  return (url, init) => fetch(url, { ...init, ...secured });
}

/** What goes into the second argument of `fetch`. */
function clientInit(tls: ClientTls): Readonly<Record<string, unknown>> {
  const { authority, certificate, privateKey, serverName } = tls;
  const shown = { cert: certificate, key: privateKey };
  const { Deno } = globalThis as { Deno?: DenoClients };
  if (Deno === undefined) return { tls: defined({ ca: authority, ...shown, serverName }) };
  if (serverName !== undefined) {
    throw new Error('Deno asks for the name in the URL, and for no other; leave server_name out');
  }
  if (Deno.createHttpClient === undefined) {
    throw new Error('this Deno has no createHttpClient; take a newer one');
  }
  const caCerts = authority === undefined ? undefined : [authority];
  return { client: Deno.createHttpClient(defined({ caCerts, ...shown })) };
}

function defined(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
