/** Requests on workerd that ask a store, for themselves and for others, where whatever one of them began ends with it. */

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

let asked = 0;
let held = 0;
let isHeld = false;
let isFailing = false;
export class Store extends storeObject(DurableObject) {
  async take(...question) {
    if (isFailing) throw new Error('reset');
    asked += 1;
    held += 1;
    while (isHeld) await scheduler.wait(5);
    held -= 1;
    return await super.take(...question);
  }
  async get(key) {
    // For longer than a request takes that does not wait for it.
    await scheduler.wait(50);
    return await super.get(key);
  }
  fail(yes) {
    isFailing = yes;
  }
  asked() {
    return asked;
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
  leased: (store) => leasedStore(store, { lease: '60s' }),
  'fetching ahead': (store) => leasedStore(store, { clock }),
  failing: (store) => guardedStore(store, { deadline: '4s' }),
  'guarded behind it': (store) => exactStore(guardedStore(store, { deadline: '60s' })),
};
let at = 0;
const clock = {
  now: () => Date.now(),
  monotonic: () => at,
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
const apps = new Map();
let arrived = 0;
export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    const object = env.STORE.get(env.STORE.idFromName('fetchmesh:0'));
    if (pathname === '/-/hold') return new Response(await object.hold(true));
    if (pathname === '/-/release') return new Response(await object.hold(false));
    if (pathname === '/-/fail') return new Response(await object.fail(true));
    if (pathname === '/-/mend') return new Response(await object.fail(false));
    if (pathname === '/-/asked') return Response.json(await object.asked());
    if (pathname === '/-/later') return new Response((at += 20));
    if (pathname === '/-/seen') return Response.json([await object.held(), arrived]);
    arrived += 1;
    const kind = decodeURIComponent(pathname.split('/')[1]);
    if (!apps.has(kind)) {
      const store = stores[kind](durableObjectStore(env.STORE, { shards: 1 }));
      const limit = { limit: 100, per: '1h', by: ({ url }) => url, onStoreError: 'closed' };
      apps.set(kind, inbound(() => new Response('ok'), rateLimit(limit, { store, storeDeadline: '60s' })));
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
async function ask(kind: string, signal?: AbortSignal, key = String(before)): Promise<string> {
  try {
    const response = await get(`/${kind}/${key}`, signal ? { signal } : {});
    await response.text();
    return String(response.status);
  } catch (error) {
    return (error as Error).name;
  }
}

/** Waits until so many questions are with the store, and so many requests have come. */
async function seen(held: number, arrived: number): Promise<void> {
  await expect
    .poll(async () => await (await get('/-/seen')).json(), { timeout: 60_000 })
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

test('FT-24 units that a request has fetched ahead are there after it has its answer', async () => {
  const asked = async () => (await (await get('/-/asked')).json()) as number;
  const all = async (times: number) => {
    for (let call = 0; call < times; call++) {
      expect(await ask('fetching ahead', undefined, 'one')).toBe('200');
    }
    before += times;
  };
  await all(4);
  await get('/-/later');
  // 20 of them, at the rate of the first ones. When five are left the next ones are asked for.
  await all(14);
  const first = await asked();
  await get('/-/hold');
  await all(1);
  await seen(1, before);
  await get('/-/release');
  await seen(0, before);
  await all(5 + 10);
  expect(await asked()).toBe(first + 1);
});

test('FT-24 a store that was out is found again by requests that do not wait for it', async () => {
  await get('/-/fail');
  for (const call of [1, 2, 3, 4]) expect(await ask('failing'), `${call}`).toBe('503');
  await get('/-/mend');
  await expect.poll(() => ask('failing'), { timeout: 60_000 }).toBe('200');
});
