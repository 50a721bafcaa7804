/**
 * Spans as OTLP/JSON.
 *
 * @module
 */

import type { HrTime, SpanContext } from '@opentelemetry/api';
import type {
  ExportTraceServiceRequest,
  OtlpAttribute,
  OtlpEvent,
  OtlpLink,
  OtlpResourceSpans,
  OtlpScope,
  OtlpScopeSpans,
  OtlpSpan,
  OtlpValue,
} from './otlp.ts';
import type {
  AttributeValues,
  InstrumentationScope,
  ReadableSpan,
  Resource,
  SpanEvent,
  SpanLink,
} from './sdk.ts';

/**
 * Writes spans as the request that OTLP/HTTP collectors take, to be sent as `application/json`.
 *
 * Equal to what `JsonTraceSerializer` of `@opentelemetry/otlp-transformer` makes, but for three cases in which that is not
 * OTLP: numbers that JSON cannot hold are the strings of protobuf's JSON mapping and not `null`, whole numbers beyond 64
 * bit are doubles, and a resource's schema URL stands beside the resource only.
 *
 * @param spans Of SDK 2.x or 3.x, ended.
 *
 * @example
 * ```ts
 * encodeTraces([]); // { resourceSpans: [] }
 * ```
 */
export function encodeTraces(spans: readonly ReadableSpan[]): ExportTraceServiceRequest {
  const byResource = Map.groupBy(spans, (span) => span.resource);
  return { resourceSpans: Array.from(byResource, encodeResourceSpans) };
}

function encodeResourceSpans([resource, spans]: [Resource, ReadableSpan[]]): OtlpResourceSpans {
  const byScope = Map.groupBy(spans, ({ instrumentationScope: { name, version, schemaUrl } }) =>
    JSON.stringify([name, version || '', schemaUrl || '']),
  );
  return {
    resource: { attributes: encodeAttributes(resource.attributes), droppedAttributesCount: 0 },
    scopeSpans: Array.from(byScope.values(), encodeScopeSpans),
    schemaUrl: resource.schemaUrl || undefined,
  };
}

function encodeScopeSpans(spans: ReadableSpan[]): OtlpScopeSpans {
  const { instrumentationScope } = spans[0] as ReadableSpan;
  return {
    scope: encodeScope(instrumentationScope),
    spans: spans.map(encodeSpan),
    schemaUrl: instrumentationScope.schemaUrl,
  };
}

function encodeScope(scope: InstrumentationScope): OtlpScope {
  const { name, version, attributes = {}, droppedAttributesCount = 0 } = scope;
  if (Object.keys(attributes).length === 0) return { name, version };
  return { name, version, attributes: encodeAttributes(attributes), droppedAttributesCount };
}

function encodeSpan(span: ReadableSpan): OtlpSpan {
  const { parentSpanContext: parent, status } = span;
  const own = span.spanContext();
  return {
    traceId: own.traceId,
    spanId: own.spanId,
    parentSpanId: parent?.spanId || undefined,
    traceState: own.traceState?.serialize(),
    name: span.name,
    // The API counts from 0 (internal), OTLP from 1: there 0 is "unspecified".
    kind: span.kind + 1,
    startTimeUnixNano: encodeTime(span.startTime),
    endTimeUnixNano: encodeTime(span.endTime),
    attributes: encodeAttributes(span.attributes),
    droppedAttributesCount: span.droppedAttributesCount,
    events: span.events.map(encodeEvent),
    droppedEventsCount: span.droppedEventsCount,
    links: span.links.map(encodeLink),
    droppedLinksCount: span.droppedLinksCount,
    status: { code: status.code, message: status.message },
    flags: encodeFlags(own, parent),
  };
}

function encodeEvent(event: SpanEvent): OtlpEvent {
  return {
    name: event.name,
    timeUnixNano: encodeTime(event.time),
    attributes: encodeAttributes(event.attributes),
    droppedAttributesCount: event.droppedAttributesCount ?? 0,
  };
}

function encodeLink({ context, attributes, droppedAttributesCount = 0 }: SpanLink): OtlpLink {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    traceState: context.traceState?.serialize(),
    attributes: encodeAttributes(attributes),
    droppedAttributesCount,
    flags: encodeFlags(context, context),
  };
}

/** `SpanFlags`: the W3C flags, "it is known whether the other side is remote", and "it is remote". */
function encodeFlags({ traceFlags }: SpanContext, other: SpanContext | undefined): number {
  return (traceFlags & 0xff) | 0x100 | (other?.isRemote ? 0x200 : 0);
}

/** Nanoseconds since the epoch outgrow what a double holds exactly. */
function encodeTime([seconds, nanoseconds]: HrTime): string {
  const whole = BigInt(Math.trunc(seconds)) * 1_000_000_000n + BigInt(Math.trunc(nanoseconds));
  return whole.toString();
}

function encodeAttributes(attributes: AttributeValues = {}): OtlpAttribute[] {
  return Object.keys(attributes).map((key) => ({ key, value: encodeValue(attributes[key]) }));
}

function encodeValue(value: unknown): OtlpValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      return encodeNumber(value);
    case 'object':
      if (value === null) return {};
      if (value instanceof Uint8Array) return { bytesValue: encodeBytes(value) };
      if (Array.isArray(value)) return { arrayValue: { values: Array.from(value, encodeValue) } };
      return { kvlistValue: { values: encodeAttributes(value as AttributeValues) } };
    default:
      return {};
  }
}

const int64Bound = 2 ** 63;

function encodeNumber(value: number): OtlpValue {
  if (!Number.isFinite(value)) return { doubleValue: String(value) };
  const isInt64 = Number.isInteger(value) && value >= -int64Bound && value < int64Bound;
  return isInt64 ? { intValue: value } : { doubleValue: value };
}

function encodeBytes(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
