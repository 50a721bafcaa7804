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
import { freshRequest } from './request.ts';
import { printAdded } from './table.ts';

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

printAdded(await measure(contestants));
