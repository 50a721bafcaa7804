import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { outbound } from '../../src/core/outbound.ts';
import { retry } from '../../src/policies/retry.ts';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server on a free port, with its URL. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const users = outbound(fetch, retry({ baseDelay: '1ms' }));

describe('over real sockets', () => {
  test('BR-03: a stream of 64 MB is sent once, to its end', async () => {
    const megabytes = 64;
    let received = 0;
    const url = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      request.on('end', () => response.writeHead(503).end('no'));
    });
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ === megabytes) controller.close();
        else controller.enqueue(new Uint8Array(1_048_576));
      },
    });
    const init = { method: 'PUT', body, duplex: 'half' } as RequestInit;
    const response = await users(url, init);
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('no');
    expect(received).toBe(megabytes * 1_048_576);
  });

  test.each<[string, () => BodyInit, number]>([
    ['text', () => 'grüße', 7],
    ['bytes', () => new Uint8Array(1_000), 1_000],
    ['a Blob', () => new Blob(['hello']), 5],
    ['parameters', () => new URLSearchParams({ a: '1' }), 3],
  ])('BR-01: %s is sent with its length, by every try', async (_, body, length) => {
    const lengths: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      lengths.push(request.headers['content-length']);
      request.resume().on('end', () => response.writeHead(lengths.length < 3 ? 503 : 200).end());
    });
    expect((await users(url, { method: 'PUT', body: body() })).status).toBe(200);
    expect(lengths).toEqual([String(length), String(length), String(length)]);
  });

  test('BR-01: a form is sent with its length, the same by every try', async () => {
    const lengths: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      lengths.push(request.headers['content-length']);
      request.resume().on('end', () => response.writeHead(lengths.length < 3 ? 503 : 200).end());
    });
    const body = new FormData();
    body.set('file', new Blob(['x'.repeat(300_000)]), 'x.txt');
    expect((await users(url, { method: 'PUT', body })).status).toBe(200);
    expect(Number(lengths[0])).toBeGreaterThan(300_000);
    expect(new Set(lengths).size).toBe(1);
  });

  test('BR-01: a 307 is followed with the body, on the second try too', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      request.on('end', () => {
        seen.push(`${request.url} ${text}`);
        if (seen.length === 1) response.writeHead(503).end();
        else if (request.url === '/') response.writeHead(307, { location: '/there' }).end();
        else response.end('arrived');
      });
    });
    const response = await users(url, { method: 'PUT', body: 'hello' });
    expect(await response.text()).toBe('arrived');
    expect(seen).toEqual(['/ hello', '/ hello', '/there hello']);
  });

  test('RT-05: a port that fetch blocks, and redirects in a circle, are tried once', async () => {
    let calls = 0;
    const counting = outbound(
      (request) => {
        calls += 1;
        return fetch(request);
      },
      retry({ baseDelay: '1ms' }),
    );
    await expect(counting('http://127.0.0.1:6667/')).rejects.toThrow();
    expect(calls).toBe(1);
    let redirects = 0;
    const url = await serve((_, response) => {
      redirects += 1;
      response.writeHead(302, { location: '/' }).end();
    });
    await expect(counting(url)).rejects.toThrow();
    expect(calls).toBe(2);
    expect(redirects).toBe(21);
  });
});
