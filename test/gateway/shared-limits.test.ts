import { expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { worker } from '../../src/runtimes/workers.ts';
import type { Store } from '../../src/stores/contract.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function rulesOf(onStoreError: string) {
  const { rules } = parseRules(`
services: { shop: "http://10.0.0.1" }
routes:
  - { name: a, path: /a, to: shop, rate_limit: { limit: 3, per: 1h, on_store_error: ${onStoreError} } }
  - { name: b, path: /b, to: shop, rate_limit: { limit: 3, per: 1h } }
`);
  if (rules === undefined) throw new Error('the rules of this test are wrong');
  return rules;
}
const transport = async (): Promise<Response> => new Response('hello');
const ask = async (
  gateway: { fetch(request: Request): Response | Promise<Response> },
  path = '/a',
) => (await gateway.fetch(new Request(`http://shop.example${path}`))).status;

test('gateways with one store share the limits of a route, and routes do not share theirs', async () => {
  const clock = new VirtualClock();
  const store = exactStore(memoryStore({ clock }), { clock });
  const gateways = [1, 2].map(() => createGateway(rulesOf('local'), { transport, store, clock }));
  const [first, second] = gateways as [(typeof gateways)[0], (typeof gateways)[0]];
  expect([await ask(first), await ask(second), await ask(first)]).toEqual([200, 200, 200]);
  expect([await ask(first), await ask(second)]).toEqual([429, 429]);
  expect([await ask(first, '/b'), await ask(second, '/b')]).toEqual([200, 200]);
});

test('what was spent is spent after a reload', async () => {
  const clock = new VirtualClock();
  const gateway = createGateway(rulesOf('local'), {
    transport,
    store: memoryStore({ clock }),
    clock,
  });
  for (let n = 0; n < 3; n += 1) await ask(gateway);
  gateway.replace(rulesOf('closed'), '2');
  expect(await ask(gateway)).toBe(429);
});

test.each([
  ['closed', [503, 503, 503, 503]],
  ['open', [200, 200, 200, 200]],
  ['local', [200, 200, 200, 429]],
])('with a store that fails, on_store_error: %s', async (onStoreError, expected) => {
  const broken: Store = {
    ...memoryStore(),
    capabilities: { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    get: () => Promise.reject(new Error('down')),
    take: () => Promise.reject(new Error('down')),
  };
  const clock = new VirtualClock();
  const gateway = createGateway(rulesOf(onStoreError), { transport, store: broken, clock });
  const statuses: number[] = [];
  for (let n = 0; n < 4; n += 1) statuses.push(await ask(gateway));
  expect(statuses).toEqual(expected);
});

const eventual: Store = {
  name: 'workers-kv',
  capabilities: { consistency: 'eventual', staleMs: 60_000, minWriteMs: 1_000, minTtlMs: 60_000 },
  get: async () => null,
  set: async () => '1',
};

test('a store that cannot count is refused, with what can', () => {
  expect(() => createGateway(rulesOf('local'), { store: eventual })).toThrow(
    "gateway.store: the store 'workers-kv' is eventual and cannot count; use one with `take` (Redis, a Durable Object, Deno KV)",
  );
});

test('a Worker counts in the store that its environment has, and in memory where there is none', async () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  const errors: unknown[] = [];
  const make = (name: 'STORE' | 'KV') =>
    worker<{ STORE: Store; KV: Store }>({
      bundled: rulesOf('local'),
      transport,
      clock,
      store: (env) => env[name],
      onError: (error) => errors.push(error),
    });
  const isolates = [make('STORE'), make('STORE'), make('KV')].map((isolate) => ({
    fetch: (request: Request) =>
      isolate.fetch(request, { STORE: store, KV: eventual }, { waitUntil() {} }),
  }));
  const [first, second, third] = isolates as [
    (typeof isolates)[0],
    (typeof isolates)[0],
    (typeof isolates)[0],
  ];
  expect([await ask(first), await ask(second), await ask(first)]).toEqual([200, 200, 200]);
  expect(await ask(second)).toBe(429);
  expect(errors).toEqual([]);
  expect(await ask(third)).toBe(200);
  expect(String(errors[0])).toContain('cannot count');
});

test.each([0, -1, 1.5, Number.NaN])('%s instances are refused', (instances) => {
  expect(() => createGateway(rulesOf('local'), { transport, instances })).toThrow(
    `createGateway.instances: ${instances} is not a whole number above 0`,
  );
});
