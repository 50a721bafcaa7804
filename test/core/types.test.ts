/** What the compiler must accept and refuse; `npm run typecheck` is what fails here, the runtime only looks on. */

import { Hono } from 'hono';
import { AutoRouter, IttyRouter } from 'itty-router';
import { describe, expectTypeOf, test } from 'vitest';
import {
  type App,
  Context,
  compose,
  type Fetch,
  type Handler,
  inbound,
  type Key,
  key,
  type Middleware,
  type Next,
  outbound,
  type RejectionError,
  reject,
} from '../../src/index.ts';

declare const server: { requestIP(request: Request): { address: string } | null };
type BunFetch = (request: Request, bun: typeof server) => Response | Promise<Response>;
type DenoInfo = { readonly remoteAddr: { readonly hostname: string }; completed: Promise<void> };
type DenoFetch = (request: Request, info: DenoInfo) => Response | Promise<Response>;
type WorkersFetch = (
  request: Request,
  env: { readonly KV: object },
  ctx: { waitUntil(work: Promise<unknown>): void },
) => Response | Promise<Response>;

const app = async (_: Request): Promise<Response> => new Response();
const through: Middleware = (next) => (request, context) => next(request, context);

describe('an app', () => {
  test('is a plain function, sync or async, or an object with fetch', () => {
    expectTypeOf(app).toExtend<App>();
    expectTypeOf((_: Request) => new Response()).toExtend<App>();
    expectTypeOf({ fetch: app }).toExtend<App>();
    expectTypeOf<WorkersFetch>().toExtend<App>();
    expectTypeOf<BunFetch>().toExtend<App>();
    expectTypeOf<DenoFetch>().toExtend<App>();
  });

  test('is a router of itty-router or of Hono', () => {
    expectTypeOf(inbound(AutoRouter(), through)).toEqualTypeOf<Handler>();
    expectTypeOf(inbound(IttyRouter())).toEqualTypeOf<Handler>();
    expectTypeOf(inbound(new Hono(), through)).toEqualTypeOf<Handler>();
    expectTypeOf(inbound(new Hono<{ Bindings: { KV: object } }>().fetch)).toEqualTypeOf<Handler>();
  });

  test('is a handler again', () => {
    expectTypeOf(inbound(inbound(app, through), through)).toEqualTypeOf<Handler>();
  });

  test('is not a string, a response, or a function of something else', () => {
    // @ts-expect-error: not an app
    expectTypeOf(() => inbound('app')).toBeFunction();
    // @ts-expect-error: answers with something else
    expectTypeOf(() => inbound(() => 'hello')).toBeFunction();
    // @ts-expect-error: asks for something else
    expectTypeOf(() => inbound((url: URL) => new Response(url.href))).toBeFunction();
  });
});

describe('pitfall 3: a handler', () => {
  test('is what Workers, Bun and Deno call fetch', () => {
    expectTypeOf<Handler>().toExtend<WorkersFetch>();
    expectTypeOf<Handler>().toExtend<BunFetch>();
    expectTypeOf<Handler>().toExtend<DenoFetch>();
  });

  test('needs nothing but a request', () => {
    const handler = inbound(app);
    expectTypeOf(handler).toBeCallableWith(new Request('http://shop.example/'));
    expectTypeOf(handler).returns.toEqualTypeOf<Promise<Response>>();
  });
});

describe('pitfall 1: a step inside of a chain', () => {
  test('is not a bare fetch, which would read the context as its options', () => {
    // @ts-expect-error: Context and RequestInit have no member in common
    const next: Next = fetch;
    expectTypeOf(next).toEqualTypeOf<Next>();
    // @ts-expect-error: the same, at the call
    expectTypeOf(() => fetch('http://shop.example/', Context.background())).toBeFunction();
    expectTypeOf<keyof Context & keyof RequestInit>().toEqualTypeOf<never>();
  });

  test('is a plain function of a request, too', () => {
    expectTypeOf(app).toExtend<Next>();
  });
});

describe('a middleware', () => {
  test('must hand the context on', () => {
    // @ts-expect-error: the deadline and the trace would be lost
    const forgetful: Middleware = (next) => (request) => next(request);
    expectTypeOf(forgetful).toEqualTypeOf<Middleware>();
    // @ts-expect-error: an empty object is no context
    const forging: Middleware = (next) => (request) => next(request, {});
    expectTypeOf(forging).toEqualTypeOf<Middleware>();
  });

  test('answers with a promise of a response', () => {
    // @ts-expect-error: a response that is no promise
    const sync: Middleware = () => () => new Response();
    // @ts-expect-error: nothing
    const nothing: Middleware = () => async () => {};
    expectTypeOf([sync, nothing]).toEqualTypeOf<Middleware[]>();
  });

  test('is what composing middlewares gives', () => {
    expectTypeOf(compose(through, through)).toEqualTypeOf<Middleware>();
    // @ts-expect-error: a handler is not a middleware
    expectTypeOf(() => compose(inbound(app))).toBeFunction();
  });
});

describe('outbound', () => {
  test('is a fetch, and takes one', () => {
    expectTypeOf(outbound(fetch)).toExtend<typeof fetch>();
    expectTypeOf(outbound(outbound(fetch, through), through)).toEqualTypeOf<Fetch>();
  });

  test('takes a context beside a request, or after an init', () => {
    const shop = outbound(fetch);
    const context = Context.background();
    expectTypeOf(shop).toBeCallableWith('http://shop.example/');
    expectTypeOf(shop).toBeCallableWith(new URL('http://shop.example/'), { method: 'PUT' });
    expectTypeOf(shop).toBeCallableWith('http://shop.example/', undefined, context);
    expectTypeOf(shop).toBeCallableWith(new Request('http://shop.example/'), context);
    // @ts-expect-error: a context is no init
    expectTypeOf(() => shop('http://shop.example/', context)).toBeFunction();
  });

  test('takes its options last, and knows them', () => {
    expectTypeOf(outbound(fetch, through, { rejections: 'throw' })).toEqualTypeOf<Fetch>();
    // @ts-expect-error: no such option
    expectTypeOf(() => outbound(fetch, { rejections: 'maybe' })).toBeFunction();
    // @ts-expect-error: not the last argument
    expectTypeOf(() => outbound(fetch, { rejections: 'throw' }, through)).toBeFunction();
  });
});

describe('a key', () => {
  test('has the type of its slot, undefined where there is no fallback', () => {
    expectTypeOf(key<string>('tenant')).toEqualTypeOf<Key<string | undefined>>();
    expectTypeOf(key<string>('tenant', 'public')).toEqualTypeOf<Key<string>>();
    const context = Context.background();
    expectTypeOf(context.get(key('count', 0))).toEqualTypeOf<number>();
    // @ts-expect-error: not what the slot holds
    expectTypeOf(() => context.with(key('count', 0), 'one')).toBeFunction();
  });
});

describe('a rejection', () => {
  test('has one of the known reasons', () => {
    expectTypeOf(reject('timeout')).toEqualTypeOf<Response>();
    // @ts-expect-error: no such reason
    expectTypeOf(() => reject('because')).toBeFunction();
    expectTypeOf<RejectionError>().toExtend<Error>();
  });
});
