/** Requests on workerd that share a question to a store, where whatever one of them began ends with it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';

const source = (path: string): string =>
  JSON.stringify(resolve(import.meta.dirname, '../../src', path));

const main = `
import { DurableObject } from 'cloudflare:workers';
import { inbound } from ${source('core/inbound.ts')};
import { rateLimit } from ${source('policies/rate-limit.ts')};
import { durableObjectStore, storeObject } from ${source('stores/durable-object.ts')};
import { exactStore } from ${source('stores/exact.ts')};
import { guardedStore } from ${source('stores/guarded.ts')};
import { leasedStore } from ${source('stores/leased.ts')};

let held = 0;
let isHeld = false;
export class Store extends storeObject(DurableObject) {
  async take(...asked) {
    held += 1;
    while (isHeld) await scheduler.wait(5);
    held -= 1;
    return await super.take(...asked);
  }
  hold(yes) {
    isHeld = yes;
  }
  held() {
    return held;
  }
}

const stores = {
  exact: exactStore,
  leased: (store) => leasedStore(store, { lease: '4s' }),
  'guarded behind it': (store) => exactStore(guardedStore(store, { deadline: '4s' })),
};
const apps = new Map();
let arrived = 0;
export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    const object = env.STORE.get(env.STORE.idFromName('fetchmesh:0'));
    if (pathname === '/-/hold') return new Response(await object.hold(true));
    if (pathname === '/-/release') return new Response(await object.hold(false));
    if (pathname === '/-/seen') return Response.json([await object.held(), arrived]);
    arrived += 1;
    const kind = decodeURIComponent(pathname.split('/')[1]);
    if (!apps.has(kind)) {
      const store = stores[kind](durableObjectStore(env.STORE, { shards: 1 }));
      const limit = { limit: 100, per: '1h', by: ({ url }) => url, onStoreError: 'closed' };
      apps.set(kind, inbound(() => new Response('ok'), rateLimit(limit, { store, storeDeadline: '4s' })));
    }
    return await apps.get(kind)(request, env, context);
  },
};
`;

let directory: string;
let worker: ReturnType<typeof createTestHarness>;
let url: URL;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fetchmesh-shared-'));
  writeFileSync(join(directory, 'main.ts'), main);
  worker = createTestHarness({
    root: directory,
    workers: [
      {
        config: {
          ...{ name: 'limited', main: join(directory, 'main.ts') },
          ...{ compatibility_date: '2025-06-01', compatibility_flags: [] },
          durable_objects: { bindings: [{ name: 'STORE', class_name: 'Store' }] },
          migrations: [{ tag: 'v1', new_sqlite_classes: ['Store'] }],
        },
      },
    ],
  });
  ({ url } = await worker.listen());
});

afterAll(async () => {
  await worker.close();
  rmSync(directory, { recursive: true });
});

const get = (path: string, init: RequestInit = {}) => fetch(new URL(path, url), init);

/** Requests of the tests before: each test has a key of its own. */
let before = 0;

/** The status, or what the call rejected with. */
async function ask(kind: string, signal?: AbortSignal): Promise<string> {
  try {
    const response = await get(`/${kind}/${before}`, signal ? { signal } : {});
    await response.text();
    return String(response.status);
  } catch (error) {
    return (error as Error).name;
  }
}

/** Waits until so many questions are with the store, and so many requests have come. */
async function seen(held: number, arrived: number): Promise<void> {
  await expect
    .poll(async () => await (await get('/-/seen')).json(), { timeout: 10_000 })
    .toEqual([held, arrived]);
}

describe.each(['exact', 'leased', 'guarded behind it'])('FT-24 %s', (kind) => {
  test.each([
    ['has its answer', false],
    ['is given up', true],
  ])(
    'the request that asked %s: those who share the question are answered, and whoever asks later',
    async (_, isLeaving) => {
      await get('/-/hold');
      const leaving = new AbortController();
      const first = ask(kind, leaving.signal);
      await seen(1, before + 1);
      const others = [ask(kind), ask(kind)];
      await seen(1, before + 3);
      if (isLeaving) leaving.abort();
      await get('/-/release');
      expect(await first).toBe(isLeaving ? 'AbortError' : '200');
      expect(await Promise.all(others)).toEqual(['200', '200']);
      expect(await ask(kind)).toBe('200');
      before += 4;
    },
  );
});
