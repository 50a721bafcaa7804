/** Node's HTTP client as what sends requests, and its answers as responses: to servers that listen. */

import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { abortCallbacks } from '../../src/core/abort-callbacks.ts';
import { networkFailureOf } from '../../src/core/network-failure.ts';
import { listen } from '../../src/runtimes/listen.ts';
import { nodeTransport } from '../../src/runtimes/node-transport.ts';
import { freePort } from '../support/free-port.ts';

const send = nodeTransport();

async function upstream(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with these bytes, whatever is asked, and closes. */
async function saying(bytes: string): Promise<string> {
  return await talking((socket) => socket.once('data', () => socket.end(bytes, 'latin1')));
}

async function talking(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves what the transport brings, as `serve` does. */
async function served(url: string): Promise<string> {
  const listener = await listen(
    (request) => send(url, { method: request.method, signal: request.signal }),
    { port: 0 },
  );
  onTestFinished(() => listener.close(true));
  return listener.url;
}

/** Resolves with what an upstream got next, and what it can answer with. */
function nextOf<T extends unknown[]>(): { got: Promise<T>; onNext: (...got: T) => void } {
  let onNext: (...got: T) => void = () => {};
  const got = new Promise<T>((resolve) => {
    onNext = (...next) => resolve(next);
  });
  return { got, onNext };
}

type Exchange = [IncomingMessage, ServerResponse];

async function textOf(message: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('a request', () => {
  test('goes out with its method, path, query and fields, and the upstream’s own host', async () => {
    const { got, onNext } = nextOf<Exchange>();
    const url = await upstream((request, response) => {
      response.end();
      onNext(request, response);
    });
    await send(`${url}/a%20b?c=%26#d`, {
      method: 'PATCH',
      headers: { 'x-one': 'ä', accept: '*/*' },
    });
    const [{ method, url: target, headers }] = await got;
    expect([method, target]).toEqual(['PATCH', '/a%20b?c=%26']);
    expect(headers).toEqual({
      'x-one': 'ä',
      accept: '*/*',
      host: new URL(url).host,
      connection: 'keep-alive',
      'content-length': '0',
    });
  });

  test.each<[string, BodyInit, Record<string, string>, Record<string, string>]>([
    ['text', 'text', {}, { 'content-type': 'text/plain;charset=UTF-8' }],
    ['a form', new URLSearchParams({ a: 'text' }), {}, {}],
    ['a stream', new Blob(['te', 'xt']).stream(), {}, { 'transfer-encoding': 'chunked' }],
    ['a stream of known length', new Blob(['text']).stream(), { 'content-length': '4' }, {}],
  ])('takes %s along', async (_, body, headers, expected) => {
    const url = await upstream(async (request, response) => {
      response.end(JSON.stringify([request.headers, await textOf(request)]));
    });
    const response = await send(url, { method: 'POST', headers, body });
    const [got, text] = await response.json();
    expect(text).toMatch(/text$/);
    expect(got).toMatchObject({ ...headers, ...expected });
  });

  test.each([[new Headers({ 'x-one': '1' })], [[['x-one', '1']] as [string, string][]]])(
    'takes fields as %o',
    async (headers) => {
      const url = await upstream((request, response) => response.end(request.headers['x-one']));
      expect(await (await send(url, { headers })).text()).toBe('1');
    },
  );

  test('goes on a connection that is free again, with a body or without', async () => {
    const ports: (number | undefined)[] = [];
    const url = await upstream((request, response) => {
      ports.push(request.socket.remotePort);
      response.statusCode = Number(request.url?.slice(1));
      if (response.statusCode === 200) response.setHeader('content-length', 4).end('text');
      else response.end();
    });
    for (const [method, status] of [
      ['GET', 200],
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
      ['GET', 200],
    ] as const) {
      const response = await send(`${url}/${status}`, { method });
      expect(await response.text()).toBe(method === 'GET' && status === 200 ? 'text' : '');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(new Set(ports).size).toBe(1);
  });

  describe('on a kept connection that the upstream closes when it is used again', () => {
    /** Answers the first request of each connection, and ends it with the second; resolves to the methods that came. */
    async function forgetful(): Promise<{ url: string; methods: string[] }> {
      const methods: string[] = [];
      const url = await talking((socket) => {
        socket.once('data', (first) => {
          methods.push(String(first).split(' ')[0] as string);
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          socket.once('data', (second) => {
            methods.push(String(second).split(' ')[0] as string);
            socket.resetAndDestroy();
          });
        });
      });
      await (await send(url, {})).text();
      await new Promise((resolve) => setImmediate(resolve));
      return { url, methods };
    }

    test.each(['GET', 'HEAD', 'OPTIONS'])('%s is sent again, on a new one', async (method) => {
      const { url, methods } = await forgetful();
      expect((await send(url, { method })).status).toBe(200);
      expect(methods).toEqual(['GET', method, method]);
    });

    test.each([
      ['POST', undefined],
      ['DELETE', undefined],
      ['OPTIONS', 'text'],
    ])('%s with a body of %o is not', async (method, body) => {
      const { url, methods } = await forgetful();
      const sent = send(url, { method, ...(body && { body }) });
      await expect(sent).rejects.toThrow('fetch failed');
      expect(methods).toEqual(['GET', method]);
    });

    test('nor is one that finds nobody at all', async () => {
      const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await (await send(url, {})).text();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      const error = await send(url, {}).catch((reason) => reason);
      expect(networkFailureOf(error)).toBe('connect');
    });
  });

  test('leaves the connection free where a body that came whole is cancelled', async () => {
    const ports: (number | undefined)[] = [];
    const url = await upstream((request, response) => {
      ports.push(request.socket.remotePort);
      response.end('text');
    });
    for (let count = 0; count < 2; count++) {
      await (await send(url, {})).body?.cancel();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(new Set(ports).size).toBe(1);
  });

  test('ends its connection where a body that is still to come is cancelled', async () => {
    const { got, onNext } = nextOf<Exchange>();
    const url = await upstream((request, response) => {
      response.write('begin');
      onNext(request, response);
    });
    const response = await send(url, {});
    const [, held] = await got;
    const closed = once(held, 'close');
    await response.body?.cancel();
    await closed;
  });

  test('is broken off where its body fails, or is not as long as it says', async () => {
    const url = await upstream((request) => request.resume());
    const failing = new ReadableStream({
      pull: (controller) => controller.error(new Error('gone')),
    });
    await expect(send(url, { method: 'POST', body: failing })).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { message: 'gone' },
    });
    const short = new Blob(['text']).stream();
    const headers = { 'content-length': '5' };
    await expect(send(url, { method: 'POST', body: short, headers })).rejects.toMatchObject({
      cause: { code: 'ERR_HTTP_CONTENT_LENGTH_MISMATCH' },
    });
  });

  test('is broken off where somebody else reads its body', async () => {
    const url = await upstream((request) => request.resume());
    const body = new Blob(['text']).stream();
    body.getReader();
    await expect(send(url, { method: 'POST', body })).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { message: expect.stringContaining('locked') },
    });
  });

  test('takes no more of its body than the upstream does, and cancels it where that has gone', async () => {
    const { got, onNext } = nextOf<[Socket]>();
    const url = await talking((socket) => {
      socket.pause();
      onNext(socket);
    });
    let pulled = 0;
    const cancelled = Promise.withResolvers<void>();
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1 << 20));
      },
      cancel: () => cancelled.resolve(),
    });
    const answer = send(url, { method: 'POST', body: endless });
    answer.catch(() => {});
    const [socket] = await got;
    for (let before = -1; before !== pulled; ) {
      before = pulled;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(pulled).toBeLessThan(64);
    socket.destroy();
    await cancelled.promise;
    await expect(answer).rejects.toThrow('fetch failed');
  });

  test.each([
    ['http://ada:secret@127.0.0.1/', 'the URL holds credentials'],
    ['file:///etc/passwd', 'file: is neither http: nor https:'],
    ['/relative', 'Invalid URL'],
  ])('%s: none', async (url, message) => {
    const error = await send(url, {}).catch((reason) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('secret');
  });
});

