/**
 * The span of a call that goes out.
 *
 * @module
 */

import { type Attributes, context as openTelemetry, SpanKind } from '@opentelemetry/api';
import { parseBaggage, serializeBaggage } from '../core/baggage.ts';
import type { Next } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { targetOf } from '../core/endpoint.ts';
import { attemptNumber } from '../core/event.ts';
import { mirrored } from '../core/mirrored.ts';
import { outgoingHeaders, removeHeader, setHeader } from '../core/outgoing.ts';
import { knownMethod } from './http.ts';
import { withoutSecrets } from './secret-parameters.ts';
import {
  activate,
  enter,
  outgoingSpanContext,
  type SpanSettings,
  servedBaggage,
  startSpan,
  traceContext,
  untilEnd,
} from './span.ts';

/** Wraps `next` in a client span; see `tracing`. */
export function clientSpan(settings: SpanSettings, next: Next): Next {
  return function clientSpan(request, outer) {
    const parent = outer.get(traceContext) ?? openTelemetry.active();
    const method = knownMethod(request.method);
    const start = {
      name: method === '_OTHER' ? 'HTTP' : method,
      kind: SpanKind.CLIENT,
      attributes: () => clientAttributes(request, method, outer, settings.redact),
    };
    const span = startSpan(settings.tracer(), start, parent);
    const active = activate(parent, span);
    let context = enter(outer, active, span);
    // What came in tells of another span, and a tracestate may be one of a trace that this is not (Trace Context §3.3).
    for (const name of settings.propagator.fields) {
      if (request.headers.has(name)) context = removeHeader(context, name);
    }
    settings.propagator.inject(outgoingSpanContext(span, outer), (name, value) => {
      context = setHeader(context, name, value);
    });
    context = withServedBaggage(request, context);
    return openTelemetry.with(active, () => untilEnd(span, 400, { next, request, context }));
  };
}

function clientAttributes(
  request: Request,
  method: string,
  context: Context,
  redact: ReadonlySet<string>,
): Attributes {
  const url = new URL(targetOf(request, context));
  const attributes: Attributes = {
    'http.request.method': method,
    'server.address': url.hostname,
    'server.port': url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    'url.full': redacted(url, redact),
  };
  if (method === '_OTHER') attributes['http.request.method_original'] = request.method;
  const attempt = context.get(attemptNumber);
  if (attempt > 1) attributes['http.request.resend_count'] = attempt - 1;
  if (context.get(mirrored)) attributes['fetchmesh.mirror'] = true;
  return attributes;
}

/** What stands before the query, the query and the fragment. */
const parts = /^([^?#]*)(\?[^#]*)?(#.*)?$/;

function redacted(url: URL, redact: ReadonlySet<string>): string {
  // Each setter writes the whole URL anew.
  if (url.username !== '') url.username = '';
  if (url.password !== '') url.password = '';
  // Not by `search` and `hash`, which do not tell an empty one from none.
  const [, front = '', query = '', fragment = ''] = parts.exec(url.href) ?? [];
  const shown = (part: string): string => part && part[0] + withoutSecrets(part.slice(1), redact);
  return `${front}${shown(query)}${shown(fragment)}`;
}

/** Adds the served request's baggage to the outgoing one; what the app set itself wins. */
function withServedBaggage(request: Request, context: Context): Context {
  const served = context.get(servedBaggage);
  if (served === undefined || served.size === 0) return context;
  const own = parseBaggage(outgoingHeaders(request, context)['baggage'] ?? null);
  return setHeader(context, 'baggage', serializeBaggage(new Map([...served, ...own])));
}
