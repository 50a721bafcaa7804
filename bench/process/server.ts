/**
 * What a gateway is measured against, as a process: `server.ts bare|peers URL` sends everything to that URL. Tells its port on
 * stdout.
 */

import process from 'node:process';
import { propagation } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { AlwaysOnSampler, WebTracerProvider } from '@opentelemetry/sdk-trace-web';
import { serve } from 'srvx';
import { plenty } from '../canary.ts';
import { peerStack } from '../peers/stack.ts';

const [what, target = ''] = process.argv.slice(2);

/** The least that a reverse proxy on `fetch` does. */
function passThrough(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const { method, headers, body, signal } = request;
  const init = { method, headers, body, signal, redirect: 'manual', duplex: 'half' };
  return fetch(`${target}${pathname}${search}`, init as RequestInit);
}

propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const peers = peerStack({
  ...{ upstream: fetch, limit: plenty },
  origins: { stable: target, canary: target },
  tracerProvider: new WebTracerProvider({ sampler: new AlwaysOnSampler() }),
});

const server = serve({
  fetch: what === 'peers' ? peers : passThrough,
  ...{ port: 0, hostname: '127.0.0.1', silent: true },
});
await server.ready();
console.log(new URL(server.url as string).port);
