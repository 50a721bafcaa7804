import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { cli, endAll, serve } from '../support/serving.ts';

/** A receiver that keeps what it was sent. */
const received: string[] = [];
let receiver: Server;
let endpoint: string;
let upstream: Server;
let upstreamUrl: string;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push(`${request.method} ${request.url} ${body}`);
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  upstream = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await Promise.all([once(receiver, 'listening'), once(upstream, 'listening')]);
  endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(() => {
  endAll();
  vi.unstubAllEnvs();
});

afterAll(() => {
  for (const server of [receiver, upstream]) {
    server.closeAllConnections();
    server.close();
  }
});

test('--otlp-endpoint sends server and client span of each request, at the latest when the process ends', async () => {
  const gateway = await serve(['--upstream', upstreamUrl, '--otlp-endpoint', endpoint]);
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  await (await fetch(`${gateway.url}/a`, { headers: { traceparent } })).text();
  gateway.process.kill('SIGTERM');
  expect(await gateway.exited()).toBe(0);

  expect(received).toHaveLength(1);
  const [line] = received as [string];
  expect(line.startsWith('POST /v1/traces {')).toBe(true);
  const { resourceSpans } = JSON.parse(line.slice(line.indexOf('{')));
  const spans = resourceSpans[0].scopeSpans[0].spans as { kind: number; traceId: string }[];
  expect(spans.map(({ kind }) => kind).sort()).toEqual([2, 3]);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(
    new Set(['4bf92f3577b34da6a3ce929d0e0e4736']),
  );
});

test('a receiver that is not there makes no request wait, and is told of once', async () => {
  const gateway = await serve([
    ...['--upstream', upstreamUrl],
    ...['--otlp-endpoint', 'http://127.0.0.1:4317'],
  ]);
  expect((await fetch(`${gateway.url}/a`)).status).toBe(200);
  expect(gateway.output()).toContain('4318');
});

test("OpenTelemetry's variables name the collector, its token and the service", async () => {
  const collector = await startOtlpReceiver();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.origin);
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20hunter2');
  vi.stubEnv('OTEL_EXPORTER_OTLP_COMPRESSION', 'gzip');
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', 'soon');
  vi.stubEnv('OTEL_SERVICE_NAME', 'edge');
  try {
    const gateway = await serve(['--upstream', upstreamUrl]);
    await (await fetch(`${gateway.url}/a`)).text();
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited()).toBe(0);

    expect(collector.spans.map(({ service }) => service)).toEqual(['edge', 'edge']);
    const [{ headers }] = collector.requests as [(typeof collector.requests)[number]];
    expect(headers.authorization).toBe('Bearer hunter2');
    expect(headers['content-encoding']).toBe('gzip');
    expect(gateway.output()).toContain('OTEL_EXPORTER_OTLP_TIMEOUT makes no sense, and is ignored');
    expect(gateway.output()).not.toContain('hunter2');
  } finally {
    await collector.close();
  }
});

test('OTEL_SDK_DISABLED: nothing is sent', async () => {
  vi.stubEnv('OTEL_SDK_DISABLED', 'true');
  const before = received.length;
  const gateway = await serve(['--upstream', upstreamUrl, '--otlp-endpoint', endpoint]);
  await (await fetch(`${gateway.url}/a`)).text();
  gateway.process.kill('SIGTERM');
  expect(await gateway.exited()).toBe(0);
  expect(received).toHaveLength(before);
});

test('an address that is none is told before anything starts', async () => {
  const gateway = cli(['serve', '--upstream', upstreamUrl, '--otlp-endpoint', 'a:hunter2@c:4318']);
  expect(await gateway.exited()).toBe(2);
  expect(gateway.output()).toContain('--otlp-endpoint: "…@c:4318" is not a URL that begins with');
});

test('a variable that is no address is told of, and nothing is sent', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'collector:4318');
  const gateway = await serve(['--upstream', upstreamUrl]);
  gateway.process.kill('SIGTERM');
  expect(await gateway.exited()).toBe(0);
  expect(gateway.output()).toContain('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no http://');
});
