/**
 * Tracing in one call: a tracer provider that exports to a collector.
 *
 * @module
 */

import { type ContextManager, context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, sleep, systemClock } from '../core/clock.ts';
import { ignore } from '../core/discard.ts';
import { asyncContextManager } from './context-manager.ts';
import {
  type ExportStatistics,
  OTLPTraceExporter,
  type OTLPTraceExporterOptions,
} from './exporter-trace-otlp-fetch.ts';
import { resolveTracesUrl } from './otlp-endpoint.ts';
import type {
  ReadableSpan,
  Resource,
  Sampler,
  SdkTracerProvider,
  SpanExporter,
  TracerSdk,
} from './sdk.ts';
import { SpanBuffer, type SpanBufferStatistics } from './span-buffer.ts';

/** Values that a resource's attributes may have. */
export type ResourceValue = string | number | boolean | readonly string[];

/** Settings of {@link telemetry}. */
export interface TelemetryOptions {
  /**
   * The SDK's module: `await import('@opentelemetry/sdk-trace-web')` for 2.x, `await import('@opentelemetry/sdk-trace')` for
   * 3.x. fetchmesh depends on neither, since one project can have only one.
   */
  readonly sdk: TracerSdk;
  /** `service.name`: what the spans are filed under. */
  readonly serviceName: string;
  /**
   * The collector, such as `http://localhost:4318`; without a path it gets `/v1/traces`. Default: `http://localhost:4318`,
   * unless there is an `exporter`.
   */
  readonly endpoint?: string;
  /** More settings of the exporter for `endpoint`: headers, compression, limits. Default: none. */
  readonly exporterOptions?: Omit<OTLPTraceExporterOptions, 'url' | 'clock' | 'onDiagnostic'>;
  /** Takes the spans in place of the one for `endpoint`: Zipkin, the console, one of your own. */
  readonly exporter?: SpanExporter;
  /** More attributes of the resource, such as `service.version`. Default: none. */
  readonly resource?: Readonly<Record<string, ResourceValue>>;
  /**
   * Which traces that begin here are recorded: a share such as `'10%'` or `0.1`, or a sampler of the SDK. A share leaves
   * traces that came in as their caller decided; a sampler decides on everything. Default: `'100%'`.
   */
  readonly sampler?: string | number | Sampler;
  /**
   * How long an ended span waits for others, in milliseconds; 0: until {@link Telemetry.flush}. Default: 5000, and 0 on
   * Workers, whose timers die with their request.
   */
  readonly flushAfterMs?: number;
  /**
   * Registers the tracer provider and a context manager with the OpenTelemetry API, for code that knows nothing of
   * fetchmesh; `shutdown` takes them back. Default: false.
   */
  readonly register?: boolean;
  /** What is registered as context manager. Default: {@link asyncContextManager}'s, where the runtime has one. */
  readonly contextManager?: ContextManager;
  /** Told what goes wrong with exports, each thing once. Default: `console.warn`. */
  readonly onDiagnostic?: (message: string) => void;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** What became of the spans. */
export interface TelemetryStatistics {
  /** On their way to the exporter. */
  readonly buffer: SpanBufferStatistics;
  /** On their way to the collector; `undefined` where the exporter was given and is not an {@link OTLPTraceExporter}. */
  readonly exporter: ExportStatistics | undefined;
}

/** What {@link telemetry} makes. */
export interface Telemetry {
  /** For `tracing({ tracerProvider })`. */
  readonly tracerProvider: SdkTracerProvider;
  /**
   * The outermost middleware around an app: exports what each request left, by the platform's `waitUntil`, once its
   * response is on its way. No response waits for it. With `flushAfterMs` above 0, where spans go out by themselves, it
   * does nothing, so that a chain can be the same on every runtime.
   *
   * @example
   * ```ts
   * const sdk = await import('@opentelemetry/sdk-trace-web');
   * const { tracerProvider, flushAfterResponse } = telemetry({ sdk, serviceName: 'shop' });
   * const app = () => new Response('shop');
   * export default { fetch: inbound(app, flushAfterResponse, tracing({ tracerProvider })) };
   * ```
   */
  readonly flushAfterResponse: Middleware;
  /** Exports what is kept. Bounded in time, never rejects. Do not await it before a response. */
  flush(): Promise<void>;
  /** Exports what is kept and ends. Never rejects. */
  shutdown(): Promise<void>;
  /** The counts so far. */
  readonly statistics: TelemetryStatistics;
}

/** The share of traces that are recorded where nothing is said. */
export const defaultSampler = 1;

/**
 * Sets up tracing: provider, sampler, resource, buffer and exporter.
 *
 * Reads no environment variables beyond those that the SDK itself reads (its limits).
 *
 * @throws {RangeError | TypeError} for an option that makes no sense.
 *
 * @example
 * ```ts
 * const sdk = await import('@opentelemetry/sdk-trace-web');
 * const exporter = new sdk.InMemorySpanExporter();
 * const { tracerProvider, flush } = telemetry({ sdk, serviceName: 'shop', exporter });
 * const app = inbound(() => new Response('shop'), tracing({ tracerProvider }));
 * await app(new Request('http://shop.example/'));
 * await flush();
 * exporter.getFinishedSpans()[0]?.name; // 'GET'
 * ```
 */
export function telemetry(options: TelemetryOptions): Telemetry {
  const {
    sdk,
    serviceName,
    sampler = defaultSampler,
    clock = systemClock,
    register = false,
  } = options;
  const { flushAfterMs = isWorkers() ? 0 : 5_000 } = options;
  const Provider = sdk?.TracerProvider ?? sdk?.WebTracerProvider ?? sdk?.BasicTracerProvider;
  if (Provider === undefined) {
    throw new TypeError(
      'telemetry.sdk: there is no module that exports a tracer provider; pass @opentelemetry/sdk-trace-web (2.x) or @opentelemetry/sdk-trace (3.x)',
    );
  }
  if (typeof serviceName !== 'string' || serviceName === '') {
    throw new TypeError('telemetry.serviceName: a name is needed');
  }
  const exporter = makeExporter(options);
  const buffer = new SpanBuffer({ exporter, flushAfterMs, clock });
  const attributes = { ...options.resource, 'service.name': serviceName };
  const tracerProvider = new Provider({
    resource: new FixedResource({ ...sdkAttributes(sdk, Provider), ...attributes }),
    sampler: makeSampler(sdk, sampler),
    spanProcessors: [buffer],
  });
  const unregister = register ? registerGlobally(tracerProvider, options.contextManager) : ignore;
  return {
    tracerProvider,
    flushAfterResponse: flushing(buffer, flushAfterMs, clock),
    flush: () => buffer.forceFlush(),
    shutdown() {
      unregister();
      return buffer.shutdown();
    },
    get statistics() {
      return {
        buffer: buffer.statistics,
        exporter: exporter instanceof OTLPTraceExporter ? exporter.statistics : undefined,
      };
    },
  };
}

function flushing(buffer: SpanBuffer, flushAfterMs: number, clock: Clock): Middleware {
  async function flush(): Promise<void> {
    // Encoding takes time as well: it begins in a turn of its own, when the response is on its way.
    await sleep(clock, 0, undefined);
    await buffer.forceFlush();
  }
  return layer('flush after response', (next) => {
    if (flushAfterMs > 0) return next;
    return async function flushAfterResponse(request, context) {
      try {
        return await next(request, context);
      } finally {
        context.waitUntil(flush());
      }
    };
  });
}

function makeExporter(options: TelemetryOptions): SpanExporter {
  const { exporter, endpoint, exporterOptions, clock = systemClock } = options;
  const { onDiagnostic = (message) => console.warn(message) } = options;
  if (exporter === undefined) {
    const url = resolveTracesUrl(endpoint ?? 'http://localhost:4318');
    return new OTLPTraceExporter({ ...exporterOptions, url, clock, onDiagnostic });
  }
  if (endpoint !== undefined || exporterOptions !== undefined) {
    throw new TypeError('telemetry.exporter: goes with neither endpoint nor exporterOptions');
  }
  return exporter;
}

function makeSampler(sdk: TracerSdk, sampler: string | number | Sampler): Sampler {
  if (typeof sampler === 'object' && sampler !== null) return sampler;
  const percent = typeof sampler === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(sampler)?.[1] : undefined;
  const ratio = percent === undefined ? sampler : Number(percent) / 100;
  if (typeof ratio !== 'number' || !(ratio >= 0 && ratio <= 1)) {
    throw new RangeError(
      `telemetry.sampler: ${JSON.stringify(sampler)} is not a share ('10%', or a number from 0 to 1) and no sampler`,
    );
  }
  return new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) });
}

