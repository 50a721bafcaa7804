/** One file for Bun, Deno, Workers and Node: an app with metrics and limits around it, as `export default { fetch }`. */

import { type Handler, inbound } from 'fetchmesh';
import { metricsResponse } from 'fetchmesh/exposition';
import { metrics } from 'fetchmesh/metrics';
import { rateLimit } from 'fetchmesh/rate-limit';
import { createRegistry } from 'fetchmesh/registry';
import { timeout } from 'fetchmesh/timeout';

const registry = createRegistry();

async function hello(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === '/metrics') return metricsResponse(registry, request);
  return new Response(`hello ${pathname.slice(1)}`);
}

/** By the address of the client, which every platform hands on in its own way. */
const fetch: Handler = inbound(
  hello,
  metrics({ registry, service: 'hello' }),
  rateLimit({ limit: 5, per: '10s' }),
  timeout('3s'),
);

export default { fetch };
