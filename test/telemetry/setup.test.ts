import { context, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, inject, test, vi } from 'vitest';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { OTLPTraceExporter } from '../../src/telemetry/exporter-trace-otlp-fetch.ts';
import type { ExportTraceServiceRequest } from '../../src/telemetry/otlp.ts';
import type { SpanExporter, TracerSdk } from '../../src/telemetry/sdk.ts';
import { type TelemetryOptions, telemetry } from '../../src/telemetry/setup.ts';
import { tracing } from '../../src/telemetry/tracing.ts';
import { sdk, sdkVersion, TracerProvider } from '../support/opentelemetry.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Tracing whose collector keeps what it gets. */
function setup(options: Partial<TelemetryOptions> = {}, status = 200) {
  const requests: { url: string; body: ExportTraceServiceRequest }[] = [];
  const diagnostics: string[] = [];
  const clock = new VirtualClock();
  const exporterOptions: TelemetryOptions['exporterOptions'] = {
    async fetch(url, init) {
      requests.push({ url, body: JSON.parse(String(init.body)) });
      return new Response('{}', { status });
    },
  };
  const started = telemetry({
    sdk,
    serviceName: 'shop',
    clock,
    onDiagnostic: (message) => diagnostics.push(message),
    ...(options.exporter === undefined && { exporterOptions }),
    ...options,
  });
  const tracer = started.tracerProvider.getTracer('test');
  return {
    ...started,
    telemetry: started,
    tracer,
    requests,
    diagnostics,
    clock,
    spans: () =>
      requests.flatMap(({ body }) =>
        body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
    /** The attributes of the resource of the first request. */
    resource: () =>
      Object.fromEntries(
        (requests[0]?.body.resourceSpans[0]?.resource.attributes ?? []).map(({ key, value }) => [
          key,
          Object.values(value)[0],
        ]),
      ),
  };
}

afterEach(() => {
  vi.restoreAllMocks();
  trace.disable();
  context.disable();
});

const remote: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 0,
  isRemote: true,
};

