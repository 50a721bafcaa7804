/** An Express app with limits, a time limit and metrics around it, and one governed call inside. */

import express from 'express';
import { type Handler, outbound } from 'fetchmesh';
import { limits } from 'fetchmesh/limits';
import { metrics } from 'fetchmesh/metrics';
import { createRegistry, type Registry } from 'fetchmesh/registry';
import { retry } from 'fetchmesh/retry';
import { timeout } from 'fetchmesh/timeout';
import { around, contextOfNode } from './adapter.ts';

/** @param users What answers for `http://users.internal`. */
export function expressShop(
  users: (request: Request) => Promise<Response>,
  registry: Registry = createRegistry(),
): Handler {
  const callUsers = outbound(users, retry({ max: 2, baseDelay: '5ms' }));
  const app = express();
  app.use(express.json());
  app.get('/users/:id', async (request, response) => {
    // The context carries on the deadline, and the trace where there is one.
    const url = `http://users.internal/${request.params.id}`;
    const answer = await callUsers(url, {}, contextOfNode(request));
    response.status(answer.ok ? 200 : 502).json({ user: await answer.json() });
  });
  app.post('/users', (request, response) => {
    response.status(201).json(request.body);
  });
  return around(
    app,
    metrics({ registry, service: 'shop' }),
    limits({ bodyBytes: 50_000 }),
    timeout('3s'),
  );
}
