/**
 * Drills in this process: real sockets on loopback.
 */

import type { HrTime } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  WebTracerProvider,
} from '@opentelemetry/sdk-trace-web';
import { createGateway } from '../../src/gateway/gateway.ts';
import type { Handler } from '../../src/index.ts';
import { type Listener, listen } from '../../src/runtimes/listen.ts';
import { upstreamClient } from '../../src/runtimes/upstream-client.ts';
import type { TakingStore } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';
import { newSigningKey } from '../auth/signing-key.ts';
import { seeded } from '../seeded.ts';
import { freePorts, startShop } from '../shop.ts';
import { type Collector, startCollector } from './collector.ts';
import { type OpenShop, type Platform, rulesOf, sumOf } from './platform.ts';
import { controlsOf, upstreamApp } from './upstream.ts';

/** Of this process. */
export interface Processes extends Platform {
  /** The services of the shop, with its own gateway; `services` says where they are. */
  shop(): Promise<OpenShop & { readonly services: Readonly<Record<string, string>> }>;
}

export function onProcesses(): Processes {
  const listeners: Listener[] = [];
  const closers: (() => Promise<void>)[] = [];
  const collectors: Collector[] = [];
  const ended = new InMemorySpanExporter();
  const tracerProvider = new WebTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(ended)],
  });

  async function open(handler: Handler): Promise<string> {
    const listener = await listen(handler, { port: 0 });
    listeners.push(listener);
    return listener.url;
  }

  return {
    async service(behaviour) {
      const app = upstreamApp(behaviour);
      const url = await open(app);
      return {
        url,
        at: `url: "${url}"`,
        ...controlsOf(async (path, init) => app(new Request(url + path, init))),
      };
    },
    async gateway(rules) {
      const registry = createRegistry();
      const { store, kill } = mortal(memoryStore());
      const transport = upstreamClient();
      const gateway = createGateway(rulesOf(rules), {
        ...(transport && { transport }),
        ...{ registry, tracerProvider, store, random: seeded(1) },
      });
      return {
        url: await open(gateway.fetch),
        replace: async (next) => gateway.replace(rulesOf(next), `drill-${next.length}`),
        total: async (name, labels = {}) => sumOf(expose(registry, 'text'), name, labels),
        killStore: async () => kill(),
      };
    },
    async shop() {
      const shop = await startShop({
        ports: freePorts,
        privateJwk: await newSigningKey(),
        tracerProvider: () => tracerProvider,
      });
      closers.push(shop.close);
      return {
        ...{ url: shop.url, services: shop.services },
        async ask(instance, path, method = 'GET') {
          return await (await fetch(`${shop.services[instance]}${path}`, { method })).text();
        },
      };
    },
    async collector() {
      const collector = await startCollector();
      collectors.push(collector);
      closers.push(collector.close);
      return collector.origin;
    },
    get spans() {
      const own = ended.getFinishedSpans().map((span) => ({
        traceId: span.spanContext().traceId,
        endedAtMs: milliseconds(span.endTime),
        resource: span.resource.attributes,
        attributes: span.attributes,
        events: span.events.map(({ name, time, attributes = {} }) => ({
          ...{ name, attributes, atMs: milliseconds(time) },
        })),
      }));
      return [...own, ...collectors.flatMap(({ spans }) => spans)];
    },
    onEnd(close) {
      closers.push(close);
    },
    async end() {
      await Promise.all(closers.map((close) => close()));
      await Promise.all(listeners.map((listener) => listener.close(true)));
      await tracerProvider.shutdown();
    },
  };
}

function milliseconds([seconds, nanoseconds]: HrTime): number {
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

/** A store that can be made to fail. */
function mortal(living: TakingStore): { readonly store: TakingStore; kill(): void } {
  let isDead = false;
  const store: TakingStore = {
    ...living,
    take: (...asked) =>
      isDead ? Promise.reject(new Error('connection lost')) : living.take(...asked),
  };
  return {
    store,
    kill() {
      isDead = true;
    },
  };
}
