/** A Fastify app with the same around it. */

import { fastify } from 'fastify';
import { type Handler, outbound } from 'fetchmesh';
import { limits } from 'fetchmesh/limits';
import { metrics } from 'fetchmesh/metrics';
import { createRegistry, type Registry } from 'fetchmesh/registry';
import { retry } from 'fetchmesh/retry';
import { timeout } from 'fetchmesh/timeout';
import { around, contextOfNode } from './adapter.ts';

/** @param users What answers for `http://users.internal`. */
export async function fastifyShop(
  users: (request: Request) => Promise<Response>,
  registry: Registry = createRegistry(),
): Promise<Handler> {
  const callUsers = outbound(users, retry({ max: 2, baseDelay: '5ms' }));
  const app = fastify();
  app.get<{ Params: { id: string } }>('/users/:id', async ({ params, raw }, reply) => {
    const answer = await callUsers(`http://users.internal/${params.id}`, {}, contextOfNode(raw));
    reply.code(answer.ok ? 200 : 502);
    return { user: await answer.json() };
  });
  app.post('/users', async ({ body }, reply) => {
    reply.code(201);
    return body;
  });
  await app.ready();
  return around(
    app.routing,
    metrics({ registry, service: 'shop' }),
    limits({ bodyBytes: 50_000 }),
    timeout('3s'),
  );
}
