/** What a gateway on each runtime that listens hands on of requests and answers, over sockets. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endAll, type Serving, serve } from '../support/serving.ts';

const upstream = createServer(({ url, method, headers }, response) => {
  switch (url) {
    case '/gzip':
      response.setHeader('content-encoding', 'gzip');
      return response.end(gzipSync('what was packed'));
    case '/cookies':
      response.setHeader('set-cookie', [
        'a=1; Path=/',
        'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      ]);
      return response.end();
    case '/length':
      response.setHeader('content-length', '12345');
      return response.end(method === 'HEAD' ? undefined : 'x'.repeat(12_345));
    case '/range':
      response.writeHead(206, { 'content-range': 'bytes 0-3/10', 'content-length': '4' });
      return response.end(String(headers.range).slice(0, 4));
    case '/same':
      return response.writeHead(304, { etag: '"1"' }).end();
    case '/large':
      return response.writeHead(413).end(`${headers['content-length']} is too much here`);
    default:
      // Longer than Bun's server waits by itself: it looks every four seconds whether ten are over.
      setTimeout(() => response.end('at last'), 15_000);
      return response;
  }
});

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
afterAll(() => {
  endAll();
  upstream.closeAllConnections();
  upstream.close();
});

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  let gateway: Serving;

  beforeAll(async () => {
    const { port } = upstream.address() as AddressInfo;
    gateway = await serve(['--upstream', `http://127.0.0.1:${port}`], runtime);
  });

  const get = (path: string, init?: RequestInit) => fetch(`${gateway.url}${path}`, init);

  test('a body in an encoding that nobody asked for can be read', async () => {
    const response = await get('/gzip');
    expect(response.headers.get('content-encoding')).toBe(runtime === 'bun' ? null : 'gzip');
    expect(await response.text()).toBe('what was packed');
  });

  test('cookies stay apart', async () => {
    const { headers } = await get('/cookies');
    expect(headers.getSetCookie()).toEqual([
      'a=1; Path=/',
      'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
    ]);
  });

  test('HEAD tells the length of what it does not send', async () => {
    const { headers } = await get('/length', { method: 'HEAD' });
    expect(headers.get('content-length')).toBe('12345');
  });

  test('parts, and answers without a body', async () => {
    const part = await get('/range', { headers: { range: 'bytes=0-3' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 0-3/10']);
    expect(await part.text()).toBe('byte');
    const same = await get('/same', { headers: { 'if-none-match': '"1"' } });
    expect([same.status, same.headers.get('etag')]).toEqual([304, '"1"']);
  });

  test('how long a body may be is for rules to say, and not for the runtime', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1').on('error', () => {});
    const head = 'POST /large HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n';
    socket.write(`${head}content-length: 500000000\r\n\r\nthe beginning`);
    let said = '';
    for await (const chunk of socket.setEncoding('latin1')) {
      said += chunk;
      if (said.includes('here')) break;
    }
    expect(said).toContain('500000000 is too much here');
  });

  test('an answer may take its time', async () => {
    expect(await (await get('/slow')).text()).toBe('at last');
  });
});
