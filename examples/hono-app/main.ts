/** A Hono app with limits, a time limit and metrics around it, and one governed call inside. */

import { contextOf, type Fetch, type Handler, inbound, outbound } from 'fetchmesh';
import { expose } from 'fetchmesh/exposition';
import { limits } from 'fetchmesh/limits';
import { metrics } from 'fetchmesh/metrics';
import { createRegistry } from 'fetchmesh/registry';
import { retry } from 'fetchmesh/retry';
import { timeout } from 'fetchmesh/timeout';
import { Hono } from 'hono';

/** @param users What answers for `http://users.internal`. */
export function shop(users: (request: Request) => Promise<Response>): Handler {
  const callUsers: Fetch = outbound(users, retry({ max: 2, baseDelay: '5ms', perTry: '500ms' }));
  const registry = createRegistry();
  const app = new Hono();
  app.get('/metrics', (c) => c.text(expose(registry, 'text')));
  app.get('/users/:id', async (c) => {
    // The context carries on the deadline, and the trace where there is one.
    const url = `http://users.internal/${c.req.param('id')}`;
    const response = await callUsers(url, {}, contextOf(c.req.raw));
    return c.json({ user: await response.json() }, response.ok ? 200 : 502);
  });
  app.post('/users', async (c) => c.json(await c.req.json(), 201));
  return inbound(
    app,
    metrics({ registry, service: 'shop' }),
    limits({ bodyBytes: 100_000 }),
    timeout('3s'),
  );
}

if (import.meta.main) {
  const app = shop(async ({ url }) => Response.json({ id: new URL(url).pathname.slice(1) }));
  console.log(await (await app(new Request('http://shop.example/users/ada'))).json());
}
