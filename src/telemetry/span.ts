/**
 * What server and client spans have in common.
 *
 * @module
 */

import {
  type Attributes,
  type Span,
  type SpanContext,
  type SpanKind,
  SpanStatusCode,
  type Context as TraceContext,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Baggage } from '../core/baggage.ts';
import type { Next } from '../core/chain.ts';
import { type Context, type Key, key } from '../core/context.ts';
import { eventListener } from '../core/event.ts';
import { type Ending, observe } from './observe.ts';
import { randomSpanId, randomTraceId } from './propagation/ids.ts';
import type { Propagator } from './propagation/propagator.ts';

/** The options of `tracing` with everything filled in. */
export interface SpanSettings {
  /** `undefined` while there is no SDK. */
  readonly tracer: () => Tracer | undefined;
  readonly propagator: Propagator;
  readonly baggage: readonly string[];
  readonly propagateBaggage: boolean;
  /** Names of query parameters whose values are in no span, in lower case. */
  readonly redact: ReadonlySet<string>;
}

/** The trace that this request belongs to, as the OpenTelemetry API holds it. */
export const traceContext: Key<TraceContext | undefined> = key<TraceContext>('trace context');

/** The baggage of the request being served, for the calls that it causes. */
export const servedBaggage: Key<Baggage | undefined> = key<Baggage>('served baggage');

/** What a span is started with. */
export interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  /** Asked for only where an SDK reads them: they cost more than all else that is done for a span. */
  readonly attributes: () => Attributes;
}

/**
 * Starts a span, or a stand-in with an id where no SDK makes one: logs and upstreams still see one trace.
 * (With a parent the stand-in bears the parent's id, as the API's own does.)
 */
export function startSpan(
  tracer: Tracer | undefined,
  { name, kind, attributes }: SpanStart,
  parent: TraceContext,
): Span {
  const span = tracer?.startSpan(name, { kind, attributes: attributes() }, parent);
  const ids = span?.spanContext() ?? trace.getSpanContext(parent);
  if (ids !== undefined && trace.isSpanContextValid(ids)) return span ?? trace.wrapSpanContext(ids);
  return trace.wrapSpanContext({
    traceId: randomTraceId(),
    spanId: randomSpanId(),
    // Not sampled, but random in the sense of Trace Context level 2.
    traceFlags: randomFlag,
  });
}

/** Trace Context level 2: the trace id is random. SDKs forget it, so it is carried past them. */
const randomFlag = 0x02;

/** What the caller sent: for the flags that go on as they came. */
export const remoteParent: Key<SpanContext | undefined> = key<SpanContext>('remote parent');

/** The trace context in which a span is the active one: the parent's, where the span stands in for it. */
export function activate(parent: TraceContext, span: Span): TraceContext {
  const standsIn = trace.getSpanContext(parent) === span.spanContext();
  return standsIn ? parent : trace.setSpan(parent, span);
}

/** What goes into the headers of a call: the span's ids, and the caller's random flag on its own trace id. */
export function outgoingSpanContext(span: Span, context: Context): SpanContext {
  const own = span.spanContext();
  const remote = context.get(remoteParent);
  if (remote === undefined || remote.traceId !== own.traceId) return own;
  return { ...own, traceFlags: own.traceFlags | (remote.traceFlags & randomFlag) };
}

/** The context for the layers further in: the span is theirs, and what they tell becomes its events. */
export function enter(context: Context, trace: TraceContext, span: Span): Context {
  const inner = context.with(traceContext, trace);
  if (!span.isRecording()) return inner;
  const outer = context.get(eventListener);
  return inner.with(eventListener, (event) => {
    span.addEvent(event.name, event.attributes);
    if (event.isMark) span.setAttribute(event.name, true);
    outer?.(event);
  });
}

/**
 * Calls `next` and ends the span with what comes of it; one that records nothing need not see it.
 *
 * @param errorFrom The lowest status that counts as an error of this kind of span: 500 for servers, 400 for clients.
 * @param onEnd May say more of the end.
 */
export function untilEnd(
  span: Span,
  errorFrom: 400 | 500,
  exchange: { readonly next: Next; readonly request: Request; readonly context: Context },
  onEnd?: (ending: Ending) => void,
): Promise<Response> {
  const { next, request, context } = exchange;
  if (!span.isRecording()) {
    span.end();
    return next(request, context);
  }
  return observe(next, request, context, (ending) => {
    describeEnding(span, ending, errorFrom);
    onEnd?.(ending);
    span.end();
  });
}

function describeEnding(
  span: Span,
  { response, error, errorType, flag }: Ending,
  errorFrom: 400 | 500,
): void {
  const status = response?.status;
  if (status !== undefined) span.setAttribute('http.response.status_code', status);
  if (flag !== '-') span.setAttribute('fetchmesh.response_flags', flag);
  const isError = status === undefined ? flag !== 'DC' : status >= errorFrom;
  if (errorType !== undefined || isError) {
    span.setAttribute('error.type', errorType ?? String(status));
  }
  if (isError) span.setStatus({ code: SpanStatusCode.ERROR });
  if (error instanceof Error && flag === '-') span.recordException(error);
}
