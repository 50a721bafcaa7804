/**
 * What the three services of the shop have in common: how they are observed, and how they say who answered.
 */

import type { App, Fetch, Handler, Middleware } from '../src/index.ts';
import { inbound, layer, outbound, withResponseHeaders } from '../src/index.ts';
import { metricsResponse } from '../src/telemetry/exposition.ts';
import { metrics } from '../src/telemetry/metrics.ts';
import { createRegistry } from '../src/telemetry/registry.ts';
import { type TracingOptions, tracing } from '../src/telemetry/tracing.ts';

/** What an instance of a service is told about itself. */
export interface Instance {
  readonly service: 'auth' | 'order' | 'inventory';
  readonly version: string;
  /** `stable` or `canary`. */
  readonly environment: string;
  readonly tracing?: TracingOptions;
}

/** Baggage that all services put on their metrics. Which environment a service itself is of, `env`, they know anyway. */
const labels = ['user_tier', 'feature_flag'] as const;

/** Baggage that all services put on their spans. */
export const baggage = ['env', ...labels] as const;

/** Puts tracing and metrics around a service's routes, and `/metrics`, `/healthz` and `/readyz` beside them. */
export function serviceApp(instance: Instance, app: App): Handler {
  const registry = createRegistry();
  const { service, version, environment } = instance;
  const served = inbound(
    app,
    tracing({ baggage, propagateBaggage: true, ...instance.tracing }),
    metrics({ registry, service, environment, baggage: labels }),
    answeredBy(version, `${service}-${environment}`),
  );
  return async function serve(request, ...platform) {
    switch (new URL(request.url).pathname) {
      case '/metrics':
        return metricsResponse(registry, request);
      case '/healthz':
      case '/readyz':
        return Response.json({ status: 'ok', service, version });
      default:
        return served(request, ...platform);
    }
  };
}

/** A `fetch` for the calls of a service to others: each is a client span, and carries on trace and baggage. */
export function serviceFetch(
  instance: Instance,
  transport: typeof fetch,
  ...more: Middleware[]
): Fetch {
  const observed = tracing({ propagateBaggage: true, ...instance.tracing });
  return outbound(transport, ...more, observed);
}

/** Says on each response which version answered, and under which name it goes. */
function answeredBy(version: string, host: string): Middleware {
  return layer(`answered by ${host}`, (next) => async (request, context) => {
    return withResponseHeaders(await next(request, context), (headers) => {
      headers.set('x-service-version', version);
      headers.set('x-service-host', host);
    });
  });
}

/** A JSON answer for something that a client got wrong. */
export function problem(status: number, title: string, detail: string): Response {
  return Response.json(
    { title, status, detail },
    { status, headers: { 'content-type': 'application/problem+json' } },
  );
}
