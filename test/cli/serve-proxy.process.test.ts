/** Gateways that the environment tells to send by a proxy. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { endAll, serve } from '../support/serving.ts';

afterEach(async () => {
  vi.unstubAllEnvs();
  await endAll();
});

/** Takes what is for any host to one upstream, by absolute targets and by tunnels, and tells which hosts were asked for. */
async function proxy(): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const upstream = createServer((_, response) => response.end('upstream')).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port: upstreamPort } = upstream.address() as AddressInfo;
  const server = createServer((request, response) => {
    asked.push(new URL(request.url as string).host);
    response.end('upstream');
  });
  server.on('connect', (request, socket) => {
    asked.push(request.url as string);
    const tunnel = connect(upstreamPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnel.pipe(socket).on('error', () => {});
      socket.pipe(tunnel).on('error', () => {});
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const each of [upstream, server]) {
      each.closeAllConnections();
      each.close();
    }
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test('goes by the proxy of its environment', async () => {
    const { port, asked } = await proxy();
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, `http://127.0.0.1:${port}`);
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
    const { url } = await serve(['--upstream', 'http://upstream.invalid'], runtime);
    vi.unstubAllEnvs();
    expect(await (await fetch(url)).text()).toBe('upstream');
    expect(asked[0]).toMatch(/^upstream\.invalid(:80)?$/);
  });
});
