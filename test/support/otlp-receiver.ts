import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { type DecodedSpan, decodeTraces } from './otlp-decoder.ts';

/** What the receiver does with one request: an answer, no answer, or an end of the connection. */
export type Behaviour =
  | 'accept'
  | 'hang'
  | 'drop'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

/** A request to `/v1/traces`. */
export interface ReceivedRequest {
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
  readonly spans: readonly DecodedSpan[];
}

/** A collector on a loopback port. */
export interface OtlpReceiver {
  /** Without a path. */
  readonly origin: string;
  readonly requests: readonly ReceivedRequest[];
  /** What was not OTLP. The sender got a 400. */
  readonly errors: readonly string[];
  /** The spans that were accepted. */
  readonly spans: readonly DecodedSpan[];
  /** How many connections there were. */
  readonly connections: number;
  /** Resolves when so many requests have come in. */
  received(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts a collector that follows a script, request by request, and then accepts everything. */
export async function startOtlpReceiver(...script: Behaviour[]): Promise<OtlpReceiver> {
  const requests: ReceivedRequest[] = [];
  const errors: string[] = [];
  const spans: DecodedSpan[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let connections = 0;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    if (pathname !== '/v1/traces') {
      // Senders of all three signals send the others too.
      const isOtherSignal = pathname === '/v1/metrics' || pathname === '/v1/logs';
      response.writeHead(isOtherSignal ? 200 : 404).end();
      return;
    }
    let decoded: DecodedSpan[];
    try {
      decoded = decodeRequest(request, body);
    } catch (error) {
      errors.push(String(error));
      response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error));
      return;
    }
    requests.push({ headers: request.headers, bytes: body.byteLength, spans: decoded });
    for (const { count, resolve } of waiting) if (requests.length >= count) resolve();
    const behaviour = script.shift() ?? 'accept';
    if (behaviour === 'hang') return;
    if (behaviour === 'drop') {
      request.socket.destroy();
      return;
    }
    const answer = behaviour === 'accept' ? { status: 200, body: '{}' } : behaviour;
    if (answer.status === 200) spans.push(...decoded);
    const type = { 'content-type': 'application/json' };
    response.writeHead(answer.status, { ...type, ...answer.headers }).end(answer.body);
  }

  const server = createServer(receive);
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    errors,
    spans,
    get connections() {
      return connections;
    },
    received(count) {
      if (requests.length >= count) return Promise.resolve();
      return new Promise((resolve) => {
        waiting.push({ count, resolve });
      });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function decodeRequest({ method, headers }: IncomingMessage, body: Buffer): DecodedSpan[] {
  if (method !== 'POST') throw new TypeError(`${method} is not POST`);
  const type = headers['content-type'];
  if (type !== 'application/json') throw new TypeError(`${type} is not application/json`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'gzip') throw new TypeError(`${encoding} is not gzip`);
  const json = encoding === 'gzip' ? gunzipSync(body) : body;
  return decodeTraces(new TextDecoder('utf-8', { fatal: true }).decode(json));
}
