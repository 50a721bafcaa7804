/**
 * A balancer as one stands before gateways: who is ready it learns by asking, and what fails it does not send again. It takes
 * requests without a body.
 */

import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** How often it asks, in milliseconds. */
const probeEveryMs = 50;

/** Something that can be sent to. */
export interface Backend {
  readonly url: URL;
  /** What says whether it is ready. */
  readonly readyUrl: string;
  readonly isRunning: boolean;
}

/** A balancer that listens. */
export interface Balancer {
  readonly url: string;
  /** From now on this one is sent to, in turn with others, while it is ready. */
  add(backend: Backend): void;
  close(): Promise<void>;
}

export async function startBalancer(): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  const ready = new Set<Backend>();
  let turn = 0;

  async function probe(backend: Backend): Promise<void> {
    while (backend.isRunning) {
      if (await answers(backend.readyUrl)) ready.add(backend);
      else ready.delete(backend);
      await setTimeout(probeEveryMs);
    }
    ready.delete(backend);
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    turn += 1;
    const backend = [...ready][turn % ready.size];
    if (backend === undefined) {
      outgoing.writeHead(503).end();
      return;
    }
    const { hostname: host, port } = backend.url;
    const { method, headers, url: path } = incoming;
    const asked = request({ host, port, path, method, headers, agent });
    asked.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    asked.on('error', () => {
      // A kept connection that closes as a request sets out has not taken it (RFC 9110, 9.2.2). Had it, there were a span too many.
      if (asked.reusedSocket && !outgoing.headersSent) forward(incoming, outgoing);
      else if (!outgoing.headersSent) outgoing.writeHead(502).end();
      else outgoing.destroy();
    });
    asked.end();
  }

  const server = createServer(forward).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add(backend) {
      ready.add(backend);
      void probe(backend);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