describe('an answer', () => {
  test('is handed on as it came: status, reason, fields, bytes', async () => {
    const url = await saying(
      'HTTP/1.1 299 Fine \xe4\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x00\xff\x01',
    );
    const response = await send(url, { redirect: 'manual' });
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.statusText, response.ok]).toEqual([299, 'Fine \xe4', true]);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([0, 255, 1]));
  });

  test('is a redirect where it is one, whatever was asked for', async () => {
    const url = await saying('HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n');
    const response = await send(url, { redirect: 'follow' });
    expect([response.status, response.headers.get('location')]).toEqual([302, '/b']);
  });

  test.each<[string, (response: Response) => Promise<unknown>, unknown]>([
    ['text', (response) => response.text(), '{"a":1}'],
    ['json', (response) => response.json(), { a: 1 }],
    ['bytes', (response) => response.bytes(), new TextEncoder().encode('{"a":1}')],
    ['blob', async (response) => (await response.blob()).type, 'application/json'],
    [
      'a clone',
      async (response) => [await response.clone().text(), await response.text()],
      ['{"a":1}', '{"a":1}'],
    ],
    ['a copy', (response) => new Response(response.body, response).json(), { a: 1 }],
  ])('can be read as %s', async (_, read, expected) => {
    const url = await upstream((__, response) => {
      response.setHeader('content-type', 'application/json').end('{"a":1}');
    });
    expect(await read(await send(url, {}))).toEqual(expected);
  });

  test('can be read as a form', async () => {
    const url = await upstream((_, response) => {
      response.setHeader('content-type', 'application/x-www-form-urlencoded').end('a=1');
    });
    expect((await (await send(url, {})).formData()).get('a')).toBe('1');
  });

  test('can be read once', async () => {
    const url = await upstream((_, response) => response.end('text'));
    const response = await send(url, {});
    expect(response.bodyUsed).toBe(false);
    await response.text();
    expect(response.bodyUsed).toBe(true);
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  test('lets its fields be edited', async () => {
    const url = await upstream((_, response) => response.end());
    const { headers } = await send(url, {});
    headers.set('x-one', '1');
    expect(headers.get('x-one')).toBe('1');
  });
});

