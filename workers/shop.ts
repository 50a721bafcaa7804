/**
 * The whole shop in one process: a gateway and two versions each of auth, order and inventory, on loopback ports.
 */

import type { TracerProvider } from '@opentelemetry/api';
import { createGateway, type Gateway } from '../src/gateway/gateway.ts';
import type { Handler } from '../src/index.ts';
import { type Listener, listen } from '../src/runtimes/listen.ts';
import { upstreamClient } from '../src/runtimes/upstream-client.ts';
import { createRegistry } from '../src/telemetry/registry.ts';
import { instanceApp, instanceName, readShopRules } from './instance.ts';
import type { Instance } from './service.ts';

/** The ports of the shop; 0 takes any free one. */
export interface ShopPorts {
  readonly gateway: number;
  readonly auth: readonly [stable: number, canary: number];
  readonly order: readonly [stable: number, canary: number];
  readonly inventory: readonly [stable: number, canary: number];
}

/** Where the shop is when nobody asks for other ports. */
export const defaultPorts: ShopPorts = {
  gateway: 8080,
  auth: [8081, 8086],
  order: [8082, 8083],
  inventory: [8084, 8085],
};

/** Wherever there is room. */
export const freePorts: ShopPorts = {
  gateway: 0,
  auth: [0, 0],
  order: [0, 0],
  inventory: [0, 0],
};

/** Settings of {@link startShop}. */
export interface ShopOptions {
  readonly ports?: ShopPorts;
  /** ES256 private key as a JWK in JSON. Without it auth issues no tokens. */
  readonly privateJwk?: string;
  /** Makes the spans of a service; without it trace ids still travel. */
  readonly tracerProvider?: (service: string) => TracerProvider;
  /** A number in [0, 1) for the canary split. Default: `Math.random`. */
  readonly random?: () => number;
  /** Gets order's log lines. Default: nobody. */
  readonly log?: (line: string) => void;
}

/** The running shop. */
export interface Shop {
  readonly url: string;
  /** URLs of the services' instances, such as `inventory-canary`. */
  readonly services: Readonly<Record<string, string>>;
  readonly gateway: Gateway;
  close(): Promise<void>;
}

/** URLs of instances, such as `auth-canary`, under the names that the rules use. */
export function environmentOf(
  urls: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  return {
    AUTH_V1_URL: urls['auth-stable'],
    AUTH_V2_URL: urls['auth-canary'],
    ORDER_V1_URL: urls['order-stable'],
    ORDER_V2_URL: urls['order-canary'],
    INVENTORY_V1_URL: urls['inventory-stable'],
    INVENTORY_V2_URL: urls['inventory-canary'],
  };
}

/** Starts everything. Rejects, with nothing left running, where a port is taken. */
export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const { ports = defaultPorts, privateJwk, log = () => {} } = options;
  const listeners: Listener[] = [];
  const urls: Record<string, string> = {};

  async function open(name: string, port: number, handler: Handler): Promise<string> {
    const listener = await listen(handler, { port });
    listeners.push(listener);
    urls[name] = listener.url;
    return listener.url;
  }
  async function openInstance(service: Instance['service'], canary: boolean): Promise<void> {
    const name = instanceName({ service, canary });
    const app = await instanceApp({
      service,
      canary,
      environment: { ...environment(), AUTH_PRIVATE_JWK: privateJwk },
      tracerProvider: options.tracerProvider?.(name),
      log,
    });
    await open(name, ports[service][canary ? 1 : 0], app);
  }
  /** Where everything is that was opened so far. */
  const environment = () => environmentOf(urls);
  async function close(): Promise<void> {
    await Promise.all(listeners.map((listener) => listener.close(true)));
  }

  try {
    // Order comes last: it asks the two others.
    for (const service of ['inventory', 'auth', 'order'] as const) {
      for (const canary of [false, true]) await openInstance(service, canary);
    }
    const tracerProvider = options.tracerProvider?.('gateway');
    const transport = upstreamClient();
    const gateway = createGateway(await readShopRules('shop.yaml', environment()), {
      registry: createRegistry(),
      ...(transport && { transport }),
      ...(tracerProvider && { tracerProvider }),
      ...(options.random && { random: options.random }),
    });
    const url = await open('gateway', ports.gateway, gateway.fetch);
    return { url, services: urls, gateway, close };
  } catch (error) {
    await close();
    throw error;
  }
}
