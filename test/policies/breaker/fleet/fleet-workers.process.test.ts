/** Breakers of several Workers on real workerd, which hear of each other through Workers KV and through a Durable Object. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { rulesFrom } from '../../../support/rules.ts';

const source = (path: string): string =>
  JSON.stringify(resolve(import.meta.dirname, '../../../../src', path));

const rules = rulesFrom(
  `
services: { shop: { url: "http://shop.internal", binding: SHOP } }
routes:
  - name: all
    path: /**
    to: shop
    breaker: { failures: 2, open_for: 2s, half_open: { successes: 1, timeout: 2s } }
`,
  { mode: 'gateway' },
);

const gateway = `
import { DurableObject } from 'cloudflare:workers';
import { breakerFleet } from ${source('policies/breaker/fleet/fleet.ts')};
import { worker } from ${source('runtimes/workers.ts')};
import { durableObjectStore, storeObject } from ${source('stores/durable-object.ts')};
import { workersKvStore } from ${source('stores/workers-kv.ts')};

export class Store extends storeObject(DurableObject) {}

export default worker({
  bundled: ${JSON.stringify(rules)},
  breakers: ({ KV, STORE }) =>
    breakerFleet({
      store: KV ? workersKvStore(KV) : durableObjectStore(STORE),
      poll: '200ms',
      ramp: '0ms',
    }),
});
`;

const upstream = `
let status = 200;
let delayMs = 0;
let hasAnswered = false;
// Calls that came before the first of them was answered.
let first = 0;
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/-/set') {
      status = Number(searchParams.get('status'));
      delayMs = Number(searchParams.get('delay'));
      hasAnswered = false;
      first = 0;
      return new Response('ok');
    }
    if (pathname === '/-/first') return new Response(String(first));
    if (!hasAnswered) first += 1;
    await scheduler.wait(delayMs);
    hasAnswered = true;
    return new Response(null, { status });
  },
};
`;

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-fleet-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Gateways of these names, with one store and one upstream. */
function fleet(names: readonly string[], kind: 'KV' | 'STORE') {
  writeFileSync(join(directory, 'gateway.ts'), gateway);
  writeFileSync(join(directory, 'upstream.ts'), upstream);
  const common = { compatibility_date: '2025-06-01', compatibility_flags: [] };
  const [first] = names as [string];
  const store = (name: string) =>
    kind === 'KV'
      ? { kv_namespaces: [{ binding: 'KV', id: 'votes' }] }
      : {
          durable_objects: {
            bindings: [
              { name: 'STORE', class_name: 'Store', ...(name !== first && { script_name: first }) },
            ],
          },
          ...(name === first && { migrations: [{ tag: 'v1', new_sqlite_classes: ['Store'] }] }),
        };
  const gateways = names.map((name) => ({
    config: {
      ...common,
      name,
      main: join(directory, 'gateway.ts'),
      services: [{ binding: 'SHOP', service: 'shop' }],
      ...store(name),
    },
  }));
  const shop = { config: { ...common, name: 'shop', main: join(directory, 'upstream.ts') } };
  const harness = createTestHarness({ root: directory, workers: [...gateways, shop] });
  const get = (name: string, path = '/') =>
    harness.getWorker(name).fetch(`http://shop.example${path}`);
  return {
    harness,
    /** The status, or the reason where the gateway answered. */
    async call(name: string): Promise<string> {
      const response = await get(name);
      await response.text();
      return response.headers.get('x-fetchmesh-reason') ?? String(response.status);
    },
    set: (status: number, delay = 0) => get('shop', `/-/set?status=${status}&delay=${delay}`),
    first: async () => Number(await (await get('shop', '/-/first')).text()),
  };
}

async function until(call: () => Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + 15_000;
  while (!(await call())) {
    if (Date.now() > endsAt) throw new Error('it never came about');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('on Workers KV', () => {
  const { harness, call, set } = fleet(['one', 'other'], 'KV');
  beforeAll(() => harness.listen());
  afterAll(() => harness.close());

  test('an isolate that never failed opens because another one did, probes, and closes for both', async () => {
    await set(503);
    expect([await call('one'), await call('one'), await call('one')]).toEqual([
      ...['503', '503', 'circuit_breaker_open'],
    ]);
    await set(200);
    const answers: string[] = [];
    await until(async () => {
      answers.push(await call('other'));
      return answers.at(-1) === 'circuit_breaker_open';
    });
    // Until it had heard of it, it decided by itself.
    expect(answers[0]).toBe('200');
    await until(async () => (await call('other')) === '200');
    await until(async () => (await call('one')) === '200');
  });
});

describe('through a Durable Object', () => {
  const names = ['first', 'second', 'third'];
  const { harness, call, set, first } = fleet(names, 'STORE');
  beforeAll(() => harness.listen());
  afterAll(() => harness.close());

  test('two of three open the third; one of them probes, with twelve callers, and closes for all', async () => {
    await set(200);
    // Twice, so that each has said that it lives before it is counted.
    for (const round of [1, 2]) {
      for (const name of names) expect(await call(name), `${name} ${round}`).toBe('200');
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    await set(503);
    for (const name of ['first', 'second']) {
      expect([await call(name), await call(name), await call(name)].at(-1)).toBe(
        'circuit_breaker_open',
      );
    }
    await set(200);
    await until(async () => (await call('third')) === 'circuit_breaker_open');

    await set(200, 500);
    let isClosed = false;
    await Promise.all(
      Array.from({ length: 12 }, async (_, at) => {
        const name = names[at % 3] as string;
        await until(async () => isClosed || (await call(name)) === '200');
        isClosed = true;
      }),
    );
    expect(await first()).toBe(1);
    await set(200);
    for (const name of names) await until(async () => (await call(name)) === '200');
  });
});
