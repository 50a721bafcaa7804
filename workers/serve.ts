/**
 * One instance of one service of the shop as a process: `node workers/serve.ts inventory --canary --port 8085`.
 */

import process from 'node:process';
import { parseArgs } from 'node:util';
import { createDrain } from '../src/runtimes/drain.ts';
import { listen } from '../src/runtimes/listen.ts';
import type { Telemetry } from '../src/telemetry/setup.ts';
import { instanceApp, instanceName } from './instance.ts';
import type { Instance } from './service.ts';
import { defaultPorts } from './shop.ts';

const help = `node workers/serve.ts auth|order|inventory [--canary] [--port N] [--host ADDRESS]

  --canary        version 2, the one that is tried out
  --port N        where it listens (default: its port of npm start; 0 takes a free one)
  --host ADDRESS  (default: 127.0.0.1; 0.0.0.0 for all)

Where the others are stands in AUTH_V1_URL, INVENTORY_V1_URL and INVENTORY_V2_URL; auth signs with AUTH_PRIVATE_JWK, and spans
go to OTEL_EXPORTER_OTLP_ENDPOINT.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    canary: { type: 'boolean', default: false },
    port: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const service = positionals[0] as Instance['service'];
if (positionals.length !== 1 || !['auth', 'order', 'inventory'].includes(service)) {
  console.error(help);
  process.exit(2);
}

const { canary } = values;
const name = instanceName({ service, canary });
const endpoint = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
const traces = endpoint ? await tracesTo(endpoint) : undefined;
const drain = createDrain();
const app = await instanceApp({
  service,
  canary,
  environment: process.env,
  tracerProvider: traces?.tracerProvider,
  log: (line) => console.log(line),
});
const listener = await listen(drain.wrap(app), {
  port: values.port === undefined ? defaultPorts[service][canary ? 1 : 0] : Number(values.port),
  hostname: values.host,
});
console.error(`${name} on ${listener.url}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    drain.begin();
    await listener.close();
    await traces?.shutdown();
    process.exit(0);
  });
}

async function tracesTo(url: string): Promise<Telemetry> {
  const { telemetry } = await import('../src/telemetry/setup.ts');
  const sdk = await import('@opentelemetry/sdk-trace-web');
  return telemetry({ sdk, serviceName: name, endpoint: url });
}
