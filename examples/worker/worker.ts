/** A gateway as a Worker: a service behind a binding, limits that hold over all isolates, one sum of all metrics. */

import { DurableObject } from 'cloudflare:workers';
import { metricsObject } from 'fetchmesh/metrics-object';
import { durableObjectStore, storeObject } from 'fetchmesh/stores/durable-object';
import { type GatewayWorker, kvRules, worker } from 'fetchmesh/workers';
import bundled from './rules.json' with { type: 'json' };

export class Limits extends storeObject(DurableObject) {}
export class Metrics extends metricsObject(DurableObject) {}

interface Env {
  readonly RULES: KVNamespace;
  readonly LIMITS: DurableObjectNamespace<Limits>;
  readonly METRICS: DurableObjectNamespace<Metrics>;
}

const gateway: GatewayWorker<Env> = worker({
  // In force until others are published in KV: see docs/workers.md.
  bundled,
  source: ({ RULES }) => kvRules(RULES, { name: 'example' }),
  store: ({ LIMITS }) => durableObjectStore(LIMITS),
  metrics: ({ METRICS }) => METRICS,
});
export default gateway;
