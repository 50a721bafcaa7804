/**
 * `npm start`: the whole shop on this machine, and what to try with it.
 */

import process from 'node:process';
import { parseArgs } from 'node:util';
import type { TracerProvider } from '@opentelemetry/api';
import type { Telemetry } from '../src/telemetry/setup.ts';
import { newSigningKey } from './auth/signing-key.ts';
import { whenRunnerEnds } from './runner.ts';
import { seeded } from './seeded.ts';
import { defaultPorts, freePorts, type Shop, startShop } from './shop.ts';

const { values } = parseArgs({
  options: {
    'otlp-endpoint': { type: 'string' },
    'free-ports': { type: 'boolean', default: false },
    seed: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(`npm start [-- options]

  --otlp-endpoint=URL   sends the traces to a collector, such as http://localhost:4318/v1/traces
  --free-ports          takes any free ports, in place of ${Object.values(defaultPorts).flat().join(', ')}
  --seed=NUMBER         sends the same requests to the canaries on each run`);
  process.exit(0);
}
const seed = values.seed === undefined ? undefined : Number(values.seed);
if (seed !== undefined && (values.seed === '' || !Number.isSafeInteger(seed))) {
  console.error(`--seed=${values.seed}: a whole number is needed, such as --seed=1`);
  process.exit(2);
}

const endpoint = values['otlp-endpoint'] ?? process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
const providers: Telemetry[] = [];
const tracerProvider = endpoint ? await tracerProviders(endpoint) : undefined;

let shop: Shop;
try {
  shop = await startShop({
    // A key for this run: tokens of an earlier one are no longer valid.
    privateJwk: process.env['AUTH_PRIVATE_JWK'] ?? (await newSigningKey()),
    log: (line) => console.log(line),
    ...(tracerProvider && { tracerProvider }),
    ...(values['free-ports'] && { ports: freePorts }),
    ...(seed !== undefined && { random: seeded(seed) }),
  });
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const ports = Object.values(defaultPorts).flat().join(', ');
  console.error(
    code === 'EADDRINUSE'
      ? `A port is taken. The shop needs ${ports}; end what listens there and try again. (${message})`
      : message,
  );
  process.exit(1);
}

console.log(`The shop is open: ${shop.url}
${Object.entries(shop.services)
  .filter(([name]) => name !== 'gateway')
  .map(([name, url]) => `  ${name.padEnd(18)} ${url}`)
  .join('\n')}

Try, in another terminal:

  curl ${shop.url}/api/users
  curl -i -H "x-env: canary" ${shop.url}/api/users      # one in five is answered by v2

  TOKEN=$(curl -s -X POST ${shop.url}/auth/token -d '{"user":"ada"}' | sed 's/.*:"\\(.*\\)".*/\\1/')
  curl -X POST ${shop.url}/orders -H "Authorization: Bearer $TOKEN" -d '{"sku":"SKU-001","quantity":1}'
  curl -i ${shop.url}/admin/users -H "Authorization: Bearer $TOKEN"     # 403: ada is no admin, grace is

  curl ${shop.url}/metrics
  curl ${shop.services['inventory-canary']}/metrics         # inventory_request_total{env="canary"}

${endpoint ? `Traces go to ${endpoint}.` : 'Traces: npm start -- --otlp-endpoint=http://localhost:4318/v1/traces'}
Ctrl-C ends it.
`);

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  await shop.close();
  await Promise.all(providers.map((telemetry) => telemetry.shutdown()));
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
if (process.env['npm_lifecycle_event'] === 'start') whenRunnerEnds(end);

/** A tracer provider for each service, all sending to one place. */
async function tracerProviders(url: string): Promise<(service: string) => TracerProvider> {
  const { telemetry } = await import('../src/telemetry/setup.ts');
  const sdk = await import('@opentelemetry/sdk-trace-web');
  return (serviceName) => {
    const started = telemetry({ sdk, serviceName, endpoint: url });
    providers.push(started);
    return started.tracerProvider;
  };
}
