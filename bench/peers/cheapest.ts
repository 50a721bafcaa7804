/**
 * The cheapest parts that do the same, put together by hand without a framework: rate-limiter-flexible, opossum, prom-client.
 */

import { context, propagation, SpanKind, type TracerProvider, trace } from '@opentelemetry/api';
import CircuitBreaker from 'opossum';
import { Counter, Histogram, Registry } from 'prom-client';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { nowhere } from '../canary.ts';
import type { PeerStackOptions } from './stack.ts';

/** The stack. */
export function cheapestStack(options: PeerStackOptions): (request: Request) => Promise<Response> {
  const { upstream } = options;
  const tracer = (options.tracerProvider as TracerProvider).getTracer('shop');
  const registry = new Registry();
  const labelNames = ['method', 'status', 'route'] as const;
  const common = { help: 'as it says', labelNames, registers: [registry] };
  const durations = new Histogram({ name: 'http_request_duration_seconds', ...common });
  const requests = new Counter({ name: 'http_requests_total', ...common });
  const limiter = new RateLimiterMemory({ points: options.limit, duration: 86_400 });

  async function attempt(url: string, init: RequestInit): Promise<Response> {
    const response = await upstream(url, init);
    if (response.status >= 500) throw new Error(`${response.status}`);
    return response;
  }
  const breaker = new CircuitBreaker(attempt, { timeout: 800, resetTimeout: 30_000 });

  return async (request) => {
    const start = performance.now();
    const { headers: received, method } = request;
    const parent = propagation.extract(context.active(), received, headerAccess);
    const server = tracer.startSpan('GET /api/users', { kind: SpanKind.SERVER }, parent);
    await limiter.consume(received.get('authorization') ?? '');
    const isCanary = received.get('x-env') === 'canary' && Math.random() < 0.2;
    const origin = isCanary ? nowhere.canary : nowhere.stable;
    const active = trace.setSpan(parent, server);
    for (let tries = 0; ; tries++) {
      const client = tracer.startSpan('GET', { kind: SpanKind.CLIENT }, active);
      try {
        const headers = new Headers(received);
        propagation.inject(trace.setSpan(active, client), headers, headerAccess);
        const response = await breaker.fire(`${origin}/api/users`, { method, headers });
        const labels = { method, status: response.status, route: '/api/users' };
        durations.observe(labels, (performance.now() - start) / 1_000);
        requests.inc(labels);
        server.setAttribute('http.response.status_code', response.status);
        server.end();
        return response;
      } catch (error) {
        if (tries === 2) throw error;
      } finally {
        client.end();
      }
    }
  };
}

const headerAccess = {
  get: (carrier: Headers, name: string) => carrier.get(name) ?? undefined,
  keys: (carrier: Headers) => [...carrier.keys()],
  set: (carrier: Headers, name: string, value: string) => carrier.set(name, value),
};
