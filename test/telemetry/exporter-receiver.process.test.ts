import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import {
  OTLPTraceExporter,
  type OTLPTraceExporterOptions,
} from '../../src/telemetry/exporter-trace-otlp-fetch.ts';
import { encodeTraces } from '../../src/telemetry/otlp-encoder.ts';
import type { ExportResult } from '../../src/telemetry/sdk.ts';
import { telemetry } from '../../src/telemetry/setup.ts';
import { freePort } from '../support/free-port.ts';
import { sdk } from '../support/opentelemetry.ts';
import { type Behaviour, type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { endedSpan, endedSpans } from '../support/spans.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const receivers: OtlpReceiver[] = [];

async function start(...script: Behaviour[]): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver(...script);
  receivers.push(receiver);
  return receiver;
}

afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});

/** Waits between tries cost no time, but are on record; the time limit of an export is not for here. */
function hastyClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    ...systemClock,
    waits,
    schedule(callback, delayMs) {
      if (delayMs === 10_000) return () => {};
      waits.push(delayMs);
      return systemClock.schedule(callback, 0);
    },
  };
}

/** An exporter for a receiver, and what it told. */
function exporterFor(
  { origin }: Pick<OtlpReceiver, 'origin'>,
  options: OTLPTraceExporterOptions = {},
) {
  const diagnostics: string[] = [];
  const clock = hastyClock();
  const exporter = new OTLPTraceExporter({
    url: `${origin}/v1/traces`,
    clock,
    random: () => 0.5,
    onDiagnostic: (message) => diagnostics.push(message),
    ...options,
  });
  return {
    exporter,
    diagnostics,
    waits: clock.waits,
    send: (spans = endedSpans(2)) =>
      new Promise<ExportResult>((resolve) => exporter.export(spans, resolve)),
  };
}

describe('a strict receiver', () => {
  test('takes everything that a span can hold', async () => {
    const receiver = await start();
    const { tracerProvider, shutdown } = telemetry({
      sdk,
      serviceName: 'shop',
      endpoint: receiver.origin,
      resource: { 'service.version': '1.0.0', 'host.names': ['a', 'b'] },
    });
    const tracer = tracerProvider.getTracer('test', '1.0.0', {
      schemaUrl: 'https://opentelemetry.io/schemas/1.44.0',
    });
    const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    const parent = trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true });
    const span = tracer.startSpan(
      'GET /orders',
      {
        kind: SpanKind.SERVER,
        links: [{ context: remote, attributes: { relation: 'follows' } }],
        attributes: {
          ...{ text: 'Grüße', whole: 7, large: 2 ** 70, fraction: 0.5, nothing: Number.NaN },
          ...{ flag: true, texts: ['a', null, 'b'], numbers: [1, 2.5], none: [] },
        },
      },
      parent,
    );
    span.addEvent('retry', { attempt: 2 });
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' });
    span.end();
    await shutdown();
    expect(receiver.errors).toEqual([]);
    expect(receiver.spans).toMatchObject([
      {
        ...{ service: 'shop', scopeName: 'test', name: 'GET /orders', kind: 2 },
        ...{ traceId: remote.traceId, parentSpanId: remote.spanId, flags: 0x301 },
        status: { code: 2, message: 'broken' },
      },
    ]);
  });

  test('takes it compressed', async () => {
    const receiver = await start();
    const { send } = exporterFor(receiver, { compression: 'gzip' });
    expect(await send(endedSpans(512))).toEqual({ code: 0 });
    expect(receiver.spans.length).toBe(512);
    const [request] = receiver.requests;
    expect(request?.headers['content-encoding']).toBe('gzip');
    expect(request?.bytes).toBeLessThan(JSON.stringify(encodeTraces(endedSpans(512))).length / 10);
  });

  test('is strict: what is not OTLP gets a 400', async () => {
    const receiver = await start();
    const { send } = exporterFor(receiver);
    const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    const bad = [
      endedSpan(0, { spanContext: () => ({ ...context, traceId: 'A'.repeat(32) }) }),
      endedSpan(0, { spanContext: () => ({ ...context, spanId: 'b'.repeat(15) }) }),
      endedSpan(0, { kind: 9 as SpanKind }),
      endedSpan(0, { endTime: [-1, 0] }),
      endedSpan(0, { droppedAttributesCount: 0.5 }),
    ];
    for (const span of bad) expect(await send([span])).toMatchObject({ code: 1 });
    async function post(body: unknown): Promise<number> {
      const headers = { 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      const response = await fetch(`${receiver.origin}/v1/traces`, init);
      await response.arrayBuffer();
      return response.status;
    }
    const good = JSON.parse(JSON.stringify(encodeTraces([endedSpan()])));
    expect(await post(good)).toBe(200);
    const [span] = good.resourceSpans[0].scopeSpans[0].spans;
    span.startTimeUnixNano = 1_700_000_000;
    expect(await post(good)).toBe(400);
    span.startTimeUnixNano = '1700000000';
    span.extra = 1;
    expect(await post(good)).toBe(400);
    expect(receiver.errors.length).toBe(bad.length + 2);
  });

  test('understands an independent sender, the exporter built into Deno', async () => {
    const receiver = await start();
    // A call makes a client span; Deno sends it as it exits.
    const program = `await (await fetch('${receiver.origin}/anything')).text()`;
    await promisify(execFile)('node_modules/.bin/deno', ['eval', '--no-remote', program], {
      env: {
        ...process.env,
        OTEL_DENO: 'true',
        OTEL_SERVICE_NAME: 'deno',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      },
    });
    expect(receiver.errors).toEqual([]);
    expect(receiver.spans).toMatchObject([{ service: 'deno', kind: 3 }]);
  });
});

