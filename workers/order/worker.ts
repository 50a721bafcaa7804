/** The order service as a Worker: it reaches auth and the inventory through service bindings. */

import { governance } from '../../src/gateway/governance.ts';
import { traffic } from '../../src/gateway/traffic-policies.ts';
import { compiledRules } from '../../src/rules/sources/compiled.ts';
import { type ServiceBinding, type ServiceWorker, type ShopEnv, serviceWorker } from '../worker.ts';
import { orderApp } from './app.ts';
import inventoryRules from './inventory.json' with { type: 'json' };

interface Env extends ShopEnv {
  readonly AUTH: ServiceBinding;
  readonly INVENTORY_STABLE: ServiceBinding;
  readonly INVENTORY_CANARY: ServiceBinding;
}

const inventoryRouting = governance(compiledRules(inventoryRules), { traffic });

const order: ServiceWorker<Env> = serviceWorker('order', (instance, env) => {
  const workers: Readonly<Record<string, ServiceBinding>> = {
    auth: env.AUTH,
    'inventory-stable': env.INVENTORY_STABLE,
    'inventory-canary': env.INVENTORY_CANARY,
  };
  /** Sends a request to the Worker that its host names. */
  const toWorker = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { hostname } = new URL(request.url);
    const worker = workers[hostname];
    if (worker === undefined) throw new TypeError(`There is no Worker behind ${hostname}.`);
    return await worker.fetch(request);
  };
  return orderApp({
    ...instance,
    auth: toWorker as typeof fetch,
    authOrigin: 'http://auth',
    inventory: toWorker as typeof fetch,
    inventoryRouting,
    log: (line) => console.log(line),
  });
});
export default order;
