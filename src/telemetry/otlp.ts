/**
 * The messages of OTLP for traces, in the JSON form of protobuf: opentelemetry-proto 1.x,
 * `opentelemetry/proto/collector/trace/v1/trace_service.proto` and what it imports.
 *
 * @module
 */

/** The body of a `POST` to `/v1/traces`. */
export interface ExportTraceServiceRequest {
  resourceSpans: OtlpResourceSpans[];
}

/** What comes from one service. */
export interface OtlpResourceSpans {
  resource: { attributes: OtlpAttribute[]; droppedAttributesCount: number };
  scopeSpans: OtlpScopeSpans[];
  schemaUrl: string | undefined;
}

/** What comes from one library of it. */
export interface OtlpScopeSpans {
  scope: OtlpScope;
  spans: OtlpSpan[];
  schemaUrl: string | undefined;
}

/** A library that makes spans. */
export interface OtlpScope {
  name: string;
  version: string | undefined;
  attributes?: OtlpAttribute[];
  droppedAttributesCount?: number;
}

/** A span: ids in hexadecimal, times in nanoseconds as decimal strings. */
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  traceState: string | undefined;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: OtlpAttribute[];
  droppedAttributesCount: number;
  events: OtlpEvent[];
  droppedEventsCount: number;
  links: OtlpLink[];
  droppedLinksCount: number;
  status: { code: number; message: string | undefined };
  flags: number;
}

/** Something that happened within a span. */
export interface OtlpEvent {
  name: string;
  timeUnixNano: string;
  attributes: OtlpAttribute[];
  droppedAttributesCount: number;
}

/** Another span that this one has to do with. */
export interface OtlpLink {
  traceId: string;
  spanId: string;
  traceState: string | undefined;
  attributes: OtlpAttribute[];
  droppedAttributesCount: number;
  flags: number;
}

/** A name and a value. */
export interface OtlpAttribute {
  key: string;
  value: OtlpValue;
}

/** One of its members; none where the value has no form in OTLP. */
export interface OtlpValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: number;
  /** A string where JSON has no such number: `NaN`, `Infinity`, `-Infinity`. */
  doubleValue?: number | string;
  /** Base64. */
  bytesValue?: string;
  arrayValue?: { values: OtlpValue[] };
  kvlistValue?: { values: OtlpAttribute[] };
}

/** What a collector answers under a 2xx status. */
export interface ExportTraceServiceResponse {
  partialSuccess?: {
    /** 64 bit, so that it may come as a string. */
    rejectedSpans?: number | string;
    errorMessage?: string;
  };
}
