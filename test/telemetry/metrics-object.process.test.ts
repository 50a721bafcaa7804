/** The metrics of two Workers in one Durable Object, on real workerd, without any compatibility flag. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { rulesFrom } from '../support/rules.ts';

const source = resolve(import.meta.dirname, '../../src');

const rules = rulesFrom(
  `telemetry: { service: edge, metrics: { path: /metrics, names: istio } }
routes: [{ path: /**, respond: { status: 204 } }]`,
  { mode: 'gateway' },
);

const main = `
import { DurableObject } from 'cloudflare:workers';
import { worker } from ${JSON.stringify(join(source, 'runtimes/workers.ts'))};
import { metricsObject } from ${JSON.stringify(join(source, 'telemetry/metrics-object.ts'))};

export class Metrics extends metricsObject(DurableObject) {}
export default worker({ bundled: ${JSON.stringify(rules)}, metrics: (env) => env.METRICS });
`;

let directory: string;
let harness: ReturnType<typeof createTestHarness>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fetchmesh-metrics-'));
  writeFileSync(join(directory, 'main.ts'), main);
  const common = {
    main: join(directory, 'main.ts'),
    compatibility_date: '2025-06-01',
    compatibility_flags: [],
  };
  const binding = { name: 'METRICS', class_name: 'Metrics' };
  harness = createTestHarness({
    root: directory,
    workers: [
      {
        config: {
          ...common,
          name: 'one',
          durable_objects: { bindings: [binding] },
          migrations: [{ tag: 'v1', new_sqlite_classes: ['Metrics'] }],
        },
      },
      {
        config: {
          ...common,
          name: 'other',
          durable_objects: { bindings: [{ ...binding, script_name: 'one' }] },
        },
      },
    ],
  });
  await harness.listen();
});

afterAll(async () => {
  await harness.close();
  rmSync(directory, { recursive: true });
});

test('a scrape of any isolate shows what all have counted', async () => {
  const [one, other] = [harness.getWorker('one'), harness.getWorker('other')];
  for (let request = 0; request < 10; request++) {
    for (const isolate of [one, other]) {
      expect((await isolate.fetch('http://shop.example/orders')).status).toBe(204);
    }
  }
  const counted = async (isolate: typeof one): Promise<number> => {
    const text = await (await isolate.fetch('http://shop.example/metrics')).text();
    return Array.from(text.matchAll(/^istio_requests_total\{.*\} (\d+)$/gm)).reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  };
  // Both have told when they were scraped.
  await counted(one);
  expect(await counted(other)).toBe(20);
  expect(await counted(one)).toBe(20);
});
