/**
 * One instance of one service of the shop, wherever it runs as a process.
 */

import { readFile } from 'node:fs/promises';
import type { TracerProvider } from '@opentelemetry/api';
import { governance } from '../src/gateway/governance.ts';
import { traffic } from '../src/gateway/traffic-policies.ts';
import type { Handler } from '../src/index.ts';
import type { Rules } from '../src/rules/model.ts';
import { parseRules } from '../src/rules/parse.ts';
import { renderDiagnostics } from '../src/rules/render.ts';
import { authApp } from './auth/app.ts';
import { inventoryApp } from './inventory/app.ts';
import { orderApp } from './order/app.ts';
import type { Instance } from './service.ts';

/** Which instance, and what it finds around it. */
export interface InstanceSettings {
  readonly service: Instance['service'];
  /** Whether it is version 2, the one that is tried out. */
  readonly canary: boolean;
  /** `AUTH_V1_URL`, `INVENTORY_V1_URL`, `INVENTORY_V2_URL`: where the others are; `AUTH_PRIVATE_JWK`: what auth signs with. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Makes its spans; without it trace ids still travel. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Gets order's log lines. */
  readonly log: (line: string) => void;
}

/** Such as `order-canary`. */
export function instanceName({
  service,
  canary,
}: Pick<InstanceSettings, 'service' | 'canary'>): string {
  return `${service}-${canary ? 'canary' : 'stable'}`;
}

/** The app of an instance. Rejects where the rules of its outgoing calls are not valid. */
export async function instanceApp(settings: InstanceSettings): Promise<Handler> {
  const { service, canary, environment, tracerProvider, log } = settings;
  const instance: Omit<Instance, 'service'> = {
    version: canary ? 'v2' : 'v1',
    environment: canary ? 'canary' : 'stable',
    ...(tracerProvider && { tracing: { tracerProvider } }),
  };
  switch (service) {
    case 'auth':
      return authApp({ ...instance, privateJwk: environment['AUTH_PRIVATE_JWK'] });
    case 'inventory':
      return inventoryApp(instance);
    case 'order':
      return orderApp({
        ...instance,
        auth: fetch,
        authOrigin: environment['AUTH_V1_URL'] ?? 'http://127.0.0.1:8081',
        inventory: fetch,
        inventoryRouting: governance(await readShopRules('order/inventory.yaml', environment), {
          traffic,
        }),
        log,
      });
  }
}

/** Rules of the shop, from a file beside this one. */
export async function readShopRules(
  file: string,
  environment: InstanceSettings['environment'],
): Promise<Rules> {
  const text = await readFile(new URL(file, import.meta.url), 'utf8');
  const { rules, diagnostics } = parseRules(text, { file, environment, mode: 'gateway' });
  if (rules === undefined) throw new Error(renderDiagnostics(diagnostics, text));
  return rules;
}
