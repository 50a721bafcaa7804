/**
 * What this package asks of an OpenTelemetry SDK. Described by structure, so that both generations fit (2.x and 3.x) and
 * neither is imported, not even for its types.
 *
 * @module
 */

import type {
  Attributes,
  Context,
  HrTime,
  Link,
  SpanContext,
  SpanKind,
  SpanStatus,
  TracerProvider,
} from '@opentelemetry/api';

/** Attribute values are unknown here: SDK 3 allows bytes and maps beside what SDK 2 does. */
export type AttributeValues = Readonly<Record<string, unknown>>;

/** What produces the spans: a service, its version, where it runs. */
export interface Resource {
  readonly attributes: AttributeValues;
  readonly schemaUrl?: string | undefined;
  /** Whether detectors are still looking for attributes. */
  readonly asyncAttributesPending?: boolean | undefined;
  waitForAsyncAttributes?(): Promise<void>;
}

/** Which library made a span. */
export interface InstrumentationScope {
  readonly name: string;
  readonly version?: string | undefined;
  readonly schemaUrl?: string | undefined;
  readonly attributes?: AttributeValues | undefined;
  readonly droppedAttributesCount?: number | undefined;
}

/** Something that happened within a span. */
export interface SpanEvent {
  readonly name: string;
  readonly time: HrTime;
  readonly attributes?: AttributeValues | undefined;
  readonly droppedAttributesCount?: number | undefined;
}

/** Another span that a span has to do with. */
export interface SpanLink {
  readonly context: SpanContext;
  readonly attributes?: AttributeValues | undefined;
  readonly droppedAttributesCount?: number | undefined;
}

/** A span as exporters see it. */
export interface ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly spanContext: () => SpanContext;
  readonly parentSpanContext?: SpanContext | undefined;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly status: SpanStatus;
  readonly attributes: AttributeValues;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
  readonly droppedAttributesCount: number;
  readonly droppedEventsCount: number;
  readonly droppedLinksCount: number;
}

/** How an export ended: 0 is success, 1 is failure. */
export interface ExportResult {
  readonly code: 0 | 1;
  readonly error?: Error;
}

/** Where spans go: OTLP, Zipkin, the console. */
export interface SpanExporter {
  // biome-ignore lint/suspicious/noExplicitAny: exporters of one SDK generation ask for that generation's own spans.
  export(spans: any[], resultCallback: (result: any) => void): void;
  shutdown(): Promise<void>;
  forceFlush?(): Promise<void>;
}

/** What a tracer provider tells about its spans. */
export interface SpanProcessor {
  onStart(): void;
  onEnd(span: ReadableSpan): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Decides which spans are recorded. */
export interface Sampler {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult;
  toString(): string;
}

/** A sampler's decision: 0 not recorded, 1 recorded only, 2 recorded and sampled. */
export interface SamplingResult {
  readonly decision: number;
}

/** A tracer provider that can be brought to an end. */
export interface SdkTracerProvider extends TracerProvider {
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: no other type fits the options of both generations.
type Constructor<T> = new (options?: any) => T;

/** The module of an SDK: `@opentelemetry/sdk-trace` 3.x, `@opentelemetry/sdk-trace-web` 2.x or one of its siblings. */
export interface TracerSdk {
  readonly TracerProvider?: Constructor<SdkTracerProvider>;
  readonly WebTracerProvider?: Constructor<SdkTracerProvider>;
  readonly BasicTracerProvider?: Constructor<SdkTracerProvider>;
  readonly AlwaysOnSampler: Constructor<Sampler>;
  readonly ParentBasedSampler: Constructor<Sampler>;
  readonly TraceIdRatioBasedSampler: Constructor<Sampler>;
}
