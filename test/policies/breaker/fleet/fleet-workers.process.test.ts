/** Breakers of several Workers on real workerd, which hear of each other through Workers KV and through a Durable Object. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { rulesFrom } from '../../../support/rules.ts';

const source = (path: string): string =>
  JSON.stringify(resolve(import.meta.dirname, '../../../../src', path));

const rulesWith = (openFor: string) =>
  JSON.stringify(
    rulesFrom(
      `
services: { shop: { url: "http://shop.internal", binding: SHOP } }
routes:
  - name: all
    path: /**
    to: shop
    breaker: { failures: 2, open_for: ${openFor}, half_open: { successes: 1, timeout: 2s } }
`,
      { mode: 'gateway' },
    ),
  );

/**
 * The time is what requests say it is: nobody waits for a minute, and looks are as far apart as they may be. Deadlines, which
 * are for stores that are out, are far off: here none is, however busy the machine.
 */
const common = `
import { breakerFleet } from ${source('policies/breaker/fleet/fleet.ts')};
import { worker } from ${source('runtimes/workers.ts')};

let at = 0;
const clock = {
  now: () => Date.UTC(2030, 0, 1) + at,
  monotonic: () => at,
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, 100 * delayMs);
    return () => clearTimeout(timer);
  },
};
const random = () => 0.999;

const inTime = (gateway) => ({
  async fetch(request, env) {
    at = Number(request.headers.get('x-at'));
    const after = [];
    const response = await gateway.fetch(request, env, { waitUntil: (work) => after.push(work) });
    await Promise.all(after);
    return response;
  },
});
`;

/** Workerd's KV shows writes at once. That of the platform answers for a minute with what it read before: so does this one. */
const onKv = `
${common}
import { workersKvStore } from ${source('stores/workers-kv.ts')};

const cached = new Map();
const minuteOld = (kv) => ({
  async getWithMetadata(key, options) {
    if (!(at - cached.get(key)?.at < 60_000)) {
      cached.set(key, { at, answer: await kv.getWithMetadata(key, options) });
    }
    return cached.get(key).answer;
  },
  put: (key, value, options) => kv.put(key, value, options),
  delete: (key) => kv.delete(key),
});

export default inTime(
  worker({
    bundled: ${rulesWith('120s')},
    breakers: ({ KV }) =>
      breakerFleet({ store: workersKvStore(minuteOld(KV), { clock, random }), clock, random }),
    ...{ clock, random },
  }),
);
`;

const throughObject = `
${common}
import { DurableObject } from 'cloudflare:workers';
import { publishRules, storeRules } from ${source('rules/sources/store.ts')};
import { durableObjectStore, storeObject } from ${source('stores/durable-object.ts')};

export class Store extends storeObject(DurableObject) {}

const gateway = inTime(
  worker({
    bundled: ${rulesWith('2s')},
    source: ({ STORE }) => storeRules(durableObjectStore(STORE), { name: 'shop' }),
    refresh: '50ms',
    breakers: ({ STORE }) =>
      breakerFleet({
        ...{ store: durableObjectStore(STORE), poll: '50ms', ramp: '0ms', clock, random },
      }),
    ...{ clock, random },
  }),
);

export default {
  async fetch(request, env) {
    if (request.method !== 'PUT') return await gateway.fetch(request, env);
    const store = durableObjectStore(env.STORE);
    return new Response(await publishRules(store, await request.json(), { name: 'shop' }));
  },
};
`;

const upstream = `
let status = 200;
let calls = 0;
let isHeld = false;
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/-/set') {
      status = Number(searchParams.get('status'));
      isHeld = searchParams.has('held');
      return new Response('ok');
    }
    if (pathname === '/-/calls') return new Response(String(calls));
    calls += 1;
    while (isHeld) await scheduler.wait(5);
    return new Response(null, { status });
  },
};
`;

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-fleet-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Gateways of these names, with one store and one upstream. */
function fleet(names: readonly string[], kind: 'KV' | 'STORE') {
  const main = join(directory, `${kind}.ts`);
  writeFileSync(main, kind === 'KV' ? onKv : throughObject);
  writeFileSync(join(directory, 'upstream.ts'), upstream);
  const platform = { compatibility_date: '2025-06-01', compatibility_flags: [] };
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
      ...platform,
      name,
      main,
      services: [{ binding: 'SHOP', service: 'shop' }],
      ...store(name),
    },
  }));
  const shop = { config: { ...platform, name: 'shop', main: join(directory, 'upstream.ts') } };
  const harness = createTestHarness({ root: directory, workers: [...gateways, shop] });
  const get = (
    name: string,
    path = '/',
    init: { headers?: Record<string, string>; method?: string; body?: string } = {},
  ) => harness.getWorker(name).fetch(`http://shop.example${path}`, init);
  return {
    harness,
    /**
     * The status, or where the breaker answered 503: why.
     *
     * @param at What time it is, in milliseconds.
     */
    async call(name: string, at = 0): Promise<string> {
      const response = await get(name, '/', { headers: { 'x-at': String(at) } });
      const body = await response.text();
      if (response.headers.get('x-fetchmesh-reason') !== 'circuit_breaker_open') {
        return String(response.status);
      }
      expect(response.status).toBe(503);
      return `open: ${(JSON.parse(body) as { cause: string }).cause}`;
    },
    set: (status: number, more = '') => get('shop', `/-/set?status=${status}${more}`),
    calls: async () => Number(await (await get('shop', '/-/calls')).text()),
    publish: (name: string, rules: unknown) =>
      get(name, '/', { method: 'PUT', body: JSON.stringify(rules) }),
  };
}

