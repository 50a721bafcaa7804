/**
 * Listening on Node, Bun and Deno.
 *
 * @module
 */

import type { Server as HttpsServer } from 'node:https';
import { serve } from 'srvx';
import type { Handler } from '../core/chain.ts';
import { urlOf } from '../core/url.ts';
import { watchConnections } from './connections.ts';

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes any free one. */
  readonly port: number;
  /** Default: `'127.0.0.1'`. */
  readonly hostname?: string;
  /** Default: plain HTTP. */
  readonly tls?: TlsOptions | undefined;
}

/** Certificates in PEM. */
export interface TlsOptions {
  /** The server's certificate, and those between it and the root. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Whose certificates of clients are taken. Default: none is asked for. */
  readonly clients?: {
    readonly authority: string;
    /**
     * Whether a client without such a certificate is turned away before any request. If not, it has no identity. Default:
     * true.
     */
    readonly required?: boolean;
  };
}

/** A server that listens. */
export interface Listener {
  /** The port that was taken. */
  readonly port: number;
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Requests whose answer has not gone out whole; `undefined` where the runtime does not tell (Deno). */
  readonly unfinished: number | undefined;
  /**
   * Takes the connections that have been made, then no new ones, and lets requests under way end.
   *
   * @param force Cuts the requests under way as well.
   */
  close(force?: boolean): Promise<void>;
  /**
   * Shows other certificates from now on; `undefined` where the runtime cannot (Bun, and Deno without those of clients). Throws
   * where it would go on trusting an authority of clients that is gone (Deno).
   */
  readonly renew: ((tls: TlsOptions) => void) | undefined;
}

/**
 * Starts a server on whichever of Node, Bun and Deno this is.
 *
 * @returns Rejects where the port is taken, the certificates are wrong, or the runtime cannot see those of clients (Bun).
 */
export async function listen(handler: Handler, options: ListenOptions): Promise<Listener> {
  const { port, hostname = '127.0.0.1', tls } = options;
  const serve = await adapterFor(tls);
  const server = serve({
    fetch: refuseBadRequests(handler, tls === undefined ? 'http:' : 'https:'),
    port,
    hostname,
    silent: true,
    ...(tls && {
      tls: { cert: tls.certificate, key: tls.privateKey },
      node: clientCertificates(tls),
    }),
    bun: { maxRequestBodySize: Number.MAX_SAFE_INTEGER },
    // Signals are the business of whoever started the server: it may have several.
    gracefulShutdown: false,
    error: () => new Response(null, { status: 500 }),
  });
  const connections = watchConnections(server);
  await server.ready();
  const url = new URL(server.url as string);
  const https = server.node?.server as HttpsServer | undefined;
  let authority = tls?.clients?.authority ?? '';
  return {
    renew:
      tls === undefined || https === undefined
        ? undefined
        : ({ certificate, privateKey, clients }) => {
            if (clients !== undefined) {
              refuseDistrust(authority, clients.authority);
              authority = clients.authority;
            }
            https.setSecureContext({
              cert: certificate,
              key: privateKey,
              ...(clients && { ca: clients.authority }),
            });
          },
    port: Number(url.port),
    url: url.origin,
    get unfinished() {
      return connections.unfinished;
    },
    async close(force) {
      if (!force) await connections.queueTaken();
      const closed = server.close(force).finally(connections.letGo());
      // Deno's server cannot cut requests off once it ends gracefully: whoever forces it has to end the process.
      if (!(force && 'Deno' in globalThis)) await closed;
    },
  };
}

/** The most that Bun knows, in seconds; Node's `fetch` gives an upstream 300. */
const longestSilence = 255;

interface BunServer {
  timeout?(request: Request, seconds: number): void;
}

/** Bun drops a connection on which nothing has moved for 10 s, whatever an upstream is still at. */
function giveTime(request: Request): void {
  const { runtime } = request as { runtime?: { bun?: { server?: BunServer } } };
  runtime?.bun?.server?.timeout?.(request, longestSilence);
}

/** A name, complete or not, or an address, and a port: nothing with a space, a comma, a path or a user in it. */
const hostField = /^((?:[\w-]+\.)*[\w-]+|\[[\da-f:.]+\])\.?(?::(\d{0,5}))?$/i;

/** What srvx takes for the host where it cannot read one. */
const unreadable = '_invalid_';

/** Methods that are written in capitals, and that some upstreams take in any case. */
const known = /^(?:connect|delete|get|head|options|patch|post|put|trace|track)$/i;

/**
 * A request that names two hosts, or something that is none, gets a 400 (RFC 9112 §3.2): Node's server lets it pass, and an
 * upstream would read another host in it than routing did. So does `*` as target of anything but OPTIONS (§3.2.4), of which srvx
 * makes a path. A line without a version is HTTP/0.9, behind which no fields can come. Without a Host field, which HTTP/1.0 need
 * not have, Bun makes no URL; and no `fetch` can send a method such as `get`, which Deno's server lets pass, as it does a `patch`
 * that no route for PATCH would take. The scheme of a target is not for a client to say (RFC 9110 §7.4), who could pass for one
 * that came by TLS.
 */
