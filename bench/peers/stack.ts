/**
 * What people assemble today: Hono, its middlewares for tracing, metrics, limits and timeouts, cockatiel around the call to
 * the upstream, the canary by hand.
 */

import { httpInstrumentationMiddleware } from '@hono/otel';
import { prometheus } from '@hono/prometheus';
import { context, propagation, type TracerProvider, trace } from '@opentelemetry/api';
import * as cockatiel from 'cockatiel';
import { Hono } from 'hono';
import { timeout } from 'hono/timeout';
import { rateLimiter } from 'hono-rate-limiter';
import { nowhere, type Origins } from '../canary.ts';

/** What the stack is made of, beside what it always has: metrics, canary, breaker, retries, timeouts. */
export interface PeerStackOptions {
  /** Makes the spans; without it there is no tracing. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** How many requests a caller has in a day. */
  readonly limit: number;
  readonly origins?: Origins;
  readonly upstream: (url: string, init: RequestInit) => Promise<Response>;
}

/** The stack, as the documentation of its parts puts it together. */
export function peerStack(options: PeerStackOptions): (request: Request) => Promise<Response> {
  const { tracerProvider, upstream, origins = nowhere } = options;
  const app = new Hono();
  if (tracerProvider !== undefined) {
    app.use(httpInstrumentationMiddleware({ tracerProvider, serviceName: 'shop' }));
  }
  app.use(prometheus().registerMetrics);
  app.use(
    rateLimiter({
      windowMs: 86_400_000,
      limit: options.limit,
      keyGenerator: (c) => c.req.header('authorization') ?? '',
    }),
  );
  app.use(timeout(3_000));

  const policy = resilience();
  const tracer = tracerProvider?.getTracer('shop');
  app.all('/api/users', (c) => {
    const isCanary = c.req.header('x-env') === 'canary' && Math.random() < 0.2;
    const origin = isCanary ? origins.canary : origins.stable;
    return policy.execute(async ({ signal }) => {
      const headers = new Headers(c.req.raw.headers);
      const span = tracer?.startSpan('GET');
      if (span !== undefined) {
        propagation.inject(trace.setSpan(context.active(), span), headers, headerSetter);
      }
      const response = await upstream(`${origin}/api/users`, { headers, signal });
      span?.end();
      return response;
    });
  });
  return async (request) => await app.fetch(request);
}

/** What cockatiel's own page on fetch shows: all policies, wrapped into one. */
function resilience(): cockatiel.IPolicy {
  const failure = cockatiel.handleAll.orWhenResult(
    (result) => result instanceof Response && result.status >= 500,
  );
  const retries = cockatiel.retry(failure, {
    maxAttempts: 2,
    backoff: new cockatiel.ExponentialBackoff({ initialDelay: 25 }),
  });
  const perTry = cockatiel.timeout(800, {
    strategy: cockatiel.TimeoutStrategy.Cooperative,
    // Its signal would abort once the headers are there, and take the body with it.
    abortOnReturn: false,
  });
  return cockatiel.wrap(
    retries,
    cockatiel.circuitBreaker(failure, {
      halfOpenAfter: 30_000,
      breaker: new cockatiel.ConsecutiveBreaker(5),
    }),
    cockatiel.bulkhead(100),
    perTry,
  );
}

const headerSetter = {
  set(carrier: Headers, name: string, value: string): void {
    carrier.set(name, value);
  },
};
