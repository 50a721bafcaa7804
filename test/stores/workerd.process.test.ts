/** The stores of Workers on real workerd, without any compatibility flag. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';

const stores = resolve(import.meta.dirname, '../../src/stores');

const main = `
import { DurableObject } from 'cloudflare:workers';
import { storeChecks } from ${JSON.stringify(join(stores, 'conformance.ts'))};
import { durableObjectStore, storeObject } from ${JSON.stringify(join(stores, 'durable-object.ts'))};
import { workersKvStore } from ${JSON.stringify(join(stores, 'workers-kv.ts'))};

export class Store extends storeObject(DurableObject) {}

export default {
  async fetch(request, env) {
    const complaints = [];
    const isKv = new URL(request.url).pathname === '/kv';
    const checks = storeChecks(isKv ? workersKvStore(env.KV) : durableObjectStore(env.STORE));
    for (const { name, run } of checks) {
      await run().catch((error) => complaints.push(name + ': ' + error.message));
    }
    return Response.json({ checks: checks.length, complaints, process: typeof process });
  },
};
`;

let directory: string;
let worker: ReturnType<typeof createTestHarness>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fetchmesh-objects-'));
  writeFileSync(join(directory, 'main.ts'), main);
  worker = createTestHarness({
    root: directory,
    workers: [
      {
        config: {
          name: 'objects',
          main: join(directory, 'main.ts'),
          compatibility_date: '2025-06-01',
          compatibility_flags: [],
          kv_namespaces: [{ binding: 'KV', id: 'kv' }],
          durable_objects: { bindings: [{ name: 'STORE', class_name: 'Store' }] },
          migrations: [{ tag: 'v1', new_sqlite_classes: ['Store'] }],
        },
      },
    ],
  });
  await worker.listen();
});

afterAll(async () => {
  await worker.close();
  rmSync(directory, { recursive: true });
});

test.each([
  ['durableObjectStore', '/object', 18],
  ['workersKvStore', '/kv', 8],
])('%s holds on workerd all that it has to hold', async (_, path, checks) => {
  const response = await worker.fetch(`http://store.example${path}`);
  expect(await response.json()).toEqual({ checks, complaints: [], process: 'undefined' });
});
