import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import { peerAddress } from '../../src/core/address.ts';
import { compose, describe as describeChain, inbound, outbound } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { parseRateLimit, parseRateLimitPolicy } from '../../src/core/rate-limit-fields.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import {
  exceededLimits,
  type RateLimit,
  type RateLimitOptions,
  rateLimit,
} from '../../src/policies/rate-limit.ts';
import type { Store } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { countListeners } from '../support/listeners.ts';
import { register } from '../support/stores.ts';
import { upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const hello = async (): Promise<Response> => new Response('hello');

/** An app behind limits, called with a user, and what the policy told. */
function limited(limits: RateLimit | readonly RateLimit[], options: RateLimitOptions = {}) {
  const events: PolicyEvent[] = [];
  const run = rateLimit(limits, { clock, ...options })(hello);
  const context = Context.background('inbound').with(eventListener, (event) => events.push(event));
  const get = (user = 'ada', init: RequestInit = {}, inner = context): Promise<Response> =>
    run(new Request('http://shop.example/', { ...init, headers: { user } }), inner);
  return { get, events, context };
}

const byUser = (request: Request) => request.headers.get('user');
const perUser = { limit: 2, per: '10s', by: byUser };

async function statuses(calls: readonly Promise<Response>[]): Promise<number[]> {
  return (await Promise.all(calls)).map(({ status }) => status);
}

test('RL-05 rates that no whole number of milliseconds fits make nobody wait', async () => {
  for (const limit of [3, 7, 49]) {
    const { get } = limited({ limit, per: '1s', burst: 5 });
    expect(await statuses([get(), get(), get(), get(), get(), get()])).toEqual([
      200, 200, 200, 200, 200, 429,
    ]);
  }
});

describe('a limit', () => {
  test('lets a burst through and refuses what comes after it, for each key', async () => {
    const { get } = limited(perUser);
    expect(await statuses([get(), get(), get(), get('bob')])).toEqual([200, 200, 429, 200]);
  });

  test('grants again at the rate, not at the edge of a window', async () => {
    const { get } = limited(perUser);
    await statuses([get(), get()]);
    await clock.advance(4_999);
    expect((await get()).status).toBe(429);
    await clock.advance(1);
    expect(await statuses([get(), get()])).toEqual([200, 429]);
  });

  test('RL-07 gathers no more than the burst, however long nobody asked', async () => {
    const { get } = limited({ ...perUser, limit: 10, burst: 2 });
    await clock.advance(86_400_000);
    expect(await statuses([get(), get(), get()])).toEqual([200, 200, 429]);
  });

  test('RL-02 refuses what is more than ever comes at once, and takes nothing for it', async () => {
    const { get } = limited({ ...perUser, cost: ({ method }) => (method === 'POST' ? 3 : 1) });
    const answer = await get('ada', { method: 'POST' });
    expect(answer.status).toBe(429);
    expect(answer.headers.has('retry-after')).toBe(false);
    expect((await answer.json()).detail).toBe(
      'This request takes more than is ever granted at once.',
    );
    expect(await statuses([get(), get()])).toEqual([200, 200]);
  });

  test('RL-06 a request that costs nothing passes, and is told what is left', async () => {
    const { get } = limited({ ...perUser, cost: ({ method }) => (method === 'HEAD' ? 0 : 2) });
    await get();
    const answer = await get('ada', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('ratelimit')).toBe('"default";r=0;t=5');
  });

  test('is outbound too, where answers stay as they are', async () => {
    const response = new Response('hello');
    const shop = outbound(upstream(response), rateLimit({ limit: 1, per: '1s' }, { clock }));
    expect(await shop('http://shop.example/')).toBe(response);
    const refused = await shop('http://shop.example/');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('ratelimit')).toBe('"default";r=0;t=1');
  });

  test('is named in the chain', () => {
    const chain = compose(
      rateLimit([
        { limit: 100, per: '1m', burst: 20 },
        { limit: 1_000, per: '1h', name: 'hourly', enforce: false },
      ]),
    );
    expect(describeChain(chain)).toBe(
      "rate limit '100 per 1m' 100 per 1m, burst 20; rate limit 'hourly' 1000 per 1h, burst 1000, not enforced",
    );
  });

  test('agrees with an independent model: buckets that are filled drop by drop', async () => {
    const limit = fc.record({
      limit: fc.integer({ min: 1, max: 10 }),
      burst: fc.integer({ min: 1, max: 6 }),
      unitMs: fc.integer({ min: 1, max: 50 }),
      isPerUser: fc.boolean(),
    });
    const calls = fc.array(
      fc.record({
        waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 120 })),
        user: fc.constantFrom('ada', 'bob'),
        cost: fc.integer({ min: 0, max: 4 }),
      }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(limit, { minLength: 1, maxLength: 3 }),
        calls,
        async (shapes, requests) => {
          const time = new VirtualClock();
          let cost = 0;
          const policy = rateLimit(
            shapes.map(({ limit, burst, unitMs, isPerUser }, index) => ({
              name: `${index}`,
              limit,
              per: `${limit * unitMs}ms`,
              burst,
              cost: () => cost,
              by: isPerUser ? byUser : () => 'all',
            })),
            { clock: time },
          )(hello);
          let now = 0;
          // Whole milliseconds and whole drops: nothing is rounded.
          const buckets = new Map<string, { level: number; since: number }>();
          for (const request of requests) {
            await time.advance(request.waitMs);
            now += request.waitMs;
            cost = request.cost;
            const asked = shapes.map(({ burst, unitMs, isPerUser }, index) => {
              const id = `${index} ${isPerUser ? request.user : ''}`;
              const { level, since } = buckets.get(id) ?? { level: burst * unitMs, since: now };
              const filled = Math.min(burst * unitMs, level + now - since);
              return { id, level: filled, need: cost * unitMs };
            });
            const isFree = asked.every(({ level, need }) => need <= level);
            for (const { id, level, need } of asked) {
              buckets.set(id, { level: isFree ? level - need : level, since: now });
            }
            const answer = await policy(
              new Request('http://shop.example/', { headers: { user: request.user } }),
              Context.background('inbound'),
            );
            expect(answer.status).toBe(isFree ? 200 : 429);
            const remaining = parseRateLimit(answer.headers.get('ratelimit') ?? '');
            const wanted = asked.map(({ id }, index) => {
              const { level } = buckets.get(id) as { level: number };
              return Math.floor(level / (shapes[index]?.unitMs ?? 0));
            });
            if (isFree) expect(remaining?.map((item) => item.remaining)).toEqual(wanted);
          }
        },
      ),
      { seed: 9, numRuns: 150 },
    );
  });
});

