import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expose } from 'fetchmesh/exposition';
import { createRegistry } from 'fetchmesh/registry';
import { timeout } from 'fetchmesh/timeout';
import { patchGlobalRequest, serve } from 'srvx/node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { around, contextOfNode } from '../../examples/express-and-fastify/adapter.ts';
import { expressShop } from '../../examples/express-and-fastify/express.ts';
import { fastifyShop } from '../../examples/express-and-fastify/fastify.ts';
import { open } from '../../examples/express-and-fastify/main.ts';
import { serverTiming } from '../../examples/own-middleware/main.ts';

const at = (path: string, init?: RequestInit) => new Request(`http://shop.example${path}`, init);

describe.each([
  ['Express', expressShop],
  ['Fastify', fastifyShop],
])('express-and-fastify: %s', (_, shop) => {
  const registry = createRegistry();
  const tries: string[] = [];
  const serving = shop(async ({ url }) => {
    tries.push(url);
    return url.endsWith('/down')
      ? new Response('{}', { status: 503 })
      : Response.json({ id: new URL(url).pathname.slice(1) });
  }, registry);

  test('answers, and calls', async () => {
    const app = await serving;
    expect(await (await app(at('/users/ada'))).json()).toEqual({ user: { id: 'ada' } });
    expect((await app(at('/users/down'))).status).toBe(502);
    expect(tries).toHaveLength(4);
    expect((await app(at('/nowhere'))).status).toBe(404);
    expect(expose(registry, 'text')).toContain('shop_request_total{env="stable"} 3');
  });

  test('takes what it may', async () => {
    const app = await serving;
    const post = (body: string) => {
      const headers = { 'content-type': 'application/json', 'content-length': `${body.length}` };
      return at('/users', { method: 'POST', body, headers });
    };
    const made = await app(post('{"name":"ada"}'));
    expect([made.status, await made.json()]).toEqual([201, { name: 'ada' }]);
    expect((await app(post(JSON.stringify('a'.repeat(60_000))))).status).toBe(413);
  });
});

describe('around', () => {
  test('the middlewares answer for an app that hangs, and it is told', async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const app = around((_, response) => asked.resolve(response), timeout('20ms'));
    const answer = app(at('/'));
    const closed = once(await asked.promise, 'close');
    expect((await answer).status).toBe(504);
    await closed;
  });

  test('they see the answer of a request that a server has handed over', async () => {
    patchGlobalRequest();
    const app = around((_, response) => response.end('here'), serverTiming());
    const server = serve({ fetch: app, port: 0, hostname: '127.0.0.1' });
    onTestFinished(() => server.close(true));
    await server.ready();
    const answer = await fetch(server.url as string);
    expect(await answer.text()).toBe('here');
    expect(answer.headers.get('server-timing')).toMatch(/^app;dur=/);
  });

  test('an answer is streamed, and the context is at hand', async () => {
    const rest = Promise.withResolvers<void>();
    const app = around(async (request, response) => {
      response.write(String(contextOfNode(request) !== undefined));
      void rest.promise.then(() => response.end('!'));
    });
    const reader = (await app(at('/'))).body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('true');
    rest.resolve();
    expect((await reader?.read())?.value).toBe('!');
  });
});

test('express-and-fastify answers through a server', async () => {
  const server = open(0);
  onTestFinished(() => server.close(true));
  await server.ready();
  const answer = await fetch(new URL('/users/ada', server.url));
  expect(await answer.json()).toEqual({ user: { id: 'ada' } });
  expect((await fetch(new URL('/nowhere', server.url))).status).toBe(404);
});
