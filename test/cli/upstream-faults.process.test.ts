/** Upstreams that answer what is no HTTP, behind a gateway on each runtime that listens. */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cli, endAll, serve } from '../support/serving.ts';

const answers: Readonly<Record<string, string>> = {
  'no status line': 'nonsense\r\n\r\n',
  'a length that is none': 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nok',
  'an upgrade that nobody asked for':
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nok',
  'no status': 'HTTP/1.1 099 Nothing\r\ncontent-length: 2\r\n\r\nok',
  'a header without a colon': 'HTTP/1.1 200 OK\r\nbad header\r\n\r\nok',
  '30 kB of headers': `HTTP/1.1 200 OK\r\nx-big: ${'a'.repeat(30_000)}\r\ncontent-length: 2\r\n\r\nok`,
};
let upstream: Server;
let upstreamUrl: string;

beforeAll(async () => {
  upstream = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (head) => {
      const name = /^GET \/(\S*)/.exec(String(head))?.[1] ?? '';
      socket.end(answers[decodeURIComponent(name)] ?? '');
    });
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(endAll);

afterAll(() => {
  upstream.close();
});

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test('answers 502 and says that the upstream broke the protocol', async () => {
    const { url } = await serve(['--upstream', upstreamUrl], runtime);
    const reasonFor = async (name: string): Promise<unknown> => {
      const response = await fetch(`${url}/${encodeURIComponent(name)}`);
      const { reason } = (await response.json()) as { reason: string };
      return [response.status, reason];
    };
    const protocol = [502, 'upstream_error'];
    expect(await reasonFor('a length that is none')).toEqual(protocol);
    expect(await reasonFor('a header without a colon')).toEqual(protocol);
    expect(await reasonFor('an upgrade that nobody asked for')).toEqual(protocol);
    expect(await reasonFor('no status')).toEqual(protocol);
    // Bun says no more of it than that the connection was closed.
    expect(await reasonFor('no status line')).toEqual(
      runtime === 'bun' ? [502, 'upstream_connection_lost'] : protocol,
    );
    // Bun and Deno have no limit there.
    if (runtime === 'node') expect(await reasonFor('30 kB of headers')).toEqual(protocol);
  });
});

test('--upstream with a port that Fetch blocks is refused', async () => {
  const gateway = cli(['serve', '--upstream', 'http://127.0.0.1:6000']);
  expect(await gateway.exited()).toBe(2);
  expect(gateway.output()).toContain('the Fetch Standard blocks port 6000');
});
