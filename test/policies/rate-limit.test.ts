import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compose, describe as describeChain } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { parseRateLimit } from '../../src/core/rate-limit-fields.ts';
import {
  exceededLimits,
  type RateLimit,
  type RateLimitOptions,
  rateLimit,
} from '../../src/policies/rate-limit.ts';
import { byUser, hello, limitedApp, perUser, statuses } from '../support/limited-app.ts';
import { upstream } from '../support/upstream.ts';
import { promisesTurn, settled, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const limited = (limits: RateLimit | readonly RateLimit[], options: RateLimitOptions = {}) =>
  limitedApp(limits, { clock, ...options });

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

  test('RL-02 refuses it at once where others may wait', async () => {
    const cost = ({ method }: Request) => (method === 'POST' ? 3 : 1);
    const { get } = limited({ ...perUser, cost, maxWait: '1h' });
    const answer = await get('ada', { method: 'POST' });
    expect(answer.status).toBe(429);
    expect(answer.headers.has('retry-after')).toBe(false);
    expect(clock.delays).toEqual([]);
  });

  test('RH-01 where nothing is missing there is no time to wait for', async () => {
    const { get } = limited({ ...perUser, cost: () => 0 });
    expect((await get()).headers.get('ratelimit')).toBe('"default";r=2');
  });

  test('RL-02 a refusal says whether waiting is of use', async () => {
    let units = 2;
    const { get } = limited({ ...perUser, cost: () => units });
    await get();
    const details: string[] = [];
    for (units of [1, 3]) details.push((await (await get()).json()).detail);
    expect(details).toEqual([
      'Too many requests.',
      'This request takes more than is ever granted at once.',
    ]);
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
          const time = new VirtualClock(undefined, undefined, promisesTurn);
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
    // 'burst' has what it had: however often 'daily' refuses, nothing is taken from it.
    for (let times = 0; times < 3; times++) await get();
    const still = parseRateLimit((await get()).headers.get('ratelimit') ?? '');
    expect(still).toMatchObject([
      { name: 'burst', remaining: 1 },
      { name: 'daily', remaining: 0 },
    ]);
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

  test('RL-12 marks the request with the names of all that it went beyond', async () => {
    const seen: (readonly string[])[] = [];
    const run = rateLimit(
      ['a', 'b'].map((name) => ({ ...perUser, name, limit: 1, enforce: false })),
      { clock },
    )(async (_, context) => {
      seen.push(context.get(exceededLimits));
      return new Response();
    });
    const context = Context.background('inbound');
    for (let call = 0; call < 2; call++) await run(new Request('http://shop.example/'), context);
    expect(seen).toEqual([[], ['a', 'b']]);
  });

  test('RL-12 does not keep another one from being enforced, nor holds anyone up', async () => {
    const { get } = limited([
      { ...perUser, name: 'shadow', limit: 10, burst: 1, enforce: false, maxWait: '1m' },
      { ...perUser, name: 'real', limit: 2 },
    ]);
    expect(await statuses([get(), get()])).toEqual([200, 200]);
    const refused = await get();
    expect((await refused.json())['violated-policies']).toEqual(['real']);
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

test('a cost that makes no sense rejects the request that it was asked for', async () => {
  const { get } = limited({ ...perUser, cost: () => Number.NaN });
  await expect((async () => await get())()).rejects.toThrow('rateLimit.cost: it returned NaN');
});
