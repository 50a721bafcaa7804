import { describe, expect, test } from 'vitest';
import { inbound } from '../../src/index.ts';
import { type RateLimit, rateLimit } from '../../src/policies/rate-limit.ts';
import { cfRateLimit, type RateLimitBinding } from '../../src/stores/cf-ratelimit.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const limit = { limit: 1_000, per: '1s', by: () => 'all' } as const;

describe('a limit that a platform keeps', () => {
  function limited(binding: RateLimitBinding, more: Partial<RateLimit> = {}) {
    const clock = new VirtualClock();
    const by = ({ headers }: Request) => headers.get('x-user');
    const platform = cfRateLimit(binding);
    const settings: RateLimit = {
      name: 'api',
      limit: 2,
      per: '60s',
      by,

      platform,
    };
    const policy = rateLimit({ ...settings, ...more }, { clock, scope: 'shop' });
    const app = inbound(() => new Response('hello'), policy);
    const get = (user: string) =>
      app(new Request('http://shop.example/', { headers: { 'x-user': user } }));
    return { get, clock };
  }

  /** As the binding counts. */
  function counting(most: number) {
    const counts = new Map<string, number>();
    const binding: RateLimitBinding = {
      async limit({ key }) {
        counts.set(key, (counts.get(key) ?? 0) + 1);
        return { success: (counts.get(key) as number) <= most };
      },
    };
    return { binding, counts };
  }

  test('asks the binding for each request, key by key, and tells nothing that it does not know', async () => {
    const { binding, counts } = counting(2);
    const { get } = limited(binding);
    const answers = [await get('ada'), await get('ada'), await get('ada'), await get('bob')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 200]);
    expect([...counts.keys()]).toEqual(['shop:api:ada', 'shop:api:bob']);
    const [passed, , refused] = answers as [Response, Response, Response];
    for (const answer of [passed, refused]) {
      expect(answer.headers.has('ratelimit')).toBe(false);
      expect(answer.headers.has('ratelimit-policy')).toBe(false);
    }
    // No earlier moment is known.
    expect(refused.headers.get('retry-after')).toBe('60');
  });

  test.each([
    ['closed', [503, 503, 503]],
    ['open', [200, 200, 200]],
    ['local', [200, 200, 429]],
  ] as const)(
    'ST-04 a platform that fails is a store that is out: %s',
    async (onStoreError, statuses) => {
      const binding = { limit: () => Promise.reject(new Error('internal error')) };
      const { get } = limited(binding, { onStoreError });
      const answers = [await get('ada'), await get('ada'), await get('ada')];
      expect(answers.map(({ status }) => status)).toEqual(statuses);
    },
  );

  test('ST-04 and so is one that does not answer', async () => {
    const { get, clock } = limited(
      { limit: () => new Promise(() => {}) },
      { onStoreError: 'open' },
    );
    const answer = get('ada');
    await clock.advance(25);
    expect((await answer).status).toBe(200);
  });

  const platform = cfRateLimit(counting(1).binding);
  test.each<[Partial<RateLimit>, string]>([
    [{ platform, burst: 2 }, 'rateLimit.burst: the limit of a platform has none'],
    [{ platform, cost: 2 }, 'rateLimit.cost: the limit of a platform has none'],
    [{ platform, maxWait: '1s' }, 'rateLimit.maxWait: the limit of a platform'],
  ])('%j is refused', (more, message) => {
    expect(() => rateLimit({ ...limit, ...more })).toThrow(message);
  });

  test('says what is missing where there is no binding', () => {
    expect(() => cfRateLimit(undefined as never)).toThrow(
      'cfRateLimit: there is no rate limit binding; is it under [[ratelimits]] in wrangler.toml?',
    );
  });
});