describe('several limits', () => {
  const limits = [
    { name: 'burst', limit: 2, per: '1s', by: byUser },
    { name: 'daily', limit: 3, per: '1d', by: byUser },
  ];

  test('RL-13 have all to agree, and what one granted is given back where another refuses', async () => {
    const { get } = limited(limits);
    expect(await statuses([get(), get(), get()])).toEqual([200, 200, 429]);
    await clock.advance(1_000);
    const last = await get();
    expect(parseRateLimit(last.headers.get('ratelimit') ?? '')).toMatchObject([
      { name: 'burst', remaining: 1 },
      { name: 'daily', remaining: 0 },
    ]);
    await clock.advance(1_000);
    const refused = await get();
    expect((await refused.json())['violated-policies']).toEqual(['daily']);
    // 'burst' had two and has two again.
    expect(refused.headers.get('ratelimit')).toContain('"daily";r=0');
    expect((await get()).headers.get('retry-after')).toBe('28798');
  });

  test('a refusal names all that were violated, and the longest wait', async () => {
    const { get } = limited([limits[0] as RateLimit, { ...limits[1], limit: 2 } as RateLimit]);
    await statuses([get(), get()]);
    const refused = await get();
    expect((await refused.json())['violated-policies']).toEqual(['burst', 'daily']);
    expect(refused.headers.get('retry-after')).toBe('43200');
  });
});

