/**
 * The shop on Workers: which there are, in the order of their bindings, and the rules that they are built with.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';

/** A Worker of the shop. */
export interface ShopWorker {
  readonly name: string;
  /** Its configuration file. */
  readonly config: string;
}

const services = ['inventory', 'auth', 'order'].flatMap((service): ShopWorker[] => [
  { name: `shop-${service}`, config: `workers/${service}/wrangler.toml` },
  { name: `shop-${service}-canary`, config: `workers/${service}/wrangler.canary.toml` },
]);

/** The gateway, whose configuration is that of the project. */
export const gateway: ShopWorker = { name: 'shop-gateway', config: 'wrangler.toml' };

/** All Workers; each is bound to ones before it only. */
export const workers: readonly ShopWorker[] = [...services, gateway];

/** Where upstreams are on Workers: names, by which a service binding is found or an upstream sees itself called. */
const environment: Readonly<Record<string, string | undefined>> = {
  AUTH_V1_URL: 'http://auth-stable',
  AUTH_V2_URL: 'http://auth-canary',
  ORDER_V1_URL: 'http://order-stable',
  ORDER_V2_URL: 'http://order-canary',
  INVENTORY_V1_URL: 'http://inventory-stable',
  INVENTORY_V2_URL: 'http://inventory-canary',
};

/** The rules files of the shop, and what the Workers are built with. */
export const rulesFiles: readonly (readonly [source: string, built: string])[] = [
  ['workers/shop.yaml', 'workers/shop.json'],
  ['workers/order/inventory.yaml', 'workers/order/inventory.json'],
];

/** A rules file as the JSON that a Worker reads; `places` is where upstreams are, if they are no Workers. */
export function builtRules(file: string, places = environment): string {
  const text = readFileSync(file, 'utf8');
  const { rules, diagnostics } = parseRules(text, { file, environment: places, mode: 'gateway' });
  if (rules === undefined) throw new Error(renderDiagnostics(diagnostics, text));
  return `${JSON.stringify(rules, undefined, 2)}\n`;
}

/** Writes what the Workers are built with. */
export function buildRules(): void {
  for (const [source, built] of rulesFiles) writeFileSync(built, builtRules(source));
}
