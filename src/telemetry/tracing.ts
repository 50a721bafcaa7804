/**
 * Spans and trace propagation, on the OpenTelemetry API alone.
 *
 * @module
 */

import { ProxyTracerProvider, type Tracer, type TracerProvider, trace } from '@opentelemetry/api';
import { layer, type Middleware } from '../core/chain.ts';
import { knownOptions } from '../core/option.ts';
import { clientSpan } from './client-span.ts';
import { type Propagator, w3c } from './propagation/propagator.ts';
import { serverSpan } from './server-span.ts';
import type { SpanSettings } from './span.ts';

/** Settings of {@link tracing}. */
export interface TracingOptions {
  /** Makes the spans. Default: the one that is registered with the OpenTelemetry API, before the first request or later. */
  readonly tracerProvider?: TracerProvider;
  /** How trace contexts travel. Default: W3C Trace Context, `w3c()`. */
  readonly propagator?: Propagator;
  /** Baggage keys that become span attributes of the same name, values cut at 64 characters. Default: none. */
  readonly baggage?: readonly string[];
  /**
   * Whether the baggage of the request being served goes along on the calls that it causes. Default: false, since
   * baggage may hold what other hosts should not see.
   */
  readonly propagateBaggage?: boolean;
  /**
   * Query parameters whose values become `REDACTED` in `url.full`, beside those named after credentials. Default: none.
   */
  readonly redact?: readonly string[];
  /** `'server'` or `'client'`. Default: the direction of the chain. */
  readonly kind?: 'server' | 'client';
}

/**
 * Records a span and carries on the trace.
 *
 * Around an app: a server span, child of the caller's, named by method and route (never by path). Around a `fetch`: a
 * client span for each call, or for each try where it stands inside `retry`; the trace goes along in the headers. A span
 * ends with the response's headers, with the error, or when the caller goes away, and says which.
 *
 * Without an SDK nothing is recorded, but ids are still made and passed on. Attributes follow the OpenTelemetry semantic
 * conventions for HTTP 1.44; `fetchmesh.response_flags` holds Envoy's flag where the governance answered.
 *
 * @example
 * ```ts
 * const seen: (string | null)[] = [];
 * const shop = outbound(async (_, init) => {
 *   seen.push(new Headers(init?.headers).get('traceparent'));
 *   return new Response();
 * }, tracing());
 * await shop('http://shop.example/');
 * seen[0]?.length; // 55
 * ```
 */
export function tracing(options: TracingOptions = {}): Middleware {
  knownOptions('tracing', options, {
    tracerProvider: true,
    propagator: true,
    baggage: true,
    propagateBaggage: true,
    redact: true,
    kind: true,
  });
  const { propagator = w3c(), baggage = [], propagateBaggage = false, kind, redact = [] } = options;
  let tracer: Tracer | undefined;
  const settings: SpanSettings = {
    // Looked for at each request until it is there: the SDK may be registered after the chain was built.
    tracer() {
      if (tracer === undefined) {
        const provider = options.tracerProvider ?? trace.getTracerProvider();
        if (!isStandIn(provider)) tracer = provider.getTracer('fetchmesh');
      }
      return tracer;
    },
    propagator,
    baggage,
    propagateBaggage,
    redact: new Set(redact.map((name) => name.toLowerCase())),
  };
  return layer(kind === undefined ? 'tracing' : `tracing ${kind}`, (next) => {
    const server = serverSpan(settings, next);
    const client = clientSpan(settings, next);
    return function tracing(request, context) {
      const isServer = kind === undefined ? context.direction === 'inbound' : kind === 'server';
      return isServer ? server(request, context) : client(request, context);
    };
  });
}

let standIn: TracerProvider | undefined;

/** Whether a provider is what the API has in place of an SDK: it records nothing. */
function isStandIn(provider: TracerProvider): boolean {
  standIn ??= new ProxyTracerProvider().getDelegate();
  return provider instanceof ProxyTracerProvider && provider.getDelegate() === standIn;
}
