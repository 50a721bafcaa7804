/** Collectors that fail: no request waits for them, and what is lost is told. On each runtime that listens. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type Behaviour, type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { endAll, type Serving, serve } from '../support/serving.ts';

/** Requests whose spans, two each, fill a batch: it goes out while the gateway serves. */
const batchOfRequests = 256;
const always = (behaviour: Behaviour): Behaviour[] => Array.from({ length: 30 }, () => behaviour);
const partial = {
  status: 200,
  body: JSON.stringify({ partialSuccess: { rejectedSpans: '2', errorMessage: 'too old' } }),
};

interface Fault {
  readonly script: readonly Behaviour[];
  /** Seconds of the drain. */
  readonly drain: number;
  /** What is said of the spans of 257 requests. */
  readonly says: readonly RegExp[];
  /** Spans that arrived. */
  readonly arrived: number;
}

const everySpan = 2 * (batchOfRequests + 1);
const lost = (spans: number): RegExp =>
  new RegExp(`traces: ${spans} of ${everySpan} spans are lost`);
const faults: Record<string, Fault> = {
  hangs: { script: always('hang'), drain: 1, says: [lost(everySpan)], arrived: 0 },
  'drops the connection': {
    ...{ script: always('drop'), drain: 1 },
    ...{ says: [lost(everySpan)], arrived: 0 },
  },
  'drops the connection once': {
    ...{ script: ['drop'], drain: 30 },
    ...{ says: [], arrived: everySpan },
  },
  'answers 429 once': {
    ...{ script: [{ status: 429 }], drain: 30 },
    ...{ says: [], arrived: everySpan },
  },
  'answers 503 with Retry-After once': {
    ...{ script: [{ status: 503, headers: { 'retry-after': '1' } }], drain: 30 },
    ...{ says: [], arrived: everySpan },
  },
  'answers 503 with a Retry-After that is too late': {
    ...{ script: always({ status: 503, headers: { 'retry-after': '3600' } }), drain: 30 },
    ...{ says: [/spans are lost: status 503/, lost(everySpan)], arrived: 0 },
  },
  'answers 400': {
    ...{ script: always({ status: 400 }), drain: 30 },
    ...{ says: [/spans are lost: status 400/, lost(everySpan)], arrived: 0 },
  },
  'takes only a part': {
    ...{ script: [partial], drain: 30 },
    ...{ says: [/2 of \d+ spans rejected: "too old"/, lost(2)], arrived: everySpan },
  },
};

let receiver: OtlpReceiver | undefined;
let upstream: Server;
let upstreamUrl: string;

beforeAll(async () => {
  // A busy machine may take longer for a try than an export gets by default.
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '600000');
  upstream = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(async () => {
  endAll();
  await receiver?.close();
  receiver = undefined;
});

afterAll(() => {
  vi.unstubAllEnvs();
  upstream.closeAllConnections();
  upstream.close();
});

async function get({ url }: Serving): Promise<string> {
  return (await fetch(url)).text();
}

async function fillBatch(gateway: Serving): Promise<void> {
  for (let sent = 0; sent < batchOfRequests; sent += 32) {
    await Promise.all(Array.from({ length: 32 }, () => get(gateway)));
  }
}

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test.each(Object.entries(faults))('and a collector that %s', async (_, fault) => {
    receiver = await startOtlpReceiver(...fault.script);
    const gateway = await serve(
      [
        ...['--upstream', upstreamUrl, '--otlp-endpoint', receiver.origin],
        ...['--drain-timeout', String(fault.drain)],
      ],
      runtime,
    );
    await fillBatch(gateway);
    await receiver.received(1);
    // The batch is with the collector, which may never answer.
    expect(await get(gateway)).toBe('ok');
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited(), gateway.output()).toBe(0);
    for (const saying of fault.says) expect(gateway.output()).toMatch(saying);
    if (fault.says.length === 0) expect(gateway.output()).not.toContain('lost');
    expect(receiver.errors).toEqual([]);
    expect(receiver.spans).toHaveLength(fault.arrived);
  });

  test('and no collector', async () => {
    const origin = `http://127.0.0.1:${await freePort()}`;
    const options = ['--otlp-endpoint', origin, '--drain-timeout', '1'];
    const gateway = await serve(['--upstream', upstreamUrl, ...options], runtime);
    await fillBatch(gateway);
    expect(await get(gateway)).toBe('ok');
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited(), gateway.output()).toBe(0);
    expect(gateway.output()).toMatch(lost(everySpan));
  });

  test('a second signal ends the wait for a collector that hangs', async () => {
    receiver = await startOtlpReceiver(...always('hang'));
    const options = ['--otlp-endpoint', receiver.origin, '--drain-timeout', '3600'];
    const gateway = await serve(['--upstream', upstreamUrl, ...options], runtime);
    expect(await get(gateway)).toBe('ok');
    gateway.process.kill('SIGTERM');
    await receiver.received(1);
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited(), gateway.output()).toBe(0);
    expect(gateway.output()).toContain('2 of 2 spans are lost');
    // The exporter itself had not given up yet.
    expect(gateway.output()).not.toContain('spans are lost: ');
  });
});
