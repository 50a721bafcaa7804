/** Request targets that are no path (RFC 9112 §3.2), through a gateway on each runtime that listens. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endAll, serve } from '../support/serving.ts';

let upstream: Server;
let upstreamUrl: string;

beforeAll(async () => {
  upstream = createServer(({ url, headers }, response) => {
    response.end(`${headers['x-forwarded-host']} ${url}`);
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(endAll);

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

async function ask(url: string, line: string, host: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`${line} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  return text(socket);
}

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test('goes by one host, and takes * for nothing but OPTIONS', async () => {
    const { url } = await serve(['--upstream', upstreamUrl], runtime);
    const same = await ask(url, 'GET http://shop.example/a?b', 'shop.example');
    expect(same).toContain('shop.example /a?b');
    const differs = await ask(url, 'GET http://shop.example/a?b', 'other.example');
    // Bun does not show the target's host: routing and upstream see the field's, both. Deno's fields cannot be changed.
    const seen = {
      node: 'shop.example /a?b',
      bun: 'other.example /a?b',
      deno: 'HTTP/1.1 400 Bad Request',
    };
    expect(differs).toContain(seen[runtime]);
    expect(await ask(url, 'GET /a', 'shop.example:80')).toContain('shop.example:80 /a');
    expect(await ask(url, 'GET *', 'shop.example')).toMatch(/^HTTP\/1.1 400 /);
    expect(await ask(url, 'GET /*', 'shop.example')).toContain('shop.example /*');
  });

  test('refuses what has no host, and what no fetch can send, without an error of its own', async () => {
    const { url } = await serve(['--upstream', upstreamUrl], runtime);
    const old = connect(Number(new URL(url).port), '127.0.0.1');
    old.write('GET /a HTTP/1.0\r\n\r\n');
    // Node and Deno take their own address for the host.
    expect(await text(old)).toMatch(runtime === 'bun' ? /^HTTP\/1.1 400 / : /^HTTP\/1.[01] 200 /);
    // Bun hangs up.
    expect(await ask(url, 'get /a', 'shop.example')).toMatch(/^HTTP\/1.1 400 |^$/);
  });
});
