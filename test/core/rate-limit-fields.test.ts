import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatRateLimit,
  formatRateLimitPolicy,
  isPolicyName,
  parseRateLimit,
  parseRateLimitPolicy,
  type RateLimitItem,
  type RateLimitPolicyItem,
  rateLimitOf,
} from '../../src/core/rate-limit-fields.ts';
import vectors from '../vectors/ratelimit-headers.json' with { type: 'json' };

/** Without members that are `undefined`. */
function compact<T>(item: object): T {
  return JSON.parse(JSON.stringify(item)) as T;
}

const policies = vectors.policy.map(({ header, items }) => ({
  header,
  items: items.map(
    ({ name, q, w, qu, pk }: (typeof items)[number] & { qu?: string; pk?: string }) =>
      compact<RateLimitPolicyItem>({
        name,
        quota: q,
        windowSeconds: w,
        unit: qu,
        partitionKey: pk,
      }),
  ),
}));
const limits = vectors.limit.map(({ header, items }) => ({
  header,
  items: items.map(({ name, r, t, pk }: (typeof items)[number] & { t?: number; pk?: string }) =>
    compact<RateLimitItem>({ name, remaining: r, moreInSeconds: t, partitionKey: pk }),
  ),
}));

describe('the examples of the draft', () => {
  test.each(policies)('RH-01, RH-05 RateLimit-Policy: $header', ({ header, items }) => {
    expect(parseRateLimitPolicy(header)).toEqual(items);
    expect(formatRateLimitPolicy(items)).toBe(header.replaceAll(',', ', '));
  });

  test.each(limits)('RH-01 RateLimit: $header', ({ header, items }) => {
    expect(parseRateLimit(header)).toEqual(items);
    expect(formatRateLimit(items)).toBe(header);
  });
});

describe('RH-02', () => {
  test.each([
    '',
    'default;r=50',
    '"default"',
    '"default";r',
    '"default";r=-1',
    '"default";r=1.5',
    '"default";r="5"',
    '"default";r=5;t=-1',
    '"default";r=5;pk=YQ==',
    '"default";r=5,',
    '"default";r=5 "other";r=6',
    '"default";r=5, other',
    '"default;r=5',
    '"d\\efault";r=5',
    '"défault";r=5',
    '"default" ;r=5',
    '"default";R=5',
    '("default");r=5',
    '50;r=5',
    '"a";r=1234567890123456',
    '"a";r=5;=4',
  ])('a malformed field counts for nothing: %s', (value) => {
    expect(parseRateLimit(value)).toBeUndefined();
  });

  test.each(['"p";w=60', '"p";q=1;w=0', '"p";q=1;w=1.5', '"p";q=1;qu=requests', '"p";q=a'])(
    'nor does a malformed policy: %s',
    (value) => {
      expect(parseRateLimitPolicy(value)).toBeUndefined();
    },
  );

  test.each([
    '"a";r=5;x',
    '"a";r=5;x=?1;y=tok/en:1;z="text";n=-1.25;d=@1659578233;b=:YQ:;u=%"f%c3%bc"',
    ' "a"; r=5 ',
    '"a";r=4;r=5',
    '"a";constructor=1;r=5;__proto__=3'.replace('__proto__', '*proto'),
  ])('parameters that are unknown are passed over: %s', (value) => {
    expect(parseRateLimit(value)).toEqual([{ name: 'a', remaining: 5 }]);
  });
});

test('RH-04 what a response from a cache says does not count', () => {
  const headers = { ratelimit: '"a";r=0;t=10' };
  const items = [{ name: 'a', remaining: 0, moreInSeconds: 10 }];
  expect(rateLimitOf(new Response(null, { headers }))).toEqual(items);
  expect(rateLimitOf(new Response(null, { headers: { ...headers, age: '0' } }))).toEqual(items);
  expect(rateLimitOf(new Response(null, { headers: { ...headers, age: '3' } }))).toBeUndefined();
  expect(rateLimitOf(new Response())).toBeUndefined();
});

describe('any list', () => {
  const name = fc.string({ minLength: 1, maxLength: 20 }).filter(isPolicyName);
  const partitionKey = fc.base64String({ maxLength: 12 });
  const whole = fc.integer({ min: 0, max: 1e12 });
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

  test('is read back as it was written', () => {
    const policy: fc.Arbitrary<RateLimitPolicyItem> = fc
      .record({
        name,
        quota: whole,
        windowSeconds: optional(fc.integer({ min: 1, max: 1e9 })),
        unit: optional(name),
        partitionKey: optional(partitionKey),
      })
      .map(compact<RateLimitPolicyItem>);
    const limit: fc.Arbitrary<RateLimitItem> = fc
      .record({
        name,
        remaining: whole,
        moreInSeconds: optional(whole),
        partitionKey: optional(partitionKey),
      })
      .map(compact<RateLimitItem>);
    const lists = fc.record({
      policies: fc.array(policy, { minLength: 1, maxLength: 4 }),
      limits: fc.array(limit, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(lists, ({ policies, limits }) => {
        expect(parseRateLimitPolicy(formatRateLimitPolicy(policies))).toEqual(policies);
        expect(parseRateLimit(formatRateLimit(limits))).toEqual(limits);
      }),
      { seed: 3 },
    );
  });

  test('and no text makes the reader throw', () => {
    const noise = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'"a;,=: r1\\') }));
    fc.assert(
      fc.property(noise, (text) => {
        parseRateLimit(text);
        parseRateLimitPolicy(text);
      }),
      { seed: 4, numRuns: 2_000 },
    );
  });
});
