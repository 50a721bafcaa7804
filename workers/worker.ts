/**
 * What the shop's Workers have in common: settings come with the first request, spans leave after the response.
 */

import * as sdk from '@opentelemetry/sdk-trace-web';
import type { Handler } from '../src/index.ts';
import { type Telemetry, telemetry } from '../src/telemetry/setup.ts';
import type { Instance } from './service.ts';

/** What every Worker of the shop finds in its environment. */
export interface ShopEnv {
  /** `v1` or `v2`. */
  readonly VERSION: string;
  /** `stable` or `canary`. */
  readonly ENVIRONMENT: string;
  /** Where the spans go. Without it trace ids still travel. */
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string;
}

/** Another Worker. */
export interface ServiceBinding {
  fetch(request: Request): Promise<Response>;
}

interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

/** A Worker, for `export default`. */
export interface ServiceWorker<Env> {
  fetch(request: Request, env: Env, context: WorkerContext): Promise<Response>;
}

/** Tracing as the environment asks for it. */
export function tracesOf(
  { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }: Pick<ShopEnv, 'OTEL_EXPORTER_OTLP_ENDPOINT'>,
  serviceName: string,
): Telemetry | undefined {
  return endpoint ? telemetry({ sdk, serviceName, endpoint }) : undefined;
}

/** One of the three services as a Worker: the same app that `npm start` runs on Node. */
export function serviceWorker<Env extends ShopEnv>(
  service: Instance['service'],
  app: (instance: Omit<Instance, 'service'>, env: Env) => Handler,
): ServiceWorker<Env> {
  let running: { readonly handler: Handler; readonly traces: Telemetry | undefined } | undefined;

  function start(env: Env): NonNullable<typeof running> {
    const { VERSION: version, ENVIRONMENT: environment } = env;
    const traces = tracesOf(env, `${service}-${environment}`);
    const tracing = traces && { tracing: { tracerProvider: traces.tracerProvider } };
    return { handler: app({ version, environment, ...tracing }, env), traces };
  }
  return {
    async fetch(request, env, context) {
      running ??= start(env);
      const { handler, traces } = running;
      try {
        return await handler(request, env, context);
      } finally {
        if (traces !== undefined) context.waitUntil(afterwards(() => traces.flush()));
      }
    },
  };
}

/** Begins when the response is on its way. */
async function afterwards(work: () => Promise<void>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  await work();
}