describe('spans', () => {
  test('reach the collector when they are flushed', async () => {
    const { tracer, flush, requests, spans } = setup({ endpoint: 'http://collector.example:4318' });
    tracer.startSpan('order').end();
    await flush();
    expect(requests.map(({ url }) => url)).toEqual(['http://collector.example:4318/v1/traces']);
    expect(spans()).toMatchObject([
      { name: 'order', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);
  });

  test('go to localhost:4318 where nothing else is said', async () => {
    const { tracer, flush, requests } = setup();
    tracer.startSpan('order').end();
    await flush();
    expect(requests.map(({ url }) => url)).toEqual(['http://localhost:4318/v1/traces']);
  });

  test('go out by themselves after flushAfterMs', async () => {
    const { tracer, clock, spans } = setup({ flushAfterMs: 1_000 });
    tracer.startSpan('order').end();
    await clock.advance(1_000);
    expect(spans()).toMatchObject([{ name: 'order' }]);
  });

  test('wait for the flush on Workers, 5 s elsewhere', async () => {
    const { tracer, clock, spans } = setup();
    tracer.startSpan('order').end();
    await clock.advance(5_000);
    expect(spans().length).toBe(inject('runtime') === 'workerd' ? 0 : 1);
  });

  test('go out after the response where nothing sends them by itself, and the platform is asked to wait', async () => {
    const { flushAfterResponse, tracerProvider, clock, spans } = setup({ flushAfterMs: 0 });
    const awaited: Promise<unknown>[] = [];
    const platform = { waitUntil: (work: Promise<unknown>) => awaited.push(work) };
    const shop = inbound(() => new Response(), flushAfterResponse, tracing({ tracerProvider }));
    await shop(new Request('http://shop.example/'), {}, platform);
    expect([awaited.length, spans().length]).toEqual([1, 0]);
    await clock.advance(0);
    await Promise.all(awaited);
    expect(spans()).toMatchObject([{ name: 'GET' }]);
  });

  test('go out after a failure of the app too, which passes through', async () => {
    const { flushAfterResponse, tracerProvider, clock, spans } = setup({ flushAfterMs: 0 });
    const awaited: Promise<unknown>[] = [];
    const platform = { waitUntil: (work: Promise<unknown>) => awaited.push(work) };
    const failing = () => Promise.reject(new Error('no stock'));
    const shop = inbound(failing, flushAfterResponse, tracing({ tracerProvider }));
    await expect(shop(new Request('http://shop.example/'), platform)).rejects.toThrow('no stock');
    await clock.advance(0);
    await Promise.all(awaited);
    expect(spans()).toHaveLength(1);
  });

  test('are left to the timer by flushAfterResponse where there is one', async () => {
    const { flushAfterResponse, tracerProvider, clock, spans } = setup({ flushAfterMs: 1_000 });
    const shop = inbound(() => new Response(), flushAfterResponse, tracing({ tracerProvider }));
    await shop(new Request('http://shop.example/'));
    await clock.advance(999);
    expect(spans()).toHaveLength(0);
    await clock.advance(1);
    expect(spans()).toHaveLength(1);
  });

  test('go to any exporter of the SDK', async () => {
    const exporter = new sdk.InMemorySpanExporter();
    const { tracer, flush, statistics } = setup({ exporter });
    tracer.startSpan('order').end();
    await flush();
    expect(exporter.getFinishedSpans()).toMatchObject([
      { name: 'order', resource: { attributes: { 'service.name': 'shop' } } },
    ]);
    expect(statistics.exporter).toBeUndefined();
  });

  test('are those of the middlewares', async () => {
    const { tracerProvider, flush, spans } = setup();
    const upstream = outbound(async () => new Response(), tracing({ tracerProvider }));
    const app = inbound(
      (request) => upstream(new Request('http://inventory.example/', { signal: request.signal })),
      tracing({ tracerProvider }),
    );
    await app(new Request('http://shop.example/'));
    await flush();
    expect(
      spans()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual([2, 3]);
  });
});

describe('the resource', () => {
  test('says who the service is, and which SDK made the spans', async () => {
    const { tracer, flush, resource } = setup({
      resource: { 'service.version': '1.2.3', 'service.name': 'overruled', weight: 2 },
    });
    tracer.startSpan('order').end();
    await flush();
    expect(resource()).toEqual({
      'service.name': 'shop',
      'service.version': '1.2.3',
      weight: 2,
      'telemetry.sdk.language': expect.any(String),
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.version': sdkVersion,
    });
  });

  test('costs no randomness and no timer, which Workers have not while they load', () => {
    const random = vi.spyOn(Math, 'random');
    const bytes = vi.spyOn(crypto, 'getRandomValues');
    const { clock } = setup();
    expect(random).not.toHaveBeenCalled();
    expect(bytes).not.toHaveBeenCalled();
    expect(clock.delays).toEqual([]);
  });
});

describe('the sampler', () => {
  /** How many of a thousand new traces are recorded. */
  async function recorded(sampler: TelemetryOptions['sampler']): Promise<number> {
    const { tracer } = setup({ sampler: sampler ?? 1 });
    const spans = Array.from({ length: 1_000 }, (_, index) => tracer.startSpan(`${index}`));
    return spans.filter((span) => span.isRecording()).length;
  }

  test.each([1, '100%', 1.0])('%j records every trace', async (sampler) => {
    expect(await recorded(sampler)).toBe(1_000);
  });

  test.each([0, '0%', '0.0%'])('%j records none', async (sampler) => {
    expect(await recorded(sampler)).toBe(0);
  });

  test.each(['25%', 0.25, '25.0%'])(
    '%j records by trace id, as all services with that share do',
    (sampler) => {
      const given = new sdk.TraceIdRatioBasedSampler(0.25);
      const { tracer } = setup({ sampler });
      for (let index = 0; index < 200; index++) {
        const span = tracer.startSpan('root', { root: true });
        const { decision } = given.shouldSample(ROOT_CONTEXT, span.spanContext().traceId);
        expect(span.isRecording()).toBe(decision !== 0);
      }
    },
  );

  test.each([
    ['an unsampled caller is followed', 0, 1, false],
    ['a sampled caller is followed', 1, 0, true],
  ])('%s', (_, traceFlags, sampler, isRecording) => {
    const { tracer } = setup({ sampler });
    const parent = trace.setSpanContext(ROOT_CONTEXT, { ...remote, traceFlags });
    expect(tracer.startSpan('server', {}, parent).isRecording()).toBe(isRecording);
  });

  test('may be one of the SDK, which then decides on everything', () => {
    const { tracer } = setup({ sampler: new sdk.AlwaysOnSampler() });
    const parent = trace.setSpanContext(ROOT_CONTEXT, remote);
    expect(tracer.startSpan('server', {}, parent).isRecording()).toBe(true);
  });
});

describe('registering', () => {
  test('does not happen by itself', () => {
    setup();
    expect(trace.getTracer('app').startSpan('span').isRecording()).toBe(false);
  });

  test('lets code that knows nothing of fetchmesh make spans and find its parent after an await', async () => {
    const { flush, spans } = setup({ register: true });
    const tracer = trace.getTracer('app');
    await tracer.startActiveSpan('outer', async (outer) => {
      await Promise.resolve();
      tracer.startSpan('inner').end();
      outer.end();
    });
    await flush();
    const [inner, outer] = spans();
    expect(inner).toMatchObject({ name: 'inner', parentSpanId: outer?.spanId });
  });

  test('takes a context manager', () => {
    const seen: string[] = [];
    const contextManager = new sdk.StackContextManager();
    const enable = contextManager.enable.bind(contextManager);
    contextManager.enable = () => {
      seen.push('enabled');
      return enable();
    };
    setup({ register: true, contextManager });
    context.with(ROOT_CONTEXT.setValue(Symbol.for('key'), 'value'), () => {
      seen.push(String(contextManager.active().getValue(Symbol.for('key'))));
    });
    expect(seen).toEqual(['enabled', 'value']);
  });

  test('is taken back by shutdown', async () => {
    const { shutdown } = setup({ register: true });
    await shutdown();
    expect(trace.getTracer('app').startSpan('span').isRecording()).toBe(false);
    expect(context.active()).toBe(ROOT_CONTEXT);
  });

  test('shutdown leaves alone what somebody else registered', async () => {
    const { telemetry: first } = setup({ register: true });
    const { shutdown } = setup({ register: true });
    await shutdown();
    expect(trace.getTracer('app').startSpan('span').isRecording()).toBe(true);
    await first.shutdown();
  });
});

describe('the end', () => {
  test('shutdown exports what is kept', async () => {
    const { tracer, shutdown, spans } = setup();
    tracer.startSpan('last').end();
    await shutdown();
    expect(spans()).toMatchObject([{ name: 'last' }]);
  });

  test('the provider can be flushed and shut down as the SDK does it', async () => {
    const { tracer, tracerProvider, spans } = setup();
    tracer.startSpan('one').end();
    await tracerProvider.forceFlush();
    tracer.startSpan('two').end();
    await tracerProvider.shutdown();
    expect(spans()).toMatchObject([{ name: 'one' }, { name: 'two' }]);
  });

  test('flush and shutdown resolve where the collector refuses; what was lost is counted and told', async () => {
    const { tracer, telemetry, diagnostics } = setup({}, 404);
    tracer.startSpan('lost').end();
    await telemetry.flush();
    await telemetry.shutdown();
    expect(telemetry.statistics).toMatchObject({
      buffer: { exported: 0, failed: 1 },
      exporter: { exported: 0, failed: 1 },
    });
    expect(diagnostics).toEqual([expect.stringContaining('http://localhost:4318/v1/traces')]);
  });

  test('what goes wrong is a warning on the console where nobody else wants it', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    telemetry({ sdk, serviceName: 'shop', endpoint: 'http://localhost:4317' });
    expect(warn.mock.calls).toEqual([[expect.stringContaining('gRPC port, use 4318')]]);
  });
});

describe('the SDK', () => {
  const samplers = {
    AlwaysOnSampler: sdk.AlwaysOnSampler,
    ParentBasedSampler: sdk.ParentBasedSampler,
    TraceIdRatioBasedSampler: sdk.TraceIdRatioBasedSampler,
  };

  test.each([
    ['the module itself', sdk],
    ['@opentelemetry/sdk-trace 3.x, by its shape', { TracerProvider, ...samplers }],
    [
      '@opentelemetry/sdk-trace-web 2.x, by its shape',
      { WebTracerProvider: TracerProvider, ...samplers },
    ],
    [
      '@opentelemetry/sdk-trace-base 2.x, by its shape',
      { BasicTracerProvider: TracerProvider, ...samplers },
    ],
  ] satisfies [string, TracerSdk][])('may be %s', async (_, module) => {
    const { tracer, flush, spans } = setup({ sdk: module });
    tracer.startSpan('order').end();
    await flush();
    expect(spans()).toMatchObject([{ name: 'order' }]);
  });
});

describe('options that make no sense are refused', () => {
  const exporter: SpanExporter = new OTLPTraceExporter();

  test.each([
    [{ sdk: {} as TracerSdk }, 'telemetry.sdk: there is no module that exports a tracer provider'],
    [{ sdk: undefined as never }, 'telemetry.sdk: there is no module'],
    [{ serviceName: '' }, 'telemetry.serviceName: a name is needed'],
    [{ sampler: 1.5 }, 'telemetry.sampler: 1.5 is not a share'],
    [{ sampler: -0.1 }, 'telemetry.sampler: -0.1 is not a share'],
    [{ sampler: '10' }, 'telemetry.sampler: "10" is not a share'],
    [{ sampler: '101%' }, 'telemetry.sampler: "101%" is not a share'],
    [{ sampler: Number.NaN }, 'telemetry.sampler: null is not a share'],
    [
      { endpoint: 'localhost:4318' },
      'endpoint: "localhost:4318" is not an http:// or https:// URL',
    ],
    [{ exporter, endpoint: 'http://localhost:4318' }, 'telemetry.exporter: goes with neither'],
    [{ flushAfterMs: -1 }, 'flushAfterMs: -1 is not'],
  ] satisfies [Partial<TelemetryOptions>, string][])('%#', (options, message) => {
    expect(() => setup(options)).toThrow(message);
  });
});
