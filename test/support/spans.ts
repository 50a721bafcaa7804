import { SpanKind, type SpanStatus } from '@opentelemetry/api';
import type { ReadableSpan } from '../../src/telemetry/sdk.ts';

const resource = { attributes: { 'service.name': 'shop' } };
const instrumentationScope = { name: 'test' };

/** An ended span; `index` makes it one of its own. */
export function endedSpan(index = 0, overrides: Partial<ReadableSpan> = {}): ReadableSpan {
  const spanId = (index + 1).toString(16).padStart(16, '0');
  const status: SpanStatus = { code: 0 };
  return {
    name: `span ${index}`,
    kind: SpanKind.INTERNAL,
    spanContext: () => ({ traceId: 'a'.repeat(32), spanId, traceFlags: 1 }),
    startTime: [1_700_000_000, 0],
    endTime: [1_700_000_000, 1_000_000],
    status,
    attributes: {},
    events: [],
    links: [],
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ...overrides,
  };
}

/** So many of them. */
export function endedSpans(count: number): ReadableSpan[] {
  return Array.from({ length: count }, (_, index) => endedSpan(index));
}
