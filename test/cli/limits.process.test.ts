/** Requests that take up too much, over sockets, at a gateway on each runtime that listens. */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endAll, serve } from '../support/serving.ts';

let upstream: Server;
let directory: string;
let file: string;
/** How much of bodies has reached the upstream, in bytes. */
let reached = 0;

beforeAll(async () => {
  upstream = createServer(async (request, response) => {
    try {
      for await (const chunk of request) reached += (chunk as Buffer).length;
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

const chunk = `400\r\n${'x'.repeat(1_024)}\r\n`;

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test('answers, closes the connection, spares the upstream, and blames it for nothing', async () => {
    const { url, admin } = await serve(['-f', file], runtime);

    const long = await speak(url, `GET /${'a'.repeat(100)} HTTP/1.1`, (socket) => {
      socket.write('connection: close\r\n\r\n');
    });
    expect(long).toMatch(/^HTTP\/1.1 414 /);

    reached = 0;
    const declared = await speak(url, 'POST / HTTP/1.1', (socket) => {
      socket.write('content-length: 100000000\r\n\r\nxxx');
    });
    expect(declared).toMatch(/^HTTP\/1.1 413 /);
    expect(declared).toContain('"reason":"body_too_large"');
    expect(reached).toBe(0);

    const endless = await speak(url, 'POST / HTTP/1.1', async (socket) => {
      socket.write('transfer-encoding: chunked\r\n\r\n');
      while (socket.writable && !socket.destroyed) {
        socket.write(chunk);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    // A server that closes while more comes in can lose its own answer on the way (RFC 9112 §9.6).
    expect(endless).toMatch(/^(HTTP\/1.1 413 |$)/);
    expect(reached).toBeLessThanOrEqual(100_000);

    const still = await speak(url, 'POST / HTTP/1.1', (socket) => {
      socket.write('content-length: 1000\r\n\r\nx');
    });
    expect(still).toMatch(/^HTTP\/1.1 408 /);

    const fits = await fetch(url, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([fits.status, await fits.text()]).toEqual([200, 'ok']);
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    expect(metrics).toMatch(/status="413"\S* 2\b/);
  });
});