describe('on Workers KV', () => {
  const { harness, call, set, calls } = fleet(['one', 'other', 'fresh'], 'KV');
  beforeAll(() => harness.listen());
  afterAll(() => harness.close());

  const [staleMs, pollMs, openMs, probeMs, rampMs] = [60_000, 10_000, 120_000, 2_000, 2_000];
  const openedAt = 1_000;

  test('ST-10 isolates that never failed answer 503 within staleness and poll because one opened; one of them probes, and closes for all', async () => {
    // The worst case: it looked just before, and is shown that for a minute.
    expect(await call('other', openedAt - 1)).toBe('200');
    await set(503);
    expect([await call('one', openedAt), await call('one', openedAt)]).toEqual(['503', '503']);
    expect(await call('one', openedAt)).toBe('open: failures');
    await set(200);
    // It asks for the first time, in the background of its first request.
    expect(await call('fresh', openedAt)).toBe('200');
    expect(await call('fresh', openedAt)).toBe('open: peers');

    // One look comes just before the minute is over, and the next one as late as it may.
    let heardAt = openedAt;
    do heardAt += 0.9995 * pollMs;
    while ((await call('other', heardAt)) === '200' && (await call('other', heardAt)) === '200');
    expect(await call('other', heardAt)).toBe('open: peers');
    expect(heardAt - openedAt).toBeGreaterThan(staleMs + 0.99 * pollMs);
    expect(heardAt - openedAt).toBeLessThanOrEqual(staleMs + pollMs);

    // For what is left of the time for which the one that opened is open.
    let at = openedAt + openMs - 1;
    const before = await calls();
    for (const name of ['one', 'fresh', 'other']) expect(await call(name, at)).toMatch('open');
    expect(await calls()).toBe(before);
    let answer = '';
    while (answer !== '200') {
      at += 100;
      answer = await call('other', at);
      expect(at - openedAt - openMs).toBeLessThanOrEqual(probeMs);
    }
    expect(await calls()).toBe(before + 1);
    expect(await call('other', at)).toBe('200');

    // The others close without a probe of their own: they let calls through little by little.
    const closedAt = at;
    for (const name of ['one', 'fresh']) {
      at = closedAt + staleMs + pollMs;
      await call(name, at);
      expect(await call(name, at)).toBe('open: ramp');
      expect(await call(name, at + rampMs)).toBe('200');
    }
    expect(await calls()).toBe(before + 4);
  });
});

describe('three Workers through a Durable Object', () => {
  const names = ['first', 'second', 'third'] as const;
  const { harness, call, set, calls, publish } = fleet(names, 'STORE');
  beforeAll(() => harness.listen());
  afterAll(() => harness.close());

  const pollMs = 50;
  const openMs = 2_000;
  let at = 0;

  /** Has all of them look, and look again. */
  async function answersOfAll(): Promise<string[]> {
    at += pollMs;
    for (const name of names) await call(name, at);
    return await Promise.all(names.map((name) => call(name, at)));
  }

  test('FT-20 one that fails opens no other one; a quorum opens all within 50 ms', async () => {
    await answersOfAll();
    expect(await answersOfAll()).toEqual(['200', '200', '200']);
    await set(503);
    expect([await call('first', at), await call('first', at)]).toEqual(['503', '503']);
    await set(200);
    expect(await answersOfAll()).toEqual(['open: failures', '200', '200']);
    await set(503);
    // Half of what opens it, since another one has opened.
    expect(await call('second', at)).toBe('503');
    expect(await call('second', at)).toBe('open: failures');
    await set(200);
    expect(await call('third', at)).toBe('200');
    at += 50;
    await call('third', at);
    expect(await call('third', at)).toBe('open: peers');
  });

  test('FT-21 one of them probes, with 60 calls, and closes for all', async () => {
    await set(200, '&held');
    at += openMs;
    const before = await calls();
    const answers: string[] = [];
    for (const round of [1, 2, 3, 4, 5]) {
      for (let index = 0; index < 12; index++) {
        void call(names[index % 3] as string, at).then((answer) => answers.push(answer));
      }
      // All but the probe.
      const settled = round === 1 ? 11 : 12 * round - 1;
      await expect.poll(() => answers.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(settled);
    }
    expect(await calls()).toBe(before + 1);
    expect(answers.filter((answer) => !answer.startsWith('open'))).toEqual([]);
    await set(200);
    await expect.poll(() => answers.length, { timeout: 60_000 }).toBe(60);
    expect(answers.at(-1)).toBe('200');
    expect(await answersOfAll()).toEqual(['200', '200', '200']);
  });

  test('a revision that is published reaches all of them', async () => {
    const rules = rulesFrom('routes: [{ path: /**, respond: { status: 203, body: new } }]');
    expect(await (await publish('second', rules)).text()).toBe('1');
    expect(await answersOfAll()).toEqual(['203', '203', '203']);
  });
});
