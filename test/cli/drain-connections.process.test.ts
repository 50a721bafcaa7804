/** What must not hold up the end of a gateway, and what it says of what it cuts off, on each runtime that listens. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endAll, serve, startScript } from '../support/serving.ts';

const earlySignal = new URL('../support/early-signal.ts', import.meta.url).pathname;
const sockets: Socket[] = [];
let upstream: Server;
let upstreamUrl: string;

beforeAll(async () => {
  upstream = createServer(({ url }, response) => {
    response.write('begun');
    if (url === '/whole') response.end();
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(() => {
  endAll();
  for (const socket of sockets.splice(0)) socket.destroy();
});

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

/** A connection that sends this and then nothing more. */
async function open(url: string, text: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  if (text !== '') await new Promise((sent) => socket.write(text, sent));
  return socket;
}

/** The first line of what comes back, or why nothing does. */
function answerOn(socket: Socket): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\r\n')) resolve(text.split('\r\n', 1)[0] as string);
    });
    socket.on('error', ({ message }) => resolve(message));
    socket.on('close', () => resolve(text));
  });
}

const whole = 'GET /whole HTTP/1.1\r\nHost: shop\r\n\r\n';
const answered = 'HTTP/1.1 200 OK';

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  // An hour: whatever waits for the drain's end runs into the test's.
  const patient = ['--drain-timeout', '3600'];

  test('waits for no connection that has sent nothing, or half a head', async () => {
    const gateway = await serve(['--upstream', upstreamUrl, ...patient], runtime);
    await open(gateway.url, '');
    await open(gateway.url, 'GET / HTTP/1.1\r\nHo');
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited(), gateway.output()).toBe(0);
    expect(gateway.output()).toContain('draining 0 requests');
    expect(gateway.output()).not.toContain('cut off');
  });

  /** Node and Bun need no delay for it; Deno does not tell whom it has taken, and needs as long as the machine does. */
  const delays = runtime === 'deno' ? [['--drain-delay', '3600']] : [['--drain-delay', '0'], []];
  test.each(delays)(
    'answers those who stand in the queue of the kernel when it is told to end',
    async (...delay) => {
      const gateway = await serve(['--upstream', upstreamUrl, ...patient, ...delay], runtime);
      gateway.process.kill('SIGSTOP');
      const clients = await Promise.all(Array.from({ length: 50 }, () => open(gateway.url, whole)));
      const answers = clients.map(answerOn);
      gateway.process.kill('SIGTERM');
      gateway.process.kill('SIGCONT');
      expect(await Promise.all(answers)).toEqual(answers.map(() => answered));
      if (runtime === 'deno') gateway.process.kill('SIGTERM');
      expect(await gateway.exited(), gateway.output()).toBe(0);
    },
  );

  test('takes new connections for as long as --drain-delay says, though it is not ready', async () => {
    const gateway = await serve(
      ['--upstream', upstreamUrl, '--drain-delay', '3600', '--drain-timeout', '0'],
      runtime,
    );
    gateway.process.kill('SIGTERM');
    await gateway.said(/draining/);
    expect((await fetch(`${gateway.admin}/readyz`)).status).toBe(503);
    const late = await fetch(`${gateway.url}/whole`);
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
    await late.text();
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited(), gateway.output()).toBe(0);
    // Deno does not tell.
    const cut = runtime === 'deno' ? 'answers under way cut off' : '0 requests cut off';
    expect(gateway.output()).toContain(cut);
  });

  test('says that it cuts off an answer whose body is on its way', async () => {
    const gateway = await serve(['--upstream', upstreamUrl, ...patient], runtime);
    const { body } = await fetch(gateway.url);
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    gateway.process.kill('SIGTERM');
    await gateway.said(/draining/);
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited(), gateway.output()).toBe(0);
    await expect(reader.read()).rejects.toThrow();
    const cut = runtime === 'deno' ? 'answers under way cut off' : '1 requests cut off';
    expect(gateway.output()).toContain(cut);
  });

  test('ends in order at a signal that comes before it has loaded', async () => {
    const args = ['serve', '--upstream', upstreamUrl, '--port', '0', '--admin-port', '0'];
    const gateway = startScript(earlySignal, args, runtime);
    expect(await gateway.exited(), gateway.output()).toBe(0);
    expect(gateway.output()).toContain('draining 0 requests');
  });
});

test('--watch without a file to watch is told', async () => {
  const gateway = await serve(['--upstream', upstreamUrl, '--watch']);
  expect(gateway.output()).toContain('--watch is ignored');
});
