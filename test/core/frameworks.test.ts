/** Apps that others wrote, inside of a chain. */

import { Hono } from 'hono';
import { AutoRouter, error, type IRequest, IttyRouter, json } from 'itty-router';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type App,
  contextOf,
  type Fetch,
  inbound,
  key,
  type Middleware,
  outbound,
  setHeader,
} from '../../src/index.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { upstream } from '../support/upstream.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const tenant = key<string>('tenant', 'nobody');
const env = { REGION: 'eu' };
const executionContext = {
  work: [] as Promise<unknown>[],
  waitUntil(work: Promise<unknown>): void {
    this.work.push(work);
  },
  passThroughOnException() {},
  props: {},
};

const identifying: Middleware = (next) => (request, context) =>
  next(request, setHeader(context.with(tenant, 'acme'), 'x-tenant', 'acme'));

interface Seen {
  readonly id: string;
  readonly tenant: string | undefined;
  readonly header: string | null;
  readonly region: string;
  readonly body: string;
}

/** The same small shop, written three times. */
const shops: Record<string, () => App> = {
  'itty-router, AutoRouter': () =>
    AutoRouter()
      .put(
        '/items/:id',
        async (request: IRequest, { REGION }: typeof env, ctx: typeof executionContext) => {
          ctx.waitUntil(Promise.resolve('logged'));
          return {
            id: request.params['id'],
            tenant: contextOf(request as unknown as Request)?.get(tenant),
            header: request.headers.get('x-tenant'),
            region: REGION,
            body: await request.text(),
          };
        },
      )
      .get('/broken', () => {
        throw new Error('broken');
      }),

  'itty-router, IttyRouter': () => {
    const router = IttyRouter();
    router
      .put('/items/:id', async (request, { REGION }: typeof env, ctx: typeof executionContext) => {
        ctx.waitUntil(Promise.resolve('logged'));
        return json({
          id: request.params['id'],
          tenant: contextOf(request as unknown as Request)?.get(tenant),
          header: request.headers.get('x-tenant'),
          region: REGION,
          body: await request.text(),
        });
      })
      .get('/broken', () => error(500))
      .all('*', () => error(404));
    return router;
  },

  Hono: () => {
    const app = new Hono<{ Bindings: typeof env }>();
    app.put('/items/:id', async (c) => {
      c.executionCtx.waitUntil(Promise.resolve('logged'));
      return c.json({
        id: c.req.param('id'),
        tenant: contextOf(c.req.raw)?.get(tenant),
        header: c.req.header('x-tenant') ?? null,
        region: c.env.REGION,
        body: await c.req.text(),
      });
    });
    app.get('/broken', (c) => c.text('broken', 500));
    return app;
  },
};

let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
  executionContext.work.length = 0;
});
afterEach(() => {
  expect(clock.pending).toBe(0);
});

describe.each(Object.entries(shops))('%s', (_, shop) => {
  const put = () =>
    new Request('http://shop.example/items/7', { method: 'PUT', body: 'a pair of shoes' });

  test('pitfall 3: gets what the platform passed, the edited headers, the body, and finds the context', async () => {
    const app = inbound(shop(), identifying, timeout('3s', { clock }), retry({ clock }));
    const response = await app(put(), env, executionContext);
    expect(response.status).toBe(200);
    expect((await response.json()) as Seen).toEqual({
      id: '7',
      tenant: 'acme',
      header: 'acme',
      region: 'eu',
      body: 'a pair of shoes',
    });
    expect(executionContext.work).toHaveLength(1);
  });

  test('works without any middleware', async () => {
    const response = await inbound(shop())(put(), env, executionContext);
    expect((await response.json()) as Seen).toMatchObject({ tenant: 'nobody', header: null });
  });

  test('answers by itself what it does not know', async () => {
    const app = inbound(shop(), identifying);
    const response = await app(new Request('http://shop.example/nowhere'), env, executionContext);
    expect(response.status).toBe(404);
  });

  test('is tried again when it fails', async () => {
    let tries = 0;
    const counting: Middleware = (next) => (request, context) => {
      tries += 1;
      return next(request, context);
    };
    const app = inbound(shop(), retry({ clock, max: 2 }), counting);
    const answer = app(new Request('http://shop.example/broken'), env, executionContext);
    await clock.advance(60_000);
    expect((await answer).status).toBe(500);
    expect(tries).toBe(3);
  });
});

describe('a call that an app causes', () => {
  test.each<[string, (stock: Fetch) => App]>([
    [
      // Its handlers get a Proxy, which no fetch takes.
      'itty-router',
      (stock) =>
        AutoRouter().get('*', (request: IRequest) =>
          stock('http://stock.example/', {}, contextOf(request as unknown as Request)),
        ),
    ],
    ['Hono', (stock) => new Hono().get('*', (c) => stock(c.req.raw))],
    ['a function', (stock) => (request) => stock(request)],
  ])('of %s carries the context on', async (_, app) => {
    let seen: string | undefined;
    const watching: Middleware = (next) => (request, context) => {
      seen = context.get(tenant);
      return next(request, context);
    };
    const stock = outbound(
      upstream(() => new Response('from upstream')),
      watching,
    );
    const answer = await inbound(app(stock), identifying)(new Request('http://shop.example/'));
    expect(await answer.text()).toBe('from upstream');
    expect(seen).toBe('acme');
  });
});

describe('a chain inside of a framework', () => {
  test('Hono mounts a handler, which goes on with the context and with what it is passed', async () => {
    const inner = inbound(
      (request, { REGION }: typeof env) => {
        const at = `${new URL(request.url).pathname} ${REGION}`;
        return new Response(`${at} ${contextOf(request)?.get(tenant)}`);
      },
      timeout('3s', { clock }),
    );
    const hono = new Hono<{ Bindings: typeof env }>();
    hono.all('/api/*', (c) => inner(c.req.raw, { ...c.env, REGION: 'us' }));
    const response = await inbound(hono, identifying)(
      new Request('http://shop.example/api/items'),
      env,
      executionContext,
    );
    expect(await response.text()).toBe('/api/items us acme');
  });

  test('a handler takes app.request of Hono', async () => {
    const hono = new Hono().get('/', (c) => c.text('hello'));
    const app = new Hono().mount('/shop', inbound(hono, timeout('3s', { clock })));
    expect(await (await app.request('/shop')).text()).toBe('hello');
  });
});

test('pitfall 4: two cookies that an app sets stay two', async () => {
  const hono = new Hono().get('/', (c) => {
    c.header('set-cookie', 'a=1', { append: true });
    c.header('set-cookie', 'b=2', { append: true });
    return c.text('hello');
  });
  const app = inbound(hono, identifying, timeout('3s', { clock }), retry({ clock }));
  const response = await app(new Request('http://shop.example/'));
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
});
