import { describe, expect, test } from 'vitest';
import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { inbound } from '../../src/index.ts';
import type { Rules } from '../../src/rules/model.ts';
import { parseRules } from '../../src/rules/parse.ts';
import type { Grant, TakingStore } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { bytesOf, tracedBody } from '../support/bodies.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function rulesOf(route: string): Rules {
  const { rules, diagnostics } = parseRules(
    `services: { web: "http://web.test" }\nroutes: [{ path: /**, to: web, ${route} }]`,
  );
  if (rules === undefined) throw new Error(diagnostics[0]?.message);
  return rules;
}

function gatewayFor(
  route: string,
  transport: NonNullable<GatewayOptions['transport']>,
  options: GatewayOptions = {},
) {
  const { fetch } = createGateway(rulesOf(route), { transport, random: () => 0.5, ...options });
  return (headers: Record<string, string> = {}) =>
    fetch(new Request('http://shop.example/', { headers }));
}

/** One that instances share. */
function remote(clock: VirtualClock): TakingStore {
  const memory = memoryStore({ clock });
  const answering: TakingStore = delegateTo(memory, {
    capabilities: { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    async take(...args: [...Parameters<TakingStore['take']>]): Promise<Grant> {
      return memory.take(args[0], args[1], args[2], args[3]);
    },
  });
  return answering;
}

test('TO-07: `timeout: { body: true }` goes on until the body has been read', async () => {
  const clock = new VirtualClock();
  const body = tracedBody(['half'], { end: 'hang' });
  const get = gatewayFor(
    'timeout: { limit: 1s, body: true }',
    async () => new Response(body.stream),
    { clock },
  );
  const response = await get();
  const reading = bytesOf(response).catch((reason: unknown) => reason);
  await clock.advance(1_000);
  expect(await reading).toMatchObject({ name: 'TimeoutError' });
});

test('BH-07: calls of different keys do not get in the way of each other', async () => {
  const get = gatewayFor(
    'bulkhead: { limit: 1, by: "header:x-tenant" }',
    () => new Promise(() => {}),
  );
  void get({ 'x-tenant': 'a' });
  void get();
  await Promise.resolve();
  const reasons = await Promise.all(
    [{ 'x-tenant': 'a' }, {}].map(async (headers) =>
      (await get(headers)).headers.get('x-fetchmesh-reason'),
    ),
  );
  expect(reasons).toEqual(['bulkhead_full', 'bulkhead_full']);
  const other = await Promise.race([get({ 'x-tenant': 'b' }), Promise.resolve('under way')]);
  expect(other).toBe('under way');
});

test('RL-06: a request takes its cost, and the fields go where the rules say', async () => {
  const clock = new VirtualClock();
  const costly = gatewayFor(
    'rate_limit: { limit: 10, per: 1m, cost: 5, legacy: draft-6 }',
    async () => new Response('hello'),
    { clock },
  );
  expect((await costly()).headers.get('ratelimit-remaining')).toBe('5');
  expect([(await costly()).status, (await costly()).status]).toEqual([200, 429]);
  const silent = gatewayFor(
    'rate_limit: { limit: 1, per: 1m, fields: never }',
    async () => new Response('hello'),
    { clock },
  );
  const answers = [await silent(), await silent()];
  expect(answers.map(({ status, headers }) => [status, headers.has('ratelimit')])).toEqual([
    [200, false],
    [429, false],
  ]);
});

test.each([
  ['', 'circuit_breaker_open'],
  ['bucket: 5s', null],
])('CB-08: a breaker forgets in the steps that the rules say: %s', async (bucket, reason) => {
  const clock = new VirtualClock();
  const get = gatewayFor(
    `breaker: { window: 10s, min_requests: 2, ${bucket} }`,
    async () => new Response(null, { status: 503 }),
    { clock },
  );
  await clock.advance(4_900);
  await get();
  // The last ten tenths of the window reach back to the first failure, its last two halves do not.
  await clock.advance(5_200);
  await get();
  expect((await get()).headers.get('x-fetchmesh-reason')).toBe(reason);
});

describe('the reserve of a budget', () => {
  const settings = 'ratio: 0%, ttl: 10s, min_per_second: 0.2';
  const route = (shared: boolean) =>
    `retries: { max: 5, base_delay: 0s, budget: { ${settings}, shared: ${shared} } }`;

  /** How many tries two instances make for one request each, one after the other. */
  async function triesOfTwo(shared: boolean): Promise<number> {
    const clock = new VirtualClock();
    const store = remote(clock);
    let tries = 0;
    const instances = [1, 2].map(() =>
      gatewayFor(
        route(shared),
        async () => {
          tries += 1;
          return new Response(null, { status: 503 });
        },
        { clock, store, instances: 2 },
      ),
    );
    for (const get of instances) {
      const answer = get();
      await clock.advance(100);
      await answer;
    }
    return tries;
  }

  test('RB-09: is there for each instance, or once for all of them', async () => {
    // Each has its first try, and two beyond.
    expect(await triesOfTwo(false)).toBe(6);
    expect(await triesOfTwo(true)).toBeLessThan(6);
  });

  test('of several instances needs a store, and a gateway', () => {
    const rules = rulesOf(route(true));
    expect(() => createGateway(rules, { instances: 2 })).toThrow(/needs a store that they share/);
    expect(() => createGateway(rules)).not.toThrow();
    expect(() => inbound(() => new Response(), governance(rules))).toThrow(/takes a gateway/);
  });
});
