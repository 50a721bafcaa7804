/**
 * What a chain adds to a bare handler, layer by layer. Run by bench/run.ts on Node, Bun and Deno.
 */

import { inbound, type Middleware, outbound, setHeader } from '../src/index.ts';
import { retry } from '../src/policies/retry.ts';
import { timeout } from '../src/policies/timeout.ts';
import { metrics } from '../src/telemetry/metrics.ts';
import { createRegistry } from '../src/telemetry/registry.ts';
import { tracing } from '../src/telemetry/tracing.ts';
import { type Contestant, measure } from './measure.ts';

const headers = {
  accept: 'application/json',
  'accept-language': 'en',
  authorization: 'Bearer abc',
  'content-type': 'application/json',
  cookie: 'sid=1234',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'user-agent': 'bench',
  'x-request-id': '42',
};

/** A new one each time, as a server gives it. */
function freshRequest(): Request {
  return new Request('http://shop.example/api/users', { headers });
}

const handler = async (_: Request): Promise<Response> => new Response(null);
const pass: Middleware = (next) => (request, context) => next(request, context);
const passAsync: Middleware = (next) => async (request, context) => next(request, context);
const registry = createRegistry();

const chains: Readonly<Record<string, (request: Request) => Promise<Response>>> = {
  'bare handler': handler,
  'inbound, no middleware': inbound(handler),
  'inbound, 8 pass-through': inbound(handler, ...Array.from({ length: 8 }, () => pass)),
  'inbound, 8 async layers': inbound(handler, ...Array.from({ length: 8 }, () => passAsync)),
  'inbound, timeout': inbound(handler, timeout('3s')),
  'inbound, metrics': inbound(handler, metrics({ registry, service: 'bench' })),
  'inbound, tracing (no SDK)': inbound(handler, tracing()),
  'outbound, retry': outbound(handler, retry({ max: 2 })),
  'outbound, one header set': outbound(
    handler,
    (next) => (request, context) => next(request, setHeader(context, 'x-region', 'eu')),
  ),
  'outbound, tracing + retry + timeout': outbound(
    handler,
    timeout('3s'),
    retry({ max: 2 }),
    tracing(),
  ),
};

const contestants: readonly Contestant[] = Object.entries(chains).map(([name, chain]) => ({
  name,
  run: () => chain(freshRequest()),
}));

const results = await measure(contestants);
const bare = results[0]?.median ?? 0;
for (const { name, median } of results) {
  const added = median - bare;
  console.log(
    `${name.padEnd(38)} ${median.toFixed(2).padStart(7)} µs   ${added >= 0 ? '+' : ''}${added.toFixed(2)} µs`,
  );
}
