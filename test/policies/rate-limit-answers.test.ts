/** What callers of a limit are told: the fields of the answers, and the refusal. */

import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compose } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { parseRateLimit, parseRateLimitPolicy } from '../../src/core/rate-limit-fields.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { type RateLimit, type RateLimitOptions, rateLimit } from '../../src/policies/rate-limit.ts';
import { hello, limitedApp, perUser } from '../support/limited-app.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const limited = (limits: RateLimit | readonly RateLimit[], options: RateLimitOptions = {}) =>
  limitedApp(limits, { clock, ...options });

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
