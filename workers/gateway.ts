/** The gateway of the shop as a Worker: rules from KV, and those of workers/shop.yaml until then; limits in Durable Objects. */

import { DurableObject } from 'cloudflare:workers';
import { type GatewayWorker, type KvNamespace, kvRules, worker } from '../src/runtimes/workers.ts';
import {
  type DurableObjectNamespaceLike,
  durableObjectStore,
  storeObject,
} from '../src/stores/durable-object.ts';
import bundled from './shop.json' with { type: 'json' };
import { type ServiceBinding, type ShopEnv, tracesOf } from './worker.ts';

interface Env extends Pick<ShopEnv, 'OTEL_EXPORTER_OTLP_ENDPOINT'> {
  readonly RULES: KvNamespace;
  readonly LIMITS: DurableObjectNamespaceLike;
  /** Without it, as where auth is a process elsewhere, its keys are fetched from its URL. */
  readonly AUTH_STABLE?: ServiceBinding;
}

/** Counts for all isolates of the Worker. */
export class Limits extends storeObject(DurableObject) {}

const gateway: GatewayWorker<Env> = worker({
  bundled,
  source: ({ RULES }) => kvRules(RULES, { name: 'shop' }),
  store: ({ LIMITS }) => durableObjectStore(LIMITS),
  keysFetch: ({ AUTH_STABLE }) =>
    AUTH_STABLE && ((url, init) => AUTH_STABLE.fetch(new Request(url, init))),
  telemetry: (env) => tracesOf(env, 'gateway'),
});
export default gateway;