describe('what callers are told', () => {
  test('RL-11, RH-01 a refusal: 429, Retry-After, both fields, problem details', async () => {
    const { get, events } = limited({ ...perUser, limit: 1 });
    await get();
    await clock.advance(100);
    const answer = await get();
    expect(rejectionOf(answer)).toMatchObject({ reason: 'rate_limited', flag: 'RL' });
    expect(Object.fromEntries(answer.headers)).toEqual({
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
      ratelimit: '"default";r=0;t=10',
      'ratelimit-policy': '"default";q=1;w=10',
      'retry-after': '10',
      'x-fetchmesh-reason': 'rate_limited',
    });
    expect(await answer.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Too many requests.',
      reason: 'rate_limited',
      'violated-policies': ['default'],
    });
    expect(events).toEqual([
      { name: 'rate_limited', attributes: { policy: 'default', enforced: true } },
    ]);
  });

  test('RL-11, RH-03, FT-25 a retry exactly at Retry-After passes, and t is never later', async () => {
    const shape = fc.record({
      limit: fc.integer({ min: 1, max: 50 }),
      perSeconds: fc.integer({ min: 1, max: 100 }),
      burst: fc.integer({ min: 1, max: 5 }),
      waitMs: fc.integer({ min: 0, max: 5_000 }),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ limit, perSeconds, burst, waitMs }) => {
        const time = new VirtualClock();
        const { get } = limited({ limit, per: `${perSeconds}s`, burst }, { clock: time });
        while ((await get()).status === 200);
        await time.advance(waitMs);
        const answer = await get();
        if (answer.status === 200) return;
        const retryAfter = Number(answer.headers.get('retry-after'));
        const [item] = parseRateLimit(answer.headers.get('ratelimit') ?? '') ?? [];
        expect(item?.moreInSeconds).toBeLessThanOrEqual(retryAfter);
        await time.advance(retryAfter * 1_000);
        expect((await get()).status).toBe(200);
      }),
      { seed: 10, numRuns: 200 },
    );
  });

  test('answers bear what is left, beside what limits further in say', async () => {
    const run = compose(
      rateLimit({ ...perUser, name: 'outer' }, { clock }),
      rateLimit({ ...perUser, name: 'inner', per: '1500ms' }, { clock }),
    )(hello);
    const answer = await run(
      new Request('http://shop.example/', { headers: { user: 'ada' } }),
      Context.background('inbound'),
    );
    expect(await answer.text()).toBe('hello');
    // A window that is no whole number of seconds is left out: the field knows no other.
    expect(answer.headers.get('ratelimit-policy')).toBe('"inner";q=2, "outer";q=2;w=10');
    expect(answer.headers.get('ratelimit')).toBe('"inner";r=1;t=1, "outer";r=1;t=5');
    expect(parseRateLimitPolicy(answer.headers.get('ratelimit-policy') ?? '')).toHaveLength(2);
  });

  test.each([
    ['always', true, true],
    ['rejections', false, true],
    ['never', false, false],
  ] as const)('fields: %s', async (fields, onAnswers, onRefusals) => {
    const { get } = limited({ ...perUser, limit: 1 }, { fields });
    expect((await get()).headers.has('ratelimit')).toBe(onAnswers);
    const refused = await get();
    expect(refused.headers.has('ratelimit')).toBe(onRefusals);
    expect(refused.headers.get('retry-after')).toBe('10');
  });

  test("legacy: 'draft-6' adds the three fields of the scarcest limit", async () => {
    const limits = [perUser, { ...perUser, limit: 5, name: 'more' }];
    const { get } = limited(limits, { legacy: 'draft-6' });
    const { headers } = await get();
    expect(headers.get('ratelimit-limit')).toBe('2');
    expect(headers.get('ratelimit-remaining')).toBe('1');
    expect(headers.get('ratelimit-reset')).toBe('5');
    const plain = limited(perUser);
    expect((await plain.get()).headers.has('ratelimit-limit')).toBe(false);
  });
});

