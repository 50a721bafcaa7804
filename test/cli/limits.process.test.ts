/** Requests that take up too much, over sockets, at a gateway on each runtime that listens. */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { oversizedOnSockets } from '../security/attacks/oversized.ts';
import { endAll, serve } from '../support/serving.ts';

let upstream: Server;
let directory: string;
let file: string;
/** How much of the body has reached the upstream, in bytes, by the number of the request: some may come after its answer. */
const reached = new Map<string, number>();

beforeAll(async () => {
  upstream = createServer(async (request, response) => {
    const id = String(request.headers['x-request-number']);
    try {
      for await (const chunk of request)
        reached.set(id, (reached.get(id) ?? 0) + (chunk as Buffer).length);
      response.end('ok');
    } catch {
      // Cut off, as it should be.
    }
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-limits-'));
  file = join(directory, 'rules.yaml');
  await writeFile(
    file,
    `limits: { url: 100B, body: 100KB, body_rate: 1KB, body_grace: 300ms }
services: { shop: "http://127.0.0.1:${port}" }
routes: [{ path: /**, to: shop, breaker: { failures: 1, open_for: 1h } }]
`,
  );
});

afterEach(endAll);

afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await rm(directory, { recursive: true });
});

/** Sends a head and whatever `send` writes; what comes back: the answer, or nothing where the other side just closes. */
async function speak(
  url: string,
  head: string,
  send: (socket: Socket) => Promise<void> | void = () => {},
): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let said = '';
  const over = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.on('error', () => {});
    socket.on('data', (data) => {
      said += String(data);
      // Deno leaves the connection open for as long as the client likes to send.
      if (said.endsWith('}')) socket.destroy();
    });
  });
  socket.write(`${head}\r\nhost: shop.example\r\n`);
  await send(socket);
  await over;
  return said;
}

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test('answers, closes the connection, spares the upstream, and blames it for nothing', async () => {
    const { url, admin } = await serve(['-f', file], runtime);

    for (const [index, { name, input, expected }] of oversizedOnSockets.entries()) {
      const id = `${runtime}-${index}`;
      const { line, rest, endless } = input;
      const answer = await speak(url, `${line}\r\nx-request-number: ${id}`, async (socket) => {
        socket.write(rest);
        while (endless !== undefined && socket.writable && !socket.destroyed) {
          socket.write(endless);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      expect(answer, name).toMatch(expected.answer);
      expect(reached.get(id) ?? 0, name).toBeLessThanOrEqual(expected.reached);
    }

    const id = `${runtime}-fits`;
    const fits = await fetch(url, {
      method: 'POST',
      headers: { 'x-request-number': id },
      body: 'x'.repeat(100_000),
    });
    expect([fits.status, await fits.text(), reached.get(id)]).toEqual([200, 'ok', 100_000]);
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    expect(metrics).toMatch(/status="413"\S* 2\b/);
  });
});
