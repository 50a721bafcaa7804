/** The gateway of a drill as a Worker: rules from KV, limits in a Durable Object that can be made to fail. */

import { DurableObject } from 'cloudflare:workers';
import {
  type GatewayWorker,
  type KvNamespace,
  kvRules,
  worker,
} from '../../../src/runtimes/workers.ts';
import type { Grant, Limit } from '../../../src/stores/contract.ts';
import {
  type DurableObjectNamespaceLike,
  durableObjectStore,
  storeObject,
} from '../../../src/stores/durable-object.ts';
import { guardedStore } from '../../../src/stores/guarded.ts';
import { seeded } from '../../seeded.ts';
import { type ShopEnv, tracesOf } from '../../worker.ts';

interface Env extends Pick<ShopEnv, 'OTEL_EXPORTER_OTLP_ENDPOINT'> {
  readonly RULES: KvNamespace;
  readonly STORE: DurableObjectNamespaceLike;
}

/** Where limits are counted, until it is killed. */
export class Store extends storeObject(DurableObject) {
  #isDead = false;

  kill(): void {
    this.#isDead = true;
  }

  override take(key: string, limit: Limit, n: number, min: number): Promise<Grant> {
    if (this.#isDead) return Promise.reject(new Error('connection lost'));
    return super.take(key, limit, n, min);
  }
}

const gateway: GatewayWorker<Env> = worker({
  source: ({ RULES }) => kvRules(RULES, { name: 'drill' }),
  // Drills do not wait half a minute for other rules.
  refresh: '200ms',
  // It dies by failing: one that a busy machine keeps waiting is well.
  store: ({ STORE }) => guardedStore(durableObjectStore(STORE, { shards: 1 }), { deadline: '10s' }),
  telemetry: (env) => tracesOf(env, 'gateway'),
  random: seeded(1),
});

export default {
  async fetch(...[request, env, context]: Parameters<GatewayWorker<Env>['fetch']>) {
    if (new URL(request.url).pathname !== '/-/kill-store')
      return gateway.fetch(request, env, context);
    const { STORE } = env;
    // The one shard of its store.
    await (STORE.get(STORE.idFromName('fetchmesh:0')) as Store).kill();
    return new Response(null, { status: 204 });
  },
};