describe('the key', () => {
  test('is by default the peer, IPv6 by its /64 network', async () => {
    const { get, context } = limited({ limit: 1, per: '1s' });
    const from = (address: string) => get('', {}, context.with(peerAddress, address));
    const addresses = ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2:1'];
    expect(await statuses(addresses.map(from))).toEqual([200, 429, 200, 200, 429]);
  });

  test('RL-10 requests without one share a quota, which no client can name', async () => {
    const { get } = limited({ ...perUser, limit: 1, by: (request) => request.headers.get('user') });
    expect(await statuses([get(''), get(''), get('(no key)'), get('(no key)'.padEnd(70))])).toEqual(
      [200, 429, 200, 429],
    );
  });

  test("RL-10 or are not limited, with anonymous: 'skip'", async () => {
    const { get } = limited({ ...perUser, limit: 1, anonymous: 'skip' });
    expect(await statuses([get(''), get(''), get('ada'), get('ada')])).toEqual([
      200, 200, 200, 429,
    ]);
    expect((await get('')).headers.has('ratelimit')).toBe(false);
  });

  test('RL-10 is of bounded length in the store, and yet tells all apart', async () => {
    const asked: string[] = [];
    const memory = memoryStore({ clock });
    const store: Store = {
      ...memory,
      take(key, limit, n, min) {
        asked.push(key);
        return memory.take(key, limit, n, min);
      },
    };
    const { get } = limited({ ...perUser, limit: 1, name: 'n' }, { store, scope: 'shop' });
    const long = 'x'.repeat(5_000);
    expect(await statuses([get(long), get(`${long}y`), get(long)])).toEqual([200, 200, 429]);
    expect(new Set(asked).size).toBe(2);
    for (const key of asked) expect(key).toMatch(/^shop:n:#[\da-f]{64}$/);
  });

  test('FT-12 a flood of hostile keys takes bounded room and does not wash out a spent quota', async () => {
    const store = memoryStore({ clock, capacity: 1_000 });
    const { get } = limited({ ...perUser, by: undefined as never, limit: 1, per: '1d' }, { store });
    const flood = rateLimit(
      { limit: 10, per: '1m', by: (request) => request.url },
      { store, clock },
    );
    const run = flood(hello);
    const context = Context.background('outbound');
    await get();
    const base = new Request('http://shop.example/');
    for (let index = 0; index < 30_000; index++) {
      const request = Object.create(base, { url: { value: `${index}` } }) as Request;
      void run(request, context);
    }
    expect(store.size).toBeLessThanOrEqual(1_000);
    expect((await get()).status).toBe(429);
  });
});

describe('waiting', () => {
  const paced = { limit: 10, per: '1s', burst: 1, by: byUser, maxWait: '200ms' };

  test('takes requests that come too early in their order, as far as maxWait', async () => {
    const { get, events } = limited(paced);
    const done: number[] = [];
    const calls = [0, 1, 2, 3].map((index) =>
      get().then(({ status }) => done.push(status === 200 ? index : -1)),
    );
    await settled();
    expect(done).toEqual([-1, 0]);
    await clock.advance(100);
    expect(done).toEqual([-1, 0, 1]);
    await clock.advance(100);
    expect(done).toEqual([-1, 0, 1, 2]);
    await Promise.all(calls);
    expect(events.filter(({ name }) => name === 'rate_limit_wait')).toEqual([
      { name: 'rate_limit_wait', attributes: { delay_ms: 100 } },
      { name: 'rate_limit_wait', attributes: { delay_ms: 200 } },
    ]);
  });

  test('RL-03 a wait beyond the deadline is refused at once, and takes nothing', async () => {
    const { get, context } = limited(paced);
    await get();
    const hurried = context.with(deadline, clock.monotonic() + 50);
    const refused = await get('ada', {}, hurried);
    expect(refused.status).toBe(429);
    const next = get();
    await clock.advance(100);
    expect((await next).status).toBe(200);
  });

  test('RL-04 whoever leaves gives its place back, in that tick and with its own reason', async () => {
    const { get } = limited(paced);
    await get();
    const controller = new AbortController();
    const waiting = get('ada', { signal: controller.signal });
    await settled();
    controller.abort('gone');
    expect(clock.pending).toBe(0);
    await expect(waiting).rejects.toBe('gone');
    const next = get();
    await clock.advance(100);
    expect((await next).status).toBe(200);
  });

  test('leaves no listener behind when its turn has come', async () => {
    const { get, context } = limited(paced);
    await get();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const call = get('ada', {}, context.with(abortSignal, signal));
    await settled();
    expect(listeners.current).toBe(1);
    await clock.advance(100);
    await call;
    expect(listeners.current).toBe(0);
  });

  test('RL-04 but not what others have reserved behind it', async () => {
    const { get } = limited(paced);
    await get();
    const controller = new AbortController();
    const leaving = get('ada', { signal: controller.signal });
    const staying = get();
    await settled();
    controller.abort('gone');
    await expect(leaving).rejects.toBe('gone');
    // The place behind `staying`, not the one beside it.
    expect((await get()).status).toBe(429);
    await clock.advance(200);
    expect((await staying).status).toBe(200);
  });

  test('of several limits the longest counts', async () => {
    const { get } = limited([
      { ...paced, name: 'short' },
      { ...paced, name: 'long', limit: 5 },
    ]);
    await get();
    let isDone = false;
    const call = get().then(() => {
      isDone = true;
    });
    await clock.advance(199);
    expect(isDone).toBe(false);
    await clock.advance(1);
    await call;
  });
});

describe('a limit that is not enforced', () => {
  test('RL-12 counts, marks the request and lets it pass', async () => {
    const events: PolicyEvent[] = [];
    const seen: (readonly string[])[] = [];
    const run = rateLimit(
      { ...perUser, limit: 1, enforce: false },
      { clock },
    )(async (_, context) => {
      seen.push(context.get(exceededLimits));
      return new Response();
    });
    const context = Context.background('inbound').with(eventListener, (event) =>
      events.push(event),
    );
    const calls = [1, 2].map(() => run(new Request('http://shop.example/'), context));
    expect(await statuses(calls)).toEqual([200, 200]);
    expect(seen).toEqual([[], ['default']]);
    expect(events).toEqual([
      { name: 'rate_limited', attributes: { policy: 'default', enforced: false } },
    ]);
    expect((await calls[0])?.headers.has('ratelimit')).toBe(false);
  });

  test('RL-12 does not keep another one from being enforced, nor holds anyone up', async () => {
    const { get } = limited([
      { ...perUser, name: 'shadow', limit: 1, enforce: false, maxWait: '1s' },
      { ...perUser, name: 'real', limit: 2 },
    ]);
    expect(await statuses([get(), get()])).toEqual([200, 200]);
    const refused = await get();
    expect((await refused.json())['violated-policies']).toEqual(['real']);
  });
});

describe('a store that answers with promises', () => {
  const one = { ...perUser, limit: 1 };

  test.each([
    ['compare and set', register],
    ['take', () => Object.assign(memoryStore({ clock: new VirtualClock() }), async(memoryStore()))],
  ])('works as the one in memory does: %s', async (_, make) => {
    const { get } = limited(one, { store: make() });
    expect((await get()).status).toBe(200);
    expect((await get()).status).toBe(429);
  });

  test('may be shared: policies of one scope and name share their quotas, others do not', async () => {
    const store = register();
    const first = limited(one, { store, scope: 'a' });
    const same = limited(one, { store, scope: 'a' });
    const other = limited(one, { store, scope: 'b' });
    const named = limited({ ...one, name: 'own' }, { store, scope: 'a' });
    const answers: number[] = [];
    for (const { get } of [first, same, other, named]) answers.push((await get()).status);
    expect(answers).toEqual([200, 429, 200, 200]);
  });

  test('the caller that leaves does not wait for it, and what comes later goes back', async () => {
    const memory = memoryStore({ clock });
    const released: (() => void)[] = [];
    const slow: Store = {
      ...memory,
      capabilities: { ...memory.capabilities, consistency: 'linearizable' },
      take: (key, limit, n, min) =>
        new Promise((resolve) => released.push(() => resolve(memory.take(key, limit, n, min)))),
    };
    const { get } = limited(one, { store: slow });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const call = get('ada', { signal: controller.signal });
    controller.abort('gone');
    await expect(call).rejects.toBe('gone');
    released.shift()?.();
    await settled();
    expect(listeners.current).toBe(0);
    // The unit is on its way back.
    released.shift()?.();
    await settled();
    expect(
      memory.take(':default:ada', { quota: 1, windowMs: 10_000, burst: 1 }, 0, 0),
    ).toMatchObject({ remaining: 1 });
  });
});

describe('ST-04, FT-04 a store that cannot be had', () => {
  const broken = (take: () => never | Promise<never>): Store => ({
    ...register(),
    take: () => take(),
  });
  const failures: [string, () => Store][] = [
    ['throws', () => broken(() => raise())],
    ['rejects', () => broken(async () => raise())],
    ['is silent', () => broken(() => new Promise(() => {}))],
  ];
  const raise = (): never => {
    throw new Error('connect ECONNREFUSED 10.0.0.9:6379');
  };

  describe.each(failures)('%s', (_, store) => {
    /** The answers to three calls, each after the deadline of the store. */
    async function three(onStoreError: RateLimit['onStoreError']) {
      const { get, events } = limited(
        { ...perUser, limit: 2, ...(onStoreError && { onStoreError }) },
        { store: store() },
      );
      const answers: Response[] = [];
      for (let call = 0; call < 3; call++) {
        const answer = get();
        await clock.advance(25);
        answers.push(await answer);
      }
      return { answers, events };
    }

    test('by default the process keeps the limit by itself', async () => {
      const { answers, events } = await three(undefined);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(events[0]).toEqual({
        name: 'store_unavailable',
        attributes: { policy: 'default', outcome: 'passed' },
      });
    });

    test("'open' lets everything pass and says so", async () => {
      const { answers, events } = await three('open');
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(events.map(({ name }) => name)).toEqual(Array(3).fill('store_unavailable'));
      expect(answers[0]?.headers.has('ratelimit')).toBe(false);
    });

    test("'closed' is a 503 with Retry-After, never a 429, and tells nothing of the store", async () => {
      const { answers } = await three('closed');
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
      const [answer] = answers as [Response];
      expect(rejectionOf(answer)?.reason).toBe('store_unavailable');
      expect(answer.headers.get('retry-after')).toBe('1');
      const body = await answer.text();
      expect(body).toContain('#temporary-reduced-capacity');
      expect(body).not.toContain('10.0.0.9');
    });
  });

  test('outweighs a limit that another store keeps: the caller did nothing wrong', async () => {
    const { get } = limited(
      [
        { ...perUser, name: 'a', limit: 1, onStoreError: 'local' },
        { ...perUser, name: 'b', onStoreError: 'closed' },
      ],
      { store: broken(async () => raise()) },
    );
    expect((await get()).status).toBe(503);
    expect((await get()).status).toBe(503);
  });
});

describe('ST-05 instances that count alone', () => {
  /** How many of `asked` requests pass at once, and then in each window of `per`. */
  async function passed(limit: RateLimit, options: RateLimitOptions, asked = 100) {
    const { get } = limited(limit, options);
    const first = (await statuses(Array.from({ length: asked }, () => get()))).filter(is200);
    await clock.advance(10_000);
    const second = (await statuses(Array.from({ length: asked }, () => get()))).filter(is200);
    return [first.length, second.length];
  }
  const is200 = (status: number): boolean => status === 200;
  const ninety = { limit: 90, per: '10s', by: byUser } as const;
  const out: RateLimitOptions = {
    store: { ...register(), take: () => Promise.reject(new Error()) },
  };

  test('grant their share, without a store and where it is out', async () => {
    expect(await passed(ninety, { instances: 3 })).toEqual([30, 30]);
    expect(await passed(ninety, { ...out, instances: 3 })).toEqual([30, 30]);
    expect(await passed(ninety, out)).toEqual([90, 90]);
  });

  test('leave the whole limit to a store that counts for all', async () => {
    expect(await passed(ninety, { store: memoryStore({ clock }), instances: 3 })).toEqual([90, 90]);
  });

  test('together never grant more than the limit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        async (burst, instances) => {
          const [first = 0] = await passed({ ...ninety, burst }, { instances });
          const least = Math.max(1, Math.floor(burst / instances));
          expect(first).toBe(least);
          if (instances <= burst) expect(first * instances).toBeLessThanOrEqual(burst);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('let pass what costs more than a share, and wait for it accordingly', async () => {
    const { get } = limited({ limit: 8, per: '8s', cost: 4, by: byUser }, { instances: 4 });
    expect((await get()).status).toBe(200);
    const refused = await get();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '16']);
    await clock.advance(16_000);
    expect((await get()).status).toBe(200);
  });
});

