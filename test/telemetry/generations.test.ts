import * as secondApi from '@opentelemetry/api';
import { afterEach, describe, expect, test } from 'vitest';
import { inbound } from '../../src/core/inbound.ts';
import { OTLPTraceExporter } from '../../src/telemetry/exporter-trace-otlp-fetch.ts';
import type { TracerSdk } from '../../src/telemetry/sdk.ts';
import { telemetry } from '../../src/telemetry/setup.ts';
import { SpanBuffer } from '../../src/telemetry/span-buffer.ts';
import { tracing } from '../../src/telemetry/tracing.ts';
import * as third from '../fixtures/sdk3/opentelemetry.ts';
import * as second from '../support/opentelemetry.ts';

/** The API that SDK 3 brings: a copy of its own beside the one that the library uses here. */
const { api: thirdApi } = third;

afterEach(() => {
  for (const api of [secondApi, thirdApi]) api.trace.disable();
  // What was registered stays of the version of the copy that registered first, even when it is taken back.
  Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1'));
});

/** Serves one request; by itself, the library finds what was registered with its own copy of the API. */
async function serveOne(options: Parameters<typeof tracing>[0] = {}): Promise<void> {
  const app = inbound(() => new Response(), tracing(options));
  await app(new Request('http://shop.example/'));
}

test('there are two copies of the API here, of two minor versions', () => {
  expect(thirdApi.trace).not.toBe(secondApi.trace);
});

describe('an SDK 3 on API 1.10 beside a library on API 1.9', () => {
  function provider() {
    const exporter = new third.InMemorySpanExporter();
    const spanProcessors = [third.processorFor(exporter)];
    return { exporter, tracerProvider: new third.TracerProvider({ spanProcessors }) };
  }

  test('is found where it was registered: a newer API serves an older one', async () => {
    const { exporter, tracerProvider } = provider();
    expect(thirdApi.trace.setGlobalTracerProvider(tracerProvider)).toBe(true);
    await serveOne();
    expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'GET' }]);
  });

  test('can be handed over', async () => {
    const { exporter, tracerProvider } = provider();
    await serveOne({ tracerProvider });
    expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'GET' }]);
  });

  test('is set up by telemetry()', async () => {
    const exporter = new third.InMemorySpanExporter();
    const { tracerProvider, flush } = telemetry({ sdk: third.sdk, serviceName: 'shop', exporter });
    await serveOne({ tracerProvider });
    await flush();
    expect(exporter.getFinishedSpans()).toMatchObject([
      { name: 'GET', resource: { attributes: { 'telemetry.sdk.version': third.sdkVersion } } },
    ]);
  });
});

test('an SDK 2 on API 1.9 is not found by a library on API 1.10: hand the provider over', () => {
  const tracerProvider = new second.TracerProvider();
  expect(secondApi.trace.setGlobalTracerProvider(tracerProvider)).toBe(true);
  const found = thirdApi.trace.getTracer('library').startSpan('span');
  expect(found.isRecording()).toBe(false);
  expect(tracerProvider.getTracer('library').startSpan('span').isRecording()).toBe(true);
});

test('exporter, buffer and options have the types that both generations ask for', () => {
  const exporters: [second.SpanExporter, third.SpanExporter] = [
    new OTLPTraceExporter(),
    new OTLPTraceExporter(),
  ];
  const [exporter] = exporters;
  const processors: [second.SpanProcessor, third.SpanProcessor] = [
    new SpanBuffer({ exporter }),
    new SpanBuffer({ exporter }),
  ];
  const modules: TracerSdk[] = [second.sdk, third.sdk];
  expect([exporters, processors, modules].map(({ length }) => length)).toEqual([2, 2, 2]);
});
