/**
 * What an operator asks a gateway: metrics, liveness, readiness.
 *
 * @module
 */

import type { Handler } from '../core/chain.ts';
import { metricsResponse } from '../telemetry/exposition.ts';
import type { Registry } from '../telemetry/registry.ts';
import type { Drain } from './drain.ts';

/** What the admin listener speaks of. */
export interface AdminOptions {
  readonly registry: Registry;
  readonly drain: Drain;
  readonly gateway: { readonly revision: string };
}

/** Answers `/metrics`, `/healthz` (the process lives) and `/readyz` (it takes requests; 503 while it drains). */
export function adminApp({ registry, drain, gateway }: AdminOptions): Handler {
  return async function admin(request) {
    switch (new URL(request.url).pathname) {
      case '/metrics':
        return metricsResponse(registry, request);
      case '/healthz':
        return Response.json({ status: 'ok' });
      case '/readyz':
        return drain.draining
          ? Response.json({ status: 'draining' }, { status: 503 })
          : Response.json({ status: 'ready', revision: gateway.revision });
      default:
        return new Response('Not found: there is /metrics, /healthz and /readyz.\n', {
          status: 404,
        });
    }
  };
}
