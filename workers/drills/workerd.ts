/**
 * Drills on workerd: the gateway is a Worker with its rules in KV and its limits in a Durable Object. It reaches services
 * that are Workers through service bindings, or, where platforms are mixed, ones of this process by their URLs.
 */

import { createTestHarness, type TestHarness } from 'wrangler';
import { publish, root, shopWorkers, startGatewayWorker } from '../../tools/workers/harness.ts';
import { newSigningKey } from '../auth/signing-key.ts';
import { startCollector } from './collector.ts';
import {
  type OpenGateway,
  type OpenShop,
  type Platform,
  rulesOf,
  type Service,
  sumOf,
} from './platform.ts';
import { onProcesses } from './processes.ts';
import { type Behaviour, controlsOf } from './upstream.ts';

const compatibility_date = '2025-06-01';
/** A path of the gateway's own, which no metric counts. */
const metricsPath = '/metrics';
const preamble = `telemetry: { metrics: { path: ${metricsPath} } }\n`;

/** The gateway and all services are Workers. */
export function onWorkerd(): Promise<Platform> {
  return workerdPlatform(false);
}

/** The gateway is a Worker, services are in this process. */
export function onMixed(): Promise<Platform> {
  return workerdPlatform(true);
}

async function workerdPlatform(isMixed: boolean): Promise<Platform> {
  const processes = onProcesses();
  const collector = await startCollector();
  const harnesses: TestHarness[] = [];
  const behaviours: Behaviour[] = [];
  /** Of the gateway and the services of a drill, once there is a gateway. */
  let workers: TestHarness | undefined;

  function begun(harness: TestHarness): TestHarness {
    harnesses.push(harness);
    return harness;
  }

  async function service(behaviour: Behaviour): Promise<Service> {
    const name = `upstream-${behaviours.push(behaviour)}`;
    const url = `http://${name}.internal`;
    return {
      url,
      at: `url: "${url}", binding: ${bindingOf(name)}`,
      ...controlsOf(async (path, init) => {
        if (workers === undefined) throw new Error('there is no gateway yet');
        return await workers.getWorker(name).fetch(url + path, init);
      }),
    };
  }

  async function gateway(rules: string): Promise<OpenGateway> {
    const names = behaviours.map((_, index) => `upstream-${index + 1}`);
    const harness = begun(
      createTestHarness({
        root,
        workers: [
          {
            config: {
              name: 'drill-gateway',
              main: 'workers/drills/worker/gateway.ts',
              compatibility_date,
              vars: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin },
              kv_namespaces: [{ binding: 'RULES', id: 'drill-rules' }],
              durable_objects: { bindings: [{ name: 'STORE', class_name: 'Store' }] },
              migrations: [{ tag: 'v1', new_sqlite_classes: ['Store'] }],
              services: names.map((name) => ({ binding: bindingOf(name), service: name })),
            },
          },
          ...names.map((name, index) => ({
            config: {
              name,
              main: 'workers/drills/worker/upstream.ts',
              compatibility_date,
              vars: { BEHAVIOUR: JSON.stringify(behaviours[index]) },
            },
          })),
        ],
      }),
    );
    const url = (await harness.listen()).url.origin;
    workers = harness;
    let revision = 0;
    async function replace(next: string): Promise<void> {
      revision += 1;
      const compiled = JSON.stringify(rulesOf(preamble + next));
      await publish(harness, 'drill', revision, compiled, metricsPath);
    }
    await replace(rules);
    return {
      url,
      replace,
      async total(name, labels = {}) {
        return sumOf(await (await fetch(url + metricsPath)).text(), name, labels);
      },
      async killStore() {
        await fetch(`${url}/-/kill-store`, { method: 'POST' });
      },
    };
  }

  async function shopOnWorkerd(): Promise<OpenShop> {
    const harness = begun(
      shopWorkers({ otlpEndpoint: collector.origin, privateJwk: await newSigningKey() }),
    );
    const { url } = await harness.listen();
    return {
      url: url.origin,
      async ask(instance, path, method = 'GET') {
        const worker = harness.getWorker(`shop-${instance.replace('-stable', '')}`);
        return await (await worker.fetch(`http://shop.internal${path}`, { method })).text();
      },
    };
  }

  async function mixedShop(): Promise<OpenShop> {
    const { services, ask } = await processes.shop();
    const harness = begun(await startGatewayWorker(services, collector.origin));
    const { url } = await harness.listen();
    return { url: url.origin, ask };
  }

  return {
    service: isMixed ? processes.service : service,
    gateway,
    shop: isMixed ? mixedShop : shopOnWorkerd,
    collector: async () => collector.origin,
    get spans() {
      return [...collector.spans, ...processes.spans];
    },
    onEnd: processes.onEnd,
    async end() {
      await Promise.all(harnesses.map((harness) => harness.close()));
      await processes.end();
      await collector.close();
    },
  };
}

function bindingOf(name: string): string {
  return name.toUpperCase().replace('-', '_');
}