describe('a receiver in trouble', () => {
  test('503 with Retry-After: the spans arrive with the next try', async () => {
    const receiver = await start({ status: 503, headers: { 'retry-after': '2' } });
    const { send, exporter, waits } = exporterFor(receiver);
    expect(await send()).toEqual({ code: 0 });
    expect(waits).toEqual([2_000]);
    expect(receiver.spans.length).toBe(2);
    expect(exporter.statistics).toMatchObject({ exported: 2, retried: 1, failed: 0 });
  });

  test('429, twice', async () => {
    const receiver = await start({ status: 429, body: 'slow down' }, { status: 429 });
    const { send, waits } = exporterFor(receiver);
    expect(await send()).toEqual({ code: 0 });
    expect(waits).toEqual([1_000, 1_500]);
    expect(receiver.requests.length).toBe(3);
  });

  test('a connection that breaks after the request', async () => {
    const receiver = await start('drop');
    const { send, exporter } = exporterFor(receiver);
    expect(await send()).toEqual({ code: 0 });
    expect(receiver.requests.length).toBe(2);
    expect(exporter.statistics).toMatchObject({ exported: 2, retried: 1 });
  });

  test('nobody listens', async () => {
    const origin = `http://127.0.0.1:${await freePort()}`;
    const { send, exporter, waits, diagnostics } = exporterFor({ origin });
    expect(await send()).toMatchObject({ code: 1 });
    expect(waits).toEqual([1_000, 1_500, 2_250, 3_375]);
    expect(exporter.statistics).toMatchObject({ failed: 2, retried: 4 });
    expect(diagnostics).toEqual([
      `OTLP exporter: ${origin}/v1/traces: spans are lost: no connection`,
    ]);
  });

  test('no answer', async () => {
    const receiver = await start('hang');
    const clock = new VirtualClock();
    const { send, exporter } = exporterFor(receiver, { clock });
    const result = send();
    await receiver.received(1);
    await clock.advance(10_000);
    expect(await result).toMatchObject({ code: 1 });
    expect(exporter.statistics).toMatchObject({ failed: 2, inFlight: 0 });
  });

  test('partial success', async () => {
    const partialSuccess = { rejectedSpans: '1', errorMessage: 'too old' };
    const receiver = await start({ status: 200, body: JSON.stringify({ partialSuccess }) });
    const { send, exporter, diagnostics } = exporterFor(receiver);
    expect(await send()).toEqual({ code: 0 });
    expect(exporter.statistics).toMatchObject({ exported: 1, rejected: 1, retried: 0 });
    expect(diagnostics[0]).toContain('"too old"');
  });

  test('a redirect: the headers, which may hold a token, go nowhere else', async () => {
    const elsewhere = await start();
    const headers = { location: `${elsewhere.origin}/v1/traces` };
    const receiver = await start({ status: 307, headers });
    const { send } = exporterFor(receiver, { headers: { authorization: 'Bearer secret' } });
    expect(await send()).toMatchObject({ code: 1 });
    expect(elsewhere.requests).toEqual([]);
  });

  test('a wrong path', async () => {
    const receiver = await start();
    const { send, diagnostics } = exporterFor(receiver, { url: `${receiver.origin}/v1/trace` });
    await send();
    await send();
    expect(diagnostics).toEqual([expect.stringContaining(`${receiver.origin}/v1/trace: `)]);
  });
});

describe('other runtimes, over sockets of their own', () => {
  // Prints what became of the spans.
  const program = (url: string) => `
    import { OTLPTraceExporter } from '${import.meta.dirname}/../../src/telemetry/exporter-trace-otlp-fetch.ts';
    import { endedSpans } from '${import.meta.dirname}/../support/spans.ts';
    const schedule = (run, ms) => {
      if (ms === 10_000) return () => {};
      const timer = setTimeout(run);
      return () => clearTimeout(timer);
    };
    const clock = { now: Date.now, monotonic: () => performance.now(), schedule };
    const exporter = new OTLPTraceExporter({ url: '${url}', compression: 'gzip', clock });
    const send = () => new Promise((resolve) => exporter.export(endedSpans(20), resolve));
    const codes = [];
    for (let index = 0; index < 4; index++) codes.push((await send()).code);
    console.log(JSON.stringify({ codes, ...exporter.statistics }));`;

  // Deno's fetch sends a request again by itself when the connection breaks before any answer.
  test.each([
    ['Bun', 'bun', ['--no-install', '-e'], 2],
    ['Deno', 'deno', ['eval', '--no-remote', '--node-modules-dir=manual', '--ext=ts'], 1],
  ])('%s', async (_, command, args, retried) => {
    const elsewhere = await start();
    const location = `${elsewhere.origin}/v1/traces`;
    const receiver = await start(
      ...(['drop', { status: 503 }, 'accept'] as const),
      { status: 307, headers: { location } },
      { status: 200, body: '{"partialSuccess":{"rejectedSpans":"1"}}' },
    );
    const { stdout } = await promisify(execFile)(`node_modules/.bin/${command}`, [
      ...args,
      program(`${receiver.origin}/v1/traces`),
    ]);
    expect(JSON.parse(stdout)).toEqual({
      codes: [0, 1, 0, 0],
      ...{ exported: 59, rejected: 1, failed: 20, dropped: 0, retried, inFlight: 0 },
    });
    expect(receiver.errors).toEqual([]);
    expect(elsewhere.requests).toEqual([]);
  });
});

test('answers are read to their end, which leaves the connection to the next export', async () => {
  const receiver = await start();
  const { send } = exporterFor(receiver);
  for (let index = 0; index < 20; index++) await send();
  expect(receiver.requests.length).toBe(20);
  // The next export may begin just before the connection of the last one is free.
  expect(receiver.connections).toBeLessThanOrEqual(2);
});
