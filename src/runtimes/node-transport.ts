/**
 * Node's own HTTP client, on the way from a gateway to its upstreams: Node's `fetch` takes more of the processor than all else
 * that a gateway does.
 *
 * @module
 */

import type { Agent, ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { addAbortCallback, removeAbortCallback } from '../core/abort-callbacks.ts';
import { longestDelayMs } from '../core/clock.ts';
import { ignore } from '../core/discard.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { knownOptions, textOption } from '../core/option.ts';
import { isNode } from '../core/runtime.ts';
import type { Transport } from '../core/transport.ts';
import { PipedResponse } from './piped-response.ts';

/** Settings of {@link nodeTransport}. What is said of TLS is in PEM. */
export interface NodeTransportOptions {
  /** Authorities by which an upstream is known. Default: those of Node. */
  readonly authority?: string | undefined;
  /** The certificate that an upstream is shown, together with its key. Default: none. */
  readonly certificate?: string | undefined;
  readonly privateKey?: string | undefined;
  /** The name that the upstream's certificate has to bear. Default: the host of the URL. */
  readonly serverName?: string | undefined;
  /** How long a connection may take to be made, TLS included. Default: `'10s'`. */
  readonly connectTimeout?: Duration;
  /** How long nothing may move on a connection while a request is under way. Default: `'300s'`. */
  readonly streamIdleTimeout?: Duration;
}

/** How long a connection is kept for the next request, where the upstream names no shorter time. */
const keptMs = 4_000;

/** How many of them, for one upstream. */
const mostKept = 1_024;

/**
 * Makes what a gateway on Node sends requests by, in place of `fetch`; `fetchmesh serve` does. It takes less than half of the
 * processor time, and a body goes from connection to connection without streams of the web where no policy reads it.
 *
 * For gateways: redirects are handed on whatever `redirect` says, nothing is decompressed, no proxy of the environment is asked.
 * It speaks HTTP/1.1. A GET, HEAD or OPTIONS that finds its kept connection closed is sent once more, on a new one. Rejects as
 * `fetch` does: with a `TypeError` that has the reason as its `cause`, or with that of the signal.
 *
 * @throws {Error} where this is not Node.
 *
 * @example
 * ```ts
 * import { createGateway } from 'fetchmesh/gateway';
 * import { parseRules } from 'fetchmesh/rules';
 *
 * const { rules } = parseRules('{ services: { shop: "http://127.0.0.1:2" }, routes: [{ path: /** }] }');
 * const gateway = createGateway(rules!, { transport: nodeTransport() });
 * (await gateway.fetch(new Request('http://shop.example/'))).status; // 502
 * ```
 */
export function nodeTransport(options: NodeTransportOptions = {}): Transport {
  knownOptions('nodeTransport', options, {
    authority: true,
    certificate: true,
    privateKey: true,
    serverName: true,
    connectTimeout: true,
    streamIdleTimeout: true,
  });
  const { connectTimeout = '10s', streamIdleTimeout = '300s' } = options;
  const connectMs = timerOption('nodeTransport.connectTimeout', connectTimeout);
  const idleMs = timerOption('nodeTransport.streamIdleTimeout', streamIdleTimeout);
  const tls = tlsOf(options);
  if (!isNode) throw new Error('nodeTransport: this is not Node; leave `transport` out here');

  // Asked for here, so that other platforms can load this.
  const http = process.getBuiltinModule('node:http');
  const https = process.getBuiltinModule('node:https');
  const pooled = { keepAlive: true, timeout: keptMs };
  const plain = agents(() => limitConnecting(new http.Agent(pooled), 'connect', connectMs));
  const secure = agents(() =>
    limitConnecting(new https.Agent({ ...pooled, ...tls }), 'secureConnect', connectMs),
  );

  return async function send(url, init) {
    const { protocol, username, password, hostname, port, pathname, search } = new URL(url);
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new TypeError(`fetch failed: ${protocol} is neither http: nor https:`);
    }
    if (username !== '' || password !== '') {
      throw new TypeError('fetch failed: the URL holds credentials');
    }
    const { method = 'GET', signal } = init;
    const { stream, headers } = bodyOf(init);
    const isPlain = protocol === 'http:';
    const { keeping, opening } = isPlain ? plain : secure;

    function begin(agent: Agent): ClientRequest {
      signal?.throwIfAborted();
      return (isPlain ? http : https).request({
        agent,
        protocol,
        hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
        port,
        path: pathname + search,
        method,
        headers,
        timeout: idleMs,
      });
    }

    const request = begin(keeping);
    const answer = answerTo(request, method, signal ?? undefined);
    if (stream !== null) {
      upload(stream, request);
      return await answer;
    }
    request.end();
    try {
      return await answer;
    } catch (error) {
      if (!safe.has(method) || !isStale(request, error)) throw error;
    }
    const again = begin(opening);
    again.end();
    return await answerTo(again, method, signal ?? undefined);
  };
}

