import { describe, expect, test } from 'vitest';
import { peerAddress } from '../../src/core/address.ts';
import { claims } from '../../src/core/claims.ts';
import { Context } from '../../src/core/context.ts';
import { compileChooser } from '../../src/routing/choose.ts';
import { compileKeys } from '../../src/routing/key-expression.ts';
import { RequestFacts } from '../../src/routing/request-facts.ts';
import { compileSplit } from '../../src/routing/split.ts';
import { hash32, stickyChoice, stickyCookieName } from '../../src/routing/sticky.ts';

/** How many of a thousand evenly spaced draws each destination gets. */
function shares(weights: readonly number[]): number[] {
  const split = compileSplit(weights.map((weight) => ({ weight })));
  const counts = weights.map(() => 0);
  for (let draw = 0; draw < 1_000; draw++) {
    const index = split.choose(draw / 1_000);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

describe('LB-10: a split', () => {
  test('gives each its share, whatever the weights sum to', () => {
    expect(shares([20, 80])).toEqual([200, 800]);
    expect(shares([1, 4])).toEqual([200, 800]);
    expect(shares([33.3, 33.3, 33.4])).toEqual([333, 333, 334]);
  });

  test('pitfall 23: 0 is never, all is always', () => {
    expect(shares([0, 100])).toEqual([0, 1_000]);
    expect(shares([100, 0])).toEqual([1_000, 0]);
    expect(shares([0, 1, 0])).toEqual([0, 1_000, 0]);
    const split = compileSplit([{ weight: 100 }, { weight: 0 }]);
    expect(split.choose(0.999_999_999_999_999_9)).toBe(0);
  });

  test.each([[[-1, 2]], [[Number.NaN]], [[0, 0]], [[]], [[Number.POSITIVE_INFINITY]]])(
    'weights of %j are refused',
    (weights) => {
      expect(() => compileSplit(weights.map((weight) => ({ weight })))).toThrow(RangeError);
    },
  );
});

describe('a sticky choice', () => {
  const growing = [10, 25, 50, 100].map((weight) =>
    compileSplit([{ weight }, { weight: 100 - weight }]),
  );

  test('moves nobody back while the canary grows, and gives it its share', () => {
    const counts = growing.map(() => 0);
    let flips = 0;
    for (let caller = 0; caller < 25_000; caller++) {
      let wasCanary = false;
      for (const [step, split] of growing.entries()) {
        const isCanary = stickyChoice(split, 'users', `caller-${caller}`) === 0;
        if (wasCanary && !isCanary) flips += 1;
        if (isCanary) counts[step] = (counts[step] ?? 0) + 1;
        wasCanary = isCanary;
      }
    }
    expect(flips).toBe(0);
    const wanted = [0.1, 0.25, 0.5, 1];
    for (const [step, count] of counts.entries()) {
      expect(Math.abs(count / 25_000 - (wanted[step] ?? 0))).toBeLessThan(0.008);
    }
  });

  test('routes choose apart from each other', () => {
    const half = compileSplit([{ weight: 50 }, { weight: 50 }]);
    let same = 0;
    for (let caller = 0; caller < 1_000; caller++) {
      const key = String(caller);
      if (stickyChoice(half, 'a', key) === stickyChoice(half, 'b', key)) same += 1;
    }
    expect(same).toBeGreaterThan(400);
    expect(same).toBeLessThan(600);
  });

  test('the hash is the same everywhere', () => {
    expect([hash32(''), hash32('a'), hash32('users|ada'), hash32('ü€😀')]).toEqual([
      2_872_998_923, 2_448_022_055, 680_691_909, 3_565_330_893,
    ]);
  });

  test('a forged key of any length costs no more than another', () => {
    const split = compileSplit([{ weight: 50 }, { weight: 50 }]);
    const long = 'x'.repeat(1_000_000);
    expect(stickyChoice(split, 'a', long)).toBe(stickyChoice(split, 'a', long.slice(0, 256)));
  });

  test('cookie names are tokens, and differ where routes do', () => {
    expect(stickyCookieName('users')).toBe('fm_users');
    const odd = ['/api/users', '/api_users', 'a;b', 'a b'].map(stickyCookieName);
    for (const name of odd) expect(name).toMatch(/^[\w-]+$/);
    expect(new Set(odd).size).toBe(odd.length);
  });
});

describe('keys', () => {
  const url = new URL('http://shop.example/?tenant=acme');
  const facts = new RequestFacts(
    new Request(url, {
      headers: { 'x-user-id': 'ada', cookie: 'sid=s1', baggage: 'tenant=b1' },
    }),
    url,
    '/',
  );
  const context = Context.background('inbound')
    .with(peerAddress, '10.0.0.1')
    .with(claims, { sub: 'jwt-sub', n: 7 });
  const read = (...expressions: string[]): string | undefined =>
    compileKeys(expressions, 'users')?.(facts, context);

  test.each([
    ['ip', '10.0.0.1'],
    ['header:x-user-id', 'ada'],
    ['header:absent', undefined],
    ['cookie:sid', 's1'],
    ['query:tenant', 'acme'],
    ['baggage:tenant', 'b1'],
    ['jwt:sub', 'jwt-sub'],
    ['jwt:n', '7'],
    ['jwt:toString', undefined],
    ['route', 'users'],
    ['global', ''],
  ])('%s reads %s', (expression, expected) => {
    expect(read(expression)).toBe(expected);
  });

  test('a list is joined so that no two callers share a key', () => {
    expect(read('header:x-user-id', 'query:tenant')).toBe('3:ada4:acme');
    expect(read('header:x-user-id', 'header:absent')).toBeUndefined();
  });

  test('what is no key expression is refused', () => {
    expect(compileKeys(['header'], 'users')).toBeUndefined();
    expect(() =>
      compileChooser({
        routeName: 'users',
        destinations: [{ weight: 1 }, { weight: 1 }],
        sticky: { by: ['nothing'], ttlMs: 1 },
        random: () => 0,
      }),
    ).toThrow(/key expressions/);
  });
});
