/** Real servers, real sockets, and the real `fetch` of Node, Bun and Deno. */

import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type AddressInfo,
  createServer as createSocketServer,
  type Server,
  type Socket,
} from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';

const root = resolve(import.meta.dirname, '../..');
const client = 'test/fixtures/sockets/client.ts';
const runtimes: Record<string, readonly string[]> = {
  node: ['--disable-warning=ExperimentalWarning', client],
  bun: ['run', client],
  deno: ['run', '-A', '--no-remote', '--node-modules-dir=manual', client],
};

/** What each server does with a connection once a request has come. */
const misbehaviours: Record<string, (socket: Socket) => void> = {
  closes: (socket) => socket.destroy(),
  resets: (socket) => socket.resetAndDestroy(),
  'breaks off': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.destroy());
  },
};

const servers: Server[] = [];
const urls: Record<string, string> = {};

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  for (const [name, misbehave] of Object.entries(misbehaviours)) {
    urls[name] = await listen(
      createSocketServer((socket) => {
        socket.on('error', () => {}).once('data', () => misbehave(socket));
      }),
    );
  }
  urls['shop'] = await listen(createServer(answer));
  urls['refuses'] = `http://127.0.0.1:${await freePort()}`;
});

afterAll(() => {
  for (const server of servers) {
    if ('closeAllConnections' in server) (server.closeAllConnections as () => void)();
    server.close();
  }
});

describe.each(Object.entries(runtimes))('on %s', (runtime, args) => {
  let report: Record<string, unknown>;

  beforeAll(async () => {
    tries.clear();
    const { stdout } = await promisify(execFile)(
      join(root, 'node_modules/.bin', runtime),
      [...args, JSON.stringify(urls)],
      { cwd: root, env: { ...process.env, NO_COLOR: '1' } },
    );
    report = JSON.parse(stdout) as Record<string, unknown>;
  });

  test('RT-05: network failures are told apart from answers, and refusals from breaks', () => {
    expect(report['failures']).toEqual({
      closes: 'reset',
      resets: 'reset',
      'breaks off': 'reset',
      refuses: 'connect',
    });
  });

  test('BR-01: a string is sent again, whole', () => {
    expect(report['text']).toMatchObject({ tries: 2, body: 'a pair of shoes' });
  });

  test('BR-01: a form is sent again, with its boundary', () => {
    const { tries, type, body } = report['form'] as Record<string, string>;
    expect(tries).toBe(2);
    const boundary = /^multipart\/form-data; ?boundary=(.+)$/.exec(type ?? '')?.[1];
    expect(boundary).toBeDefined();
    expect(body).toContain(`--${boundary}`);
    expect(body).toContain('SKU-001');
  });

  test('BR-02: a stream is sent again, whole', () => {
    expect(report['stream']).toMatchObject({ tries: 2, body: 'one two' });
  });

  test('pitfall 12: an abort while the body is read reaches it, and is no failure', () => {
    expect(report['abort']).toBe('ignored');
  });

  test('a limit ends a real call', () => {
    expect(report['slow']).toBe(504);
  });
});

const tries = new Map<string, number>();

/** The first PUT of each kind fails, once its body has come; the second is told what came. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const { url = '' } = request;
  if (url === '/stalled') return;
  if (url === '/endless') {
    response.writeHead(200).write('first');
    return;
  }
  const made = (tries.get(url) ?? 0) + 1;
  tries.set(url, made);
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    response.writeHead(made === 1 ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ tries: made, body, type: request.headers['content-type'] }));
  });
}