interface Agents {
  /** Uses connections again. */
  readonly keeping: Agent;
  /** Makes one each time. */
  readonly opening: Agent;
}

function agents(make: () => Agent): Agents {
  // Not as options, where 0 is the default.
  const having = (maxFreeSockets: number): Agent => Object.assign(make(), { maxFreeSockets });
  return { keeping: having(mostKept), opening: having(0) };
}

/** Methods that ask for no change (RFC 9110 §9.2.1). */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether an upstream closed a kept connection at the moment at which it was used again (RFC 9112 §9.3.1). */
function isStale({ reusedSocket }: ClientRequest, error: unknown): boolean {
  // Whoever aborts may give anything as the reason.
  const code = (error as { cause?: { code?: unknown } } | null)?.cause?.code;
  return reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
}

function timerOption(option: string, value: Duration): number {
  const milliseconds = durationOption(option, value);
  if (milliseconds > 0 && milliseconds <= longestDelayMs) return milliseconds;
  throw new RangeError(`${option}: '${value}' is not from 1ms to ${longestDelayMs}ms (24.8d)`);
}

function tlsOf(options: NodeTransportOptions): Record<string, string> {
  const { authority, certificate, privateKey, serverName } = options;
  for (const [name, value] of Object.entries({ authority, certificate, privateKey, serverName })) {
    textOption(`nodeTransport.${name}`, value);
  }
  const named = { ca: authority, cert: certificate, key: privateKey, servername: serverName };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Record<string, string>;
}

/** Node waits for as long as the operating system does, which is minutes. */
function limitConnecting(
  agent: Agent,
  connected: 'connect' | 'secureConnect',
  limitMs: number,
): Agent {
  // Documented, and missing from the types.
  const connecting = agent as unknown as { createConnection(...rest: unknown[]): Socket };
  const create = connecting.createConnection;
  connecting.createConnection = (...rest) => {
    const socket = create.apply(agent, rest);
    const timer = setTimeout(() => {
      socket.destroy(failure(`no connection within ${limitMs} ms`, 'ERR_CONNECT_TIMEOUT'));
    }, limitMs);
    const settle = (): void => clearTimeout(timer);
    return socket.once(connected, settle).once('close', settle);
  };
  return agent;
}

interface Body {
  readonly stream: ReadableStream<Uint8Array> | null;
  readonly headers: Record<string, string>;
}

/** As a gateway gives them: a record, and a stream or nothing. All else is made that. */
function bodyOf({ headers = {}, body = null }: RequestInit): Body {
  const isRecord = !(Symbol.iterator in headers);
  const record = (isRecord ? headers : Object.fromEntries(new Headers(headers))) as Body['headers'];
  if (body === null || body instanceof ReadableStream) return { stream: body, headers: record };
  const made = new Response(body, { headers: record });
  return { stream: made.body, headers: Object.fromEntries(made.headers) };
}

function answerTo(
  request: ClientRequest,
  method: string,
  signal: AbortSignal | undefined,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const fail = (cause: Error): void => reject(new TypeError('fetch failed', { cause }));
    const onAbort = (): void => {
      reject(signal?.reason);
      request.destroy();
    };
    if (signal !== undefined) addAbortCallback(signal, onAbort);
    request.once('response', (message) => {
      isAnswered = true;
      resolve(new PipedResponse(message, { method, signal }));
    });
    // Also after the response, where an upload comes to nothing.
    request.on('error', fail);
    request.once('timeout', endSilence);
    request.once('close', () => {
      if (signal !== undefined) removeAbortCallback(signal, onAbort);
      // Node says no more of an upgrade that nobody asked for.
      if (!isAnswered) fail(failure('an upgrade that nobody asked for', 'UnrequestedUpgrade'));
    });
    // As many fields as there are: their length is limited.
    request.maxHeadersCount = 0;
    (request as { strictContentLength?: boolean }).strictContentLength = true;
  });
}

function endSilence(this: ClientRequest): void {
  this.destroy(failure('the upstream was silent for too long', 'ETIMEDOUT'));
}

function failure(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Sends a body at the pace at which it is taken. One that fails breaks the request off. */
async function upload(body: ReadableStream<Uint8Array>, request: ClientRequest): Promise<void> {
  try {
    const reader = body.getReader();
    request.once('close', () => reader.cancel().catch(ignore));
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (!request.write(read.value)) await drained(request);
    }
    request.end();
  } catch (error) {
    request.destroy(error as Error);
  }
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    if (request.destroyed) return resolve();
    const settle = (): void => {
      request.off('drain', settle).off('close', settle);
      resolve();
    };
    request.on('drain', settle).on('close', settle);
  });
}
