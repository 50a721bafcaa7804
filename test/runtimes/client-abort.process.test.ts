/** A client that goes away takes its upstream calls with it, with no time limit in any chain (docs/decisions, "client"). */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endAll, startScript } from '../support/serving.ts';

const script = new URL('../fixtures/aborting/server.ts', import.meta.url).pathname;
let upstream: Server;
let upstreamUrl: string;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    if (request.url?.endsWith('/body')) response.write('begun');
    response.on('close', () => upstream.emit('left', request.url));
    upstream.emit('asked', request.url);
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(endAll);

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

describe.each(['node', 'bun', 'deno'] as const)('on %s', (runtime) => {
  test('the call of a gateway, and of an app that hands on the signal, ends with the client', async () => {
    const server = startScript(script, [upstreamUrl], runtime);
    await server.said(/listens on .*\n/);
    const port = Number(/:(\d+)\n/.exec(server.output())?.[1]);
    const paths = ['/gateway/head', '/gateway/body', '/signal/head', '/signal/body', '/bare/body'];
    for (const path of paths) {
      const asked = once(upstream, 'asked');
      const left = once(upstream, 'left');
      const client = connect(port, '127.0.0.1');
      client.write(`GET ${path} HTTP/1.1\r\nhost: shop.example\r\n\r\n`);
      expect(await asked).toEqual([path]);
      // Before the upstream answers, or in the middle of its answer.
      if (path.endsWith('/body')) await once(client, 'data');
      client.destroy();
      expect(await left).toEqual([path]);
    }
  });
});