function refuseBadRequests(handler: Handler, scheme: 'http:' | 'https:'): Handler {
  return async function refuseBadRequests(request, ...platform) {
    const received = receivedOnNode(request);
    if (received?.httpVersionMajor === 0) {
      return new Response('HTTP Version Not Supported: this is HTTP/0.9.\n', { status: 505 });
    }
    if (/[a-z]/.test(request.method) && known.test(request.method)) {
      return new Response('Bad Request: methods are written in capitals.\n', { status: 400 });
    }
    const host = request.headers.get('host');
    const url = readableUrl(request, received, host);
    if (url === undefined) {
      const what = host === null ? 'there is no Host field' : 'the Host field is not valid';
      return new Response(`Bad Request: ${what}.\n`, { status: 400 });
    }
    if (url.protocol !== scheme) {
      const text = `Misdirected Request: only ${scheme.slice(0, -1)} is spoken here.\n`;
      return new Response(text, { status: 421 });
    }
    if (host !== null) {
      const begin = request.url.indexOf('//') + 2;
      if (!request.url.startsWith(`${host}/`, begin) && !takeHostOfTarget(request, host)) {
        return new Response('Bad Request: target and Host field differ.\n', { status: 400 });
      }
    }
    if (received?.url === '*' && request.method !== 'OPTIONS') {
      return new Response('Bad Request: only OPTIONS may have * as its target.\n', { status: 400 });
    }
    giveTime(request);
    return handler(request, ...platform);
  };
}

/**
 * Of a target with a host and a Host field that says another, the target is right (RFC 9112 §3.2.2), for whoever reads the
 * field too. Bun does not show the target: there both are the field's. Deno's fields cannot be changed.
 *
 * @returns Whether both say the same now.
 */
function takeHostOfTarget(request: Request, field: string): boolean {
  const { host, protocol } = urlOf(request);
  if (host === unreadable) return false;
  const url = `${protocol}//${field}`;
  if (URL.canParse(url) && new URL(url).host === host) return true;
  try {
    request.headers.set('host', host);
    return true;
  } catch {
    return false;
  }
}

/**
 * The URL of a request; `undefined` where its host is none. Not every name in a Host field is one in a URL: `256.1.1.1`. HTTP/2
 * has a field of its own for it, of which Node tells, and Deno shows the URL alone.
 */
function readableUrl(
  request: Request,
  received: Received | undefined,
  field: string | null,
): Readonly<URL> | undefined {
  const fields = received?.headers;
  const authority = fields?.[':authority'];
  const host = field ?? authority;
  if (host !== undefined) {
    const [, name, port = ''] = hostField.exec(host) ?? [];
    if (name === undefined || (authority ?? host) !== host) return undefined;
    // srvx cannot read a complete name, nor a colon without a port behind it.
    const plain = port === '' ? name : `${name}:${port}`;
    if (fields !== undefined && plain !== host)
      fields[field === null ? ':authority' : 'host'] = plain;
  }
  try {
    const url = urlOf(request);
    return hostField.test(url.host) ? url : undefined;
  } catch {
    return undefined;
  }
}

/** Of Node's `IncomingMessage`. */
interface Received {
  readonly url?: string;
  readonly httpVersionMajor?: number;
  readonly headers?: { host?: string; ':authority'?: string };
}

/** What came in, where that is Node's server, which takes more than Bun's and Deno's do. */
function receivedOnNode(request: Request): Received | undefined {
  return (request as { runtime?: { node?: { req?: object } } }).runtime?.node?.req;
}

/**
 * Node ends what sessions of TLS remember with the certificates; Deno cannot be told to. There a client of an authority that is
 * trusted no more would go on for as long as it has a session to resume.
 *
 * @throws {Error} where an authority is gone, and this is Deno.
 */
function refuseDistrust(before: string, after: string): void {
  if (!('Deno' in globalThis)) return;
  const stays = new Set(certificatesIn(after));
  if (certificatesIn(before).every((each) => stays.has(each))) return;
  throw new Error('TLS: to stop trusting an authority of clients, Deno has to be restarted');
}

/** Each of them, without white space. */
function certificatesIn(pem: string): readonly string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return found.map((each) => each.replace(/\s/g, ''));
}

function clientCertificates({ clients }: TlsOptions): Record<string, unknown> {
  if (clients === undefined) return {};
  const { authority, required = true } = clients;
  return { ca: authority, requestCert: true, rejectUnauthorized: required };
}

/** The runtime's own server; on Deno Node's, where certificates of clients matter, which its own does not show. */
async function adapterFor(tls: TlsOptions | undefined): Promise<typeof serve> {
  if ('Bun' in globalThis) {
    if (tls?.clients === undefined) return serve;
    throw new Error('Bun shows no certificates of clients; run on Node or Deno for that');
  }
  if ('Deno' in globalThis && tls?.clients === undefined) return serve;
  const { patchGlobalRequest, serve: serveOnNode } = await import('srvx/node');
  // Its requests are its own, which the global `Request` cannot copy until it is told how.
  patchGlobalRequest();
  return serveOnNode;
}