describe('what goes wrong', () => {
  test.each<[string, () => Promise<string>, ReturnType<typeof networkFailureOf>]>([
    ['nobody listens', async () => `http://127.0.0.1:${await freePort()}`, 'connect'],
    ['no such name', async () => 'http://nothing.invalid', 'connect'],
    ['closed before it answers', () => saying(''), 'reset'],
    ['no HTTP', () => saying('+PONG\r\n'), 'reset'],
    [
      'an upgrade that nobody asked for',
      () => saying('HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
      'reset',
    ],
  ])('%s: a TypeError, which is known for what it is', async (_, make, expected) => {
    const error = await send(await make(), {}).catch((reason) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('fetch failed');
    expect(networkFailureOf(error)).toBe(expected);
  });

  test('an answer that breaks off fails its body', async () => {
    const url = await saying('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
    const error = await (await send(url, {})).text().catch((reason) => reason);
    expect(error.message).toBe('terminated');
    expect(networkFailureOf(error)).toBe('reset');
  });

  test('a handshake that comes to nothing ends after connectTimeout', async () => {
    const silent = (await talking(() => {})).replace('http:', 'https:');
    const impatient = nodeTransport({ connectTimeout: '20ms' });
    const error = await impatient(silent, {}).catch((reason) => reason);
    expect(networkFailureOf(error)).toBe('connect');
    expect(error.cause.message).toBe('no connection within 20 ms');
  });

  test('silence ends after streamIdleTimeout, before the answer and in it', async () => {
    const impatient = nodeTransport({ streamIdleTimeout: '20ms' });
    const silent = await talking(() => {});
    const error = await impatient(silent, {}).catch((reason) => reason);
    expect(networkFailureOf(error)).toBe('reset');
    expect(error.cause.message).toBe('the upstream was silent for too long');
    const stuck = await upstream((_, response) => response.write('begin'));
    await expect((await impatient(stuck, {})).text()).rejects.toThrow('terminated');
  });
});

describe('a signal', () => {
  const reason = new Error('left');

  test('that has aborted: nothing is sent', async () => {
    const url = await upstream(() => expect.unreachable());
    await expect(send(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test.each([[null], ['left'], [new Error('left')]])(
    'may abort with %o as its reason',
    async (left) => {
      const { got, onNext } = nextOf<Exchange>();
      const url = await upstream((request, response) => {
        if (request.url === '/first') response.end('text');
        else onNext(request, response);
      });
      await (await send(`${url}/first`, {})).text();
      await new Promise((resolve) => setImmediate(resolve));
      const caller = new AbortController();
      const answer = send(url, { signal: caller.signal });
      await got;
      caller.abort(left);
      await expect(answer).rejects.toBe(left);
    },
  );

  test('ends the exchange before its answer, and the upstream is told', async () => {
    const { got, onNext } = nextOf<Exchange>();
    const url = await upstream(onNext);
    const caller = new AbortController();
    const answer = send(url, { signal: caller.signal });
    const [, held] = await got;
    const closed = once(held, 'close');
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await closed;
    expect(abortCallbacks(caller.signal)).toBe(0);
  });

  test('fails the body that is being read', async () => {
    const { got, onNext } = nextOf<Exchange>();
    const url = await upstream((request, response) => {
      response.write('begin');
      onNext(request, response);
    });
    const caller = new AbortController();
    const response = await send(url, { signal: caller.signal });
    const closed = once((await got)[1], 'close');
    const text = response.text();
    caller.abort(reason);
    await expect(text).rejects.toBe(reason);
    await closed;
  });

  test('keeps nothing of an exchange that is over', async () => {
    const url = await upstream((_, response) => response.end('text'));
    const { signal } = new AbortController();
    await (await send(url, { signal })).text();
    await new Promise((resolve) => setImmediate(resolve));
    expect(abortCallbacks(signal)).toBe(0);
  });
});

describe('an answer that is served', () => {
  test.each([
    ['whole', (response: ServerResponse) => response.end('text')],
    [
      'in parts',
      (response: ServerResponse) => {
        response.write('te');
        setTimeout(() => response.end('xt'), 5);
      },
    ],
    ['empty', (response: ServerResponse) => response.writeHead(204).end()],
  ])('goes through: %s', async (name, answer) => {
    const url = await served(await upstream((_, response) => answer(response)));
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual(
      name === 'empty' ? [204, ''] : [200, 'text'],
    );
  });

  test('to HEAD has its length and no body', async () => {
    const url = await served(
      await upstream((_, response) => response.setHeader('content-length', 4).end('text')),
    );
    const { headers } = await fetch(url, { method: 'HEAD' });
    expect(headers.get('content-length')).toBe('4');
  });

  test('has a head before there is a body', async () => {
    const url = await served(await upstream((_, response) => response.flushHeaders()));
    const response = await fetch(url);
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  test('breaks off where the upstream does', async () => {
    const url = await served(
      await upstream((_, response) => {
        response.write('begin');
        setTimeout(() => response.destroy(), 5);
      }),
    );
    await expect((await fetch(url)).text()).rejects.toThrow('terminated');
  });

  test('ends for the upstream where the client leaves', async () => {
    const { got, onNext } = nextOf<Exchange>();
    const url = await served(
      await upstream((request, response) => {
        response.write('begin');
        onNext(request, response);
      }),
    );
    const response = await fetch(url);
    const closed = once((await got)[1], 'close');
    await response.body?.cancel();
    await closed;
  });

  test('is taken from the upstream at the pace of the client, all of it', async () => {
    const sent = 64 << 20;
    let written = 0;
    const url = await served(
      await upstream(async (_, response) => {
        for (; written < sent; written += 1 << 20) {
          if (!response.write(new Uint8Array(1 << 20))) await once(response, 'drain');
        }
        response.end();
      }),
    );
    const response = await fetch(url);
    for (let before = -1; before !== written; ) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(written).toBeLessThan(sent / 2);
    expect((await response.arrayBuffer()).byteLength).toBe(sent);
  });
});
