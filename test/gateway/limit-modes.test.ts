import { describe, expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { limitModes } from '../../src/gateway/limit-modes.ts';
import { inbound } from '../../src/index.ts';
import { limitRates } from '../../src/policies/limiter.ts';
import { type RateLimit, rateLimit } from '../../src/policies/rate-limit.ts';
import { sharedStore } from '../../src/policies/shared-store.ts';
import type { LimitMode, RateLimitRule } from '../../src/rules/model.ts';
import { parseRules } from '../../src/rules/parse.ts';
import type { Grant, TakingStore } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { guardedStore } from '../../src/stores/guarded.ts';
import { leasedStore } from '../../src/stores/leased.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** One that instances share: it answers later, and counts how often it is asked, and for how much. */
function remote(clock: VirtualClock) {
  const memory = memoryStore({ clock });
  const asked: number[] = [];
  const store: TakingStore = delegateTo(memory, {
    capabilities: { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    async take(...args: [...Parameters<TakingStore['take']>]): Promise<Grant> {
      asked.push(args[2]);
      return memory.take(args[0], args[1], args[2], args[3]);
    },
  });
  return { store, asked };
}

const limit = { limit: 1_000, per: '1s', by: () => 'all' } as const;
const request = (): Request => new Request('http://shop.example/');

/** As a gateway makes it. */
function policyOf(
  limits: readonly (RateLimit & { readonly mode: LimitMode })[],
  { store, clock, instances = 1 }: { store?: TakingStore; clock: VirtualClock; instances?: number },
) {
  const random = () => 0.5;
  const shared = store && sharedStore(store, { owner: 'gateway', clock, random });
  const around = { store: shared, instances, platformLimiter: undefined, clock, random };
  const modes = limitModes(around);
  return limitRates(
    limits.map(({ mode, ...rest }) => ({ ...rest, ...modes({ mode } as RateLimitRule) })),
    { clock, random, instances, ...(shared && { store: shared }) },
  );
}

/** How many of 200 requests pass, one in each millisecond. */
async function run(clock: VirtualClock, policy: ReturnType<typeof rateLimit>): Promise<number> {
  const app = inbound(() => new Response('hello'), policy);
  let passed = 0;
  for (let ms = 0; ms < 200; ms++) {
    void app(request()).then(({ status }) => {
      if (status === 200) passed += 1;
    });
    await clock.advance(1);
  }
  return passed;
}

describe('the mode of a limit', () => {
  const arrangements: [string, (store: TakingStore, clock: VirtualClock) => TakingStore][] = [
    ['as it is', (store) => store],
    ['in exactStore', (store, clock) => exactStore(store, { clock })],
    ['in leasedStore', (store, clock) => leasedStore(store, { clock })],
    [
      'guarded, in leasedStore',
      (store, clock) => leasedStore(guardedStore(store, { clock }) as never, { clock }),
    ],
    [
      'in leasedStore, guarded',
      (store, clock) => guardedStore(leasedStore(store, { clock }), { clock }) as never,
    ],
  ];

  test.each(arrangements)('is kept whatever the store of all does: %s', async (_, arranged) => {
    const questions: Partial<Record<string, number>> = {};
    for (const mode of ['exact', 'leased', 'local'] as const) {
      const clock = new VirtualClock();
      const { store, asked } = remote(clock);
      const policy = policyOf([{ ...limit, mode }], { store: arranged(store, clock), clock });
      expect(await run(clock, policy)).toBe(200);
      questions[mode] = asked.length;
      if (mode === 'exact') expect(new Set(asked)).toEqual(new Set([1]));
      if (mode === 'leased') expect(Math.max(...asked)).toBeGreaterThan(10);
    }
    expect(questions).toMatchObject({ exact: 200, local: 0 });
    expect(questions['leased']).toBeLessThan(50);
  });

  test('of several limits is each its own', async () => {
    const clock = new VirtualClock();
    const { store, asked } = remote(clock);
    const policy = policyOf(
      [
        { ...limit, name: 'exact', mode: 'exact' },
        { ...limit, name: 'local', mode: 'local' },
      ],
      { store, clock },
    );
    expect(await run(clock, policy)).toBe(200);
    expect(asked.length).toBe(200);
  });

  test("ST-11 'local' grants the share of an instance, with a store that is well", async () => {
    const clock = new VirtualClock();
    const { store } = remote(clock);
    const few = { ...limit, limit: 40, per: '1h', mode: 'local' } as const;
    expect(await run(clock, policyOf([few], { store, clock, instances: 4 }))).toBe(10);
  });

  test.each(['exact', 'leased'] as const)("'%s' of one instance needs no store", async (mode) => {
    const clock = new VirtualClock();
    const few = { ...limit, limit: 40, per: '1h', mode } as const;
    expect(await run(clock, policyOf([few], { clock }))).toBe(40);
    expect(() => policyOf([few], { clock, instances: 2 })).toThrow(
      `rate_limit: \`mode: ${mode}\` of 2 instances needs a store that they share (Redis,`,
    );
  });

  test('in code a limit has a store of its own, or counts in memory', async () => {
    const clock = new VirtualClock();
    const [all, own] = [remote(clock), remote(clock)];
    const policy = rateLimit(
      [
        { ...limit, name: 'all' },
        { ...limit, name: 'own', store: exactStore(own.store, { clock }) },
        { ...limit, name: 'memory', store: 'memory' },
      ],
      { store: all.store, clock },
    );
    expect(await run(clock, policy)).toBe(200);
    expect([all.asked.length, own.asked.length]).toEqual([200, 200]);
  });
});

describe('mode of rate_limit, in a gateway', () => {
  const rulesWith = (more: string) => {
    const { rules } = parseRules(
      `{ services: { a: "http://a.example" }, routes: [{ path: /**, to: a, rate_limit: { limit: 2, per: 60s, by: global, ${more} } }] }`,
    );
    if (rules === undefined) throw new Error('no rules');
    return rules;
  };

  const transport = async () => new Response('hello');

  async function statuses(gateway: ReturnType<typeof createGateway>): Promise<number[]> {
    const seen: number[] = [];
    for (let call = 0; call < 3; call++) seen.push((await gateway.fetch(request())).status);
    return seen;
  }

  test('local does not ask the store, exact and leased do', async () => {
    for (const mode of ['local', 'exact', 'leased']) {
      const clock = new VirtualClock();
      const { store, asked } = remote(clock);
      const gateway = createGateway(rulesWith(`mode: ${mode}`), { store, clock, transport });
      expect(await statuses(gateway)).toEqual([200, 200, 429]);
      expect(asked.length > 0).toBe(mode !== 'local');
    }
  });

  test('platform asks the limiter of its name; without one the rules are refused', async () => {
    const rules = rulesWith('name: api, mode: platform');
    const keys: string[] = [];
    const gateway = createGateway(rules, {
      transport,
      platformLimiter: (name) => ({
        name,
        allows: async (key) => keys.push(key) < 3,
      }),
    });
    expect(await statuses(gateway)).toEqual([200, 200, 429]);
    expect(new Set(keys).size).toBe(1);
    expect(() => createGateway(rules)).toThrow(
      "nothing keeps the limit 'api' of `mode: platform`: a Worker names its binding",
    );
  });
});
