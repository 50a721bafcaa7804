/**
 * Workers on workerd on this machine, by wrangler's own harness: with service bindings, KV and Durable Objects, without a
 * network.
 */

import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createTestHarness, type TestHarness } from 'wrangler';
import { environmentOf } from '../../workers/shop.ts';
import { builtRules, gateway, workers } from './shop.ts';

// Nothing is asked of the network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] ??= 'false';
process.env['WRANGLER_SEND_METRICS'] ??= 'false';

/** Where names of files in a configuration begin. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the Workers of the shop are told. */
export interface ShopSettings {
  /** Where their spans go. */
  readonly otlpEndpoint: string;
  /** What auth signs with: a private JWK in JSON. */
  readonly privateJwk: string;
}

/** The seven Workers of the shop from their own configuration files, not yet started. */
export function shopWorkers({ otlpEndpoint, privateJwk }: ShopSettings): TestHarness {
  return createTestHarness({
    root,
    workers: [gateway, ...workers.filter((worker) => worker !== gateway)].map(({ config }) => ({
      configPath: config,
      vars: { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint },
      ...(config.includes('auth') && { secrets: { AUTH_PRIVATE_JWK: privateJwk } }),
    })),
  });
}

/**
 * The gateway of the shop alone, without a binding: services are where `urls` says, such as
 * `{ 'auth-stable': 'http://127.0.0.1:8081' }`. Resolves when it goes by these rules.
 */
export async function startGatewayWorker(
  urls: Readonly<Record<string, string>>,
  otlpEndpoint: string,
): Promise<TestHarness> {
  const harness = createTestHarness({
    root,
    workers: [
      {
        config: {
          name: gateway.name,
          main: 'workers/gateway.ts',
          compatibility_date: '2025-06-01',
          kv_namespaces: [{ binding: 'RULES', id: 'shop-rules' }],
          durable_objects: { bindings: [{ name: 'LIMITS', class_name: 'Limits' }] },
          migrations: [{ tag: 'v1', new_sqlite_classes: ['Limits'] }],
          vars: { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint },
        },
      },
    ],
  });
  await harness.listen();
  await publish(
    harness,
    'shop',
    1,
    builtRules('workers/shop.yaml', environmentOf(urls)),
    '/healthz',
  );
  return harness;
}

/**
 * Publishes rules in the KV namespace `RULES` of a gateway, as compiled JSON, and resolves when they are in force: which
 * requests for `path` make it look.
 */
export async function publish(
  harness: TestHarness,
  name: string,
  revision: number,
  rules: string,
  path: string,
): Promise<void> {
  const { RULES } = await harness
    .getWorker<{ RULES: { put(key: string, value: string): Promise<void> } }>()
    .getEnv();
  const ref = `rules/${name}/r/${revision}`;
  await RULES.put(ref, rules);
  await RULES.put(`rules/${name}/current`, JSON.stringify({ revision, ref }));
  const said = `revision ${revision} is in force`;
  const giveUpAt = performance.now() + 120_000;
  while (!harness.getLogs().some(({ message }) => String(message).includes(said))) {
    if (performance.now() > giveUpAt) throw new Error(`The Worker never said: ${said}`);
    await (await harness.fetch(`http://gateway.example${path}`)).text();
  }
}
