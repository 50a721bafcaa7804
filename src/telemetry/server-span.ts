/**
 * The span of a request that came in.
 *
 * @module
 */

import {
  type Attributes,
  context as openTelemetry,
  type Span,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { clientAddress, peerAddress } from '../core/address.ts';
import { baggageOf } from '../core/baggage.ts';
import type { Next } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { type Exchange, withExchange } from '../core/exchange.ts';
import { formatFlags } from '../core/response-flags.ts';
import { urlOf } from '../core/url.ts';
import { sampledSpan } from './exemplar.ts';
import { knownMethod, longestBaggageValue } from './http.ts';
import type { Ending } from './observe.ts';
import {
  activate,
  enter,
  remoteParent,
  type SpanSettings,
  servedBaggage,
  startSpan,
  untilEnd,
} from './span.ts';
import { traceRoot } from './trace-root.ts';

/** Wraps `next` in a server span; see `tracing`. */
export function serverSpan(settings: SpanSettings, next: Next): Next {
  return function serverSpan(request, outer) {
    const { context: served, record } = withExchange(outer);
    const context = settings.propagateBaggage
      ? served.with(servedBaggage, baggageOf(request))
      : served;
    const remote = settings.propagator.extract(request.headers);
    const parent = remote === undefined ? traceRoot : trace.setSpanContext(traceRoot, remote);
    const method = knownMethod(request.method);
    const start = {
      name: spanName(method, record),
      kind: SpanKind.SERVER,
      attributes: () => ({
        ...serverAttributes(
          request,
          method,
          context.get(clientAddress) ?? context.get(peerAddress),
        ),
        ...baggageAttributes(request, settings.baggage),
      }),
    };
    const span = startSpan(settings.tracer(), start, parent);
    const active = activate(parent, span);
    const inner = withSampledSpan(enter(context.with(remoteParent, remote), active, span), span);
    const exchange = { next, request, context: inner };
    return openTelemetry.with(active, () =>
      untilEnd(span, 500, exchange, ({ flag }) => {
        if (record.route !== undefined) span.updateName(spanName(method, record));
        span.setAttributes(exchangeAttributes(record, flag));
      }),
    );
  };
}

function withSampledSpan(context: Context, span: Span): Context {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (!span.isRecording() || (traceFlags & TraceFlags.SAMPLED) === 0) return context;
  return context.with(sampledSpan, { trace_id: traceId, span_id: spanId });
}

/** `GET /users/:id`; never the path, of which there are too many. */
function spanName(method: string, record: Exchange): string {
  const name = method === '_OTHER' ? 'HTTP' : method;
  return record.route === undefined ? name : `${name} ${record.route}`;
}

function serverAttributes(
  request: Request,
  method: string,
  client: string | undefined,
): Attributes {
  const url = urlOf(request);
  const attributes: Attributes = {
    'http.request.method': method,
    'url.scheme': url.protocol.slice(0, -1),
    'url.path': url.pathname,
    'server.address': url.hostname,
  };
  if (method === '_OTHER') attributes['http.request.method_original'] = request.method;
  if (url.port !== '') attributes['server.port'] = Number(url.port);
  if (client !== undefined) attributes['client.address'] = client;
  const userAgent = request.headers.get('user-agent');
  if (userAgent !== null) attributes['user_agent.original'] = userAgent;
  return attributes;
}

function baggageAttributes(request: Request, keys: readonly string[]): Attributes {
  const attributes: Attributes = {};
  if (keys.length === 0) return attributes;
  const baggage = baggageOf(request);
  for (const key of keys) {
    const value = baggage.get(key)?.value;
    if (value !== undefined) attributes[key] = value.slice(0, longestBaggageValue);
  }
  return attributes;
}

function exchangeAttributes(record: Exchange, flag: Ending['flag']): Attributes {
  const attributes: Attributes = {};
  const flags = formatFlags(record.flags, flag);
  if (flags !== '-') attributes['fetchmesh.response_flags'] = flags;
  if (record.route !== undefined) attributes['http.route'] = record.route;
  if (record.service !== undefined) attributes['fetchmesh.destination.service'] = record.service;
  // A service without versions has one without a name.
  if (record.version) attributes['fetchmesh.destination.version'] = record.version;
  if (record.environment !== undefined) {
    attributes['fetchmesh.destination.environment'] = record.environment;
  }
  return attributes;
}