/** SDKs make resources with a package that they do not re-export; this is what they use of one. */
class FixedResource implements Resource {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly asyncAttributesPending = false;

  constructor(attributes: Readonly<Record<string, unknown>>) {
    this.attributes = attributes;
  }

  getRawAttributes(): [string, unknown][] {
    return Object.entries(this.attributes);
  }

  merge(other: Resource | null): FixedResource {
    return new FixedResource({ ...this.attributes, ...other?.attributes });
  }
}

/**
 * What the SDK says of itself, `telemetry.sdk.*`. It exports that nowhere, but each span bears it. The ids are given, since
 * Workers have no randomness while they load.
 */
function sdkAttributes(
  sdk: TracerSdk,
  Provider: NonNullable<TracerSdk['TracerProvider']>,
): Resource['attributes'] {
  const idGenerator = {
    generateTraceId: () => '1'.repeat(32),
    generateSpanId: () => '1'.repeat(16),
  };
  const provider = new Provider({ sampler: new sdk.AlwaysOnSampler(), idGenerator });
  const span: unknown = provider.getTracer('fetchmesh').startSpan('', {}, ROOT_CONTEXT);
  return (span as Partial<ReadableSpan>).resource?.attributes ?? {};
}

/** @returns Takes back what was registered. */
function registerGlobally(
  tracerProvider: SdkTracerProvider,
  contextManager: ContextManager | undefined = asyncContextManager(),
): () => void {
  // The API keeps what was registered first, and says so through `diag`.
  const ownsProvider = trace.setGlobalTracerProvider(tracerProvider);
  const ownsManager = contextManager && context.setGlobalContextManager(contextManager.enable());
  return () => {
    if (ownsProvider) trace.disable();
    if (ownsManager) context.disable();
  };
}

function isWorkers(): boolean {
  const { navigator } = globalThis as { navigator?: { userAgent?: string } };
  return navigator?.userAgent === 'Cloudflare-Workers';
}
