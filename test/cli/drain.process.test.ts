/** What happens to requests under way when a gateway is told to end, on each runtime that listens. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { endAll, type Serving, serve } from '../support/serving.ts';

const half = 'x'.repeat(40_000);
/** Ends the answers that the upstream keeps back. */
const waiting: (() => void)[] = [];
let upstream: Server;
let upstreamUrl: string;
let receiver: OtlpReceiver;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    if (request.url === '/quick') {
      response.end('quick');
      return;
    }
    if (request.url === '/body') response.write(half);
    waiting.push(() => response.end(half));
    upstream.emit('waiting');
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(async () => {
  endAll();
  waiting.length = 0;
  await receiver.close();
});

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

async function waitingAre(count: number): Promise<void> {
  while (waiting.length < count) await once(upstream, 'waiting');
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.text();
  return response.status;
}

/** Answers whose headers are kept back, and answers whose headers came and whose bodies are kept back. */
async function load({ url }: Serving, each: number) {
  // Connections that stay open between requests.
  const quick = Array.from({ length: each }, () => statusOf(`${url}/quick`));
  expect(await Promise.all(quick)).toEqual(quick.map(() => 200));
  const whole = Array.from({ length: each }, () => fetch(`${url}/answer`));
  const begun = Array.from({ length: each }, () => fetch(`${url}/body`));
  await Promise.all(begun);
  await waitingAre(2 * each);
  return { whole, begun };
}

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'loses no request and no span at %s, says that it is not ready, and ends with 0',
    async (signal) => {
      receiver = await startOtlpReceiver();
      const options = ['--upstream', upstreamUrl, '--otlp-endpoint', receiver.origin];
      const gateway = await serve([...options, '--drain-timeout', '3600'], runtime);
      const { whole, begun } = await load(gateway, 12);

      gateway.process.kill(signal);
      await gateway.said(/draining \d+ requests/);
      expect(await statusOf(`${gateway.admin}/readyz`)).toBe(503);
      for (const answer of waiting) answer();

      const wholes = await Promise.all(whole.map(async (response) => (await response).text()));
      const begins = await Promise.all(begun.map(async (response) => (await response).text()));
      expect(wholes.every((body) => body === half)).toBe(true);
      expect(begins.every((body) => body === half + half)).toBe(true);
      expect(await gateway.exited()).toBe(0);
      expect(receiver.errors).toEqual([]);
      // A server span and a client span each.
      expect(receiver.spans).toHaveLength(2 * 36);
    },
  );

  test('a second signal cuts off what has not ended, and what was recorded still goes out', async () => {
    receiver = await startOtlpReceiver();
    const options = ['--upstream', upstreamUrl, '--otlp-endpoint', receiver.origin];
    const gateway = await serve([...options, '--drain-timeout', '3600'], runtime);
    expect(await statusOf(`${gateway.url}/quick`)).toBe(200);
    const stuck = fetch(`${gateway.url}/answer`).catch(() => 'cut off');
    await waitingAre(1);
    gateway.process.kill('SIGTERM');
    await gateway.said(/draining 1 requests/);
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited(), gateway.output()).toBe(0);
    expect(await stuck).toBe('cut off');
    expect(gateway.output()).toContain('1 requests cut off');
    expect(receiver.spans.length).toBeGreaterThanOrEqual(2);
  });
});