test('the request goes on by identity, and its body untouched', async () => {
  const request = new Request('http://shop.example/', { method: 'POST', body: 'b' });
  let seen: Request | undefined;
  const run = rateLimit(
    { limit: 1, per: '1s' },
    { clock },
  )(async (passed) => {
    seen = passed;
    return new Response();
  });
  await run(request, Context.background('inbound'));
  expect(seen).toBe(request);
  await run(request, Context.background('inbound'));
  expect(request.bodyUsed).toBe(false);
});

test("the caller's abort reaches the app within a tick", async () => {
  let signal: AbortSignal | undefined;
  const app = inbound(
    (request) => {
      signal = request.signal;
      return new Promise<Response>((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
      });
    },
    rateLimit({ limit: 1, per: '1s' }, { clock }),
  );
  const controller = new AbortController();
  const answer = app(new Request('http://shop.example/', { signal: controller.signal }));
  await settled();
  controller.abort('gone');
  expect(signal?.aborted).toBe(true);
  await expect(answer).rejects.toBe('gone');
});

const good = { limit: 1, per: '1s' };
test('a cost that makes no sense rejects the request that it was asked for', async () => {
  const { get } = limited({ ...good, cost: () => Number.NaN });
  await expect((async () => await get())()).rejects.toThrow('rateLimit.cost: it returned NaN');
});

/** The same, with promises. */
function async(memory: ReturnType<typeof memoryStore>): Partial<Store> {
  return {
    capabilities: { ...memory.capabilities, consistency: 'linearizable' },
    take: async (key, limit, n, min) => {
      await Promise.resolve();
      return memory.take(key, limit, n, min);
    },
  };
}
