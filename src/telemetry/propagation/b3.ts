/**
 * B3, the headers of Zipkin, in one header or several.
 *
 * @module
 */

import type { SpanContext } from '@opentelemetry/api';
import { withoutOws } from '../../core/white-space.ts';

const ids = { trace: /^(?:[0-9a-f]{16}){1,2}$/i, span: /^[0-9a-f]{16}$/i };
const allZero = /^0+$/;

/** Trace id, span id, sampling state, parent span id. */
const single = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d]))?(?:-([0-9a-f]{16}))?$/i;

/**
 * Reads B3: the single header `b3` where there is one, else the `X-B3-…` headers.
 *
 * Trace ids of 64 bit are padded to 128. The debug flag (`d`, or `X-B3-Flags: 1`) means sampled. A decision without ids
 * (`b3: 0`) starts no trace here, so nothing is extracted. The parent's id is not needed and may be absent or zero.
 * Never throws.
 *
 * @returns `undefined` where the headers are absent or malformed.
 */
export function extractB3(headers: Headers): SpanContext | undefined {
  const get = (name: string) => {
    const value = headers.get(name);
    return value === null ? undefined : withoutOws(value);
  };
  const header = get('b3');
  if (header !== undefined) {
    const parts = single.exec(header);
    return parts === null ? undefined : spanContext(parts[1], parts[2], parts[3] ?? '');
  }
  const state = get('x-b3-flags') === '1' ? 'd' : (get('x-b3-sampled')?.toLowerCase() ?? '');
  return spanContext(get('x-b3-traceid'), get('x-b3-spanid'), state);
}

function spanContext(
  traceId: string | undefined,
  spanId: string | undefined,
  state: string,
): SpanContext | undefined {
  if (traceId === undefined || !ids.trace.test(traceId) || allZero.test(traceId)) return undefined;
  if (spanId === undefined || !ids.span.test(spanId) || allZero.test(spanId)) return undefined;
  if (!['', '0', '1', 'd', 'D', 'true', 'false'].includes(state)) return undefined;
  return {
    traceId: traceId.toLowerCase().padStart(32, '0'),
    spanId: spanId.toLowerCase(),
    traceFlags: ['1', 'd', 'D', 'true'].includes(state) ? 1 : 0,
    isRemote: true,
  };
}

/** Writes the single header `b3`. */
export function injectB3Single(
  { traceId, spanId, traceFlags }: SpanContext,
  set: (name: string, value: string) => void,
): void {
  set('b3', `${traceId}-${spanId}-${traceFlags & 1}`);
}

/** Writes `X-B3-TraceId`, `X-B3-SpanId` and `X-B3-Sampled`. */
export function injectB3Multi(
  { traceId, spanId, traceFlags }: SpanContext,
  set: (name: string, value: string) => void,
): void {
  set('x-b3-traceid', traceId);
  set('x-b3-spanid', spanId);
  set('x-b3-sampled', String(traceFlags & 1));
}
