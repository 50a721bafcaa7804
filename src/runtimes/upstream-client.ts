/**
 * What the `fetch` of Node, Bun and Deno takes for TLS of one's own.
 *
 * @module
 */

/** How an upstream is recognised, and what it is shown; all in PEM. */
export interface ClientTls {
  /** Authorities that are trusted in place of the runtime's; on Deno, beside them. */
  readonly authority?: string | undefined;
  /** The certificate that is shown, together with its key. */
  readonly certificate?: string | undefined;
  readonly privateKey?: string | undefined;
  /** The name that the upstream's certificate has to bear. Default: the host of the URL. Not on Deno. */
  readonly serverName?: string | undefined;
}

/** Node's own `Agent` of undici, which it exports nowhere: the class of the one that it uses itself. */
type AgentClass = new (options: { readonly connect: object }) => object;

/** Where undici keeps the agent of all `fetch`es, by its documentation. */
const globalDispatcher = Symbol.for('undici.globalDispatcher.1');

interface DenoClients {
  createHttpClient?(options: object): object;
}

/**
 * Makes what goes into the second argument of `fetch`, on whichever of Node, Bun and Deno this is. It holds connections of
 * its own, which no other certificate is used on.
 *
 * @throws {Error} where the runtime cannot do that.
 */
export function clientInit(tls: ClientTls): Readonly<Record<string, unknown>> {
  const { authority, certificate, privateKey, serverName } = tls;
  const shown = { cert: certificate, key: privateKey };
  if ('Bun' in globalThis) return { tls: defined({ ca: authority, ...shown, serverName }) };
  const { Deno } = globalThis as { Deno?: DenoClients };
  if (Deno === undefined) {
    const connect = defined({ ca: authority, ...shown, servername: serverName });
    return { dispatcher: new (agentOfNode())({ connect }) };
  }
  if (serverName !== undefined) {
    throw new Error('Deno asks for the name in the URL, and for no other; leave server_name out');
  }
  if (Deno.createHttpClient === undefined) {
    throw new Error('this Deno has no createHttpClient; take a newer one');
  }
  const caCerts = authority === undefined ? undefined : [authority];
  return { client: Deno.createHttpClient(defined({ caCerts, ...shown })) };
}

/** @throws {Error} where `fetch` goes by another way. */
export function agentOfNode(): AgentClass {
  // Node loads its undici with the first of the classes of Fetch that is used.
  void new Response();
  const dispatcher = (globalThis as Record<symbol, object | undefined>)[globalDispatcher];
  const found = dispatcher?.constructor as AgentClass | undefined;
  // One for proxies would not hand certificates on.
  if (found?.name === 'Agent') return found;
  throw new Error('this Node sends by other means than its own, such as NODE_USE_ENV_PROXY');
}

function defined(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
