/** What the compiler must accept under the types of Cloudflare Workers; checked by `tsconfig.workers.json`. */

import { DurableObject } from 'cloudflare:workers';
import { Hono } from 'hono';
import { AutoRouter } from 'itty-router';
import { expect, expectTypeOf, test } from 'vitest';
import { type App, type Handler, inbound, type Next, outbound } from '../../src/index.ts';
import {
  type DurableObjectNamespaceLike,
  type StoreObject,
  storeObject,
} from '../../src/stores/durable-object.ts';
import { type MetricsNamespace, metricsObject } from '../../src/telemetry/metrics-object.ts';

interface Env {
  readonly ORDER: Fetcher;
  readonly RULES: KVNamespace;
}

test('pitfall 3: a handler is the fetch of an exported handler', () => {
  const worker: ExportedHandler<Env> = { fetch: inbound(() => new Response()) };
  const satisfied = { fetch: inbound(() => new Response()) } satisfies ExportedHandler<Env>;
  expectTypeOf<Handler>().toExtend<NonNullable<ExportedHandler<Env>['fetch']>>();
  expect(worker.fetch).toBeTypeOf('function');
  expect(satisfied.fetch).toBeTypeOf('function');
});

test('pitfall 3: an exported handler, its fetch and a service binding are apps', () => {
  const worker = {
    async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
      ctx.waitUntil(env.RULES.get('rules'));
      return env.ORDER.fetch(request);
    },
  };
  expectTypeOf(worker).toExtend<App>();
  expectTypeOf(worker.fetch).toExtend<App>();
  expectTypeOf<Fetcher>().toExtend<App>();
});

test('a router of itty-router or of Hono is an app', () => {
  expectTypeOf(inbound(AutoRouter())).toEqualTypeOf<Handler>();
  expectTypeOf(inbound(new Hono<{ Bindings: Env }>())).toEqualTypeOf<Handler>();
});

test('outbound is a fetch, and takes one, or a service binding in a function', () => {
  expectTypeOf(outbound(fetch)).toExtend<typeof fetch>();
  const order = (env: Env) => outbound((request, init) => env.ORDER.fetch(request, init));
  expectTypeOf(order).returns.toExtend<typeof fetch>();
});

test('pitfall 1: a bare fetch is no step inside of a chain', () => {
  // @ts-expect-error: it would read the context as its options
  const next: Next = fetch;
  expect(next).toBeTypeOf('function');
});

test('the classes of Durable Objects are made on the one of the platform', () => {
  class Store extends storeObject(DurableObject) {}
  class Metrics extends metricsObject(DurableObject) {}
  interface Namespaces {
    readonly STORE: DurableObjectNamespace<Store>;
    readonly METRICS: DurableObjectNamespace<Metrics>;
  }
  expectTypeOf<Namespaces['STORE']>().toExtend<DurableObjectNamespaceLike>();
  expectTypeOf<Namespaces['METRICS']>().toExtend<MetricsNamespace>();
  expectTypeOf<Store['take']>().toExtend<StoreObject['take']>();
  expect(Store.prototype).toBeInstanceOf(DurableObject);
  expect(Metrics.prototype).toBeInstanceOf(DurableObject);
});
