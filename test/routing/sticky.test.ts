import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileSplit } from '../../src/routing/split.ts';
import {
  hash32,
  stickyBucket,
  stickyChoice,
  stickyCookie,
  stickyCookieName,
} from '../../src/routing/sticky.ts';

/** FNV-1a as its authors publish it, over bytes. */
function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn;
  return Number(hash);
}

/** The finaliser of MurmurHash3. */
function fmix32(hash: number): number {
  let mixed = BigInt(hash);
  mixed = ((mixed ^ (mixed >> 16n)) * 0x85eb_ca6bn) & 0xffff_ffffn;
  mixed = ((mixed ^ (mixed >> 13n)) * 0xc2b2_ae35n) & 0xffff_ffffn;
  return Number(mixed ^ (mixed >> 16n));
}

describe('the hash', () => {
  test('the model agrees with published values of FNV-1a and of fmix32', () => {
    const ascii = (text: string): number => fnv1a(new TextEncoder().encode(text));
    expect([ascii(''), ascii('a'), ascii('foobar')]).toEqual([
      0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968,
    ]);
    // MurmurHash3_x86_32 of nothing is fmix32 of the seed.
    expect([fmix32(0), fmix32(1), fmix32(0xffff_ffff)]).toEqual([0, 0x514e_28b7, 0x81f1_6f39]);
  });

  test('is FNV-1a over UTF-8, finished with fmix32', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(hash32(text)).toBe(fmix32(fnv1a(new TextEncoder().encode(text))));
      }),
    );
  });

  test.each([
    '\ud800',
    '\udc00',
    'a\ud83d',
    '\ud83da',
    '\udc00\ud800',
    '😀',
    'ü€😀',
    '\u07ff\uffff',
    '\u007f\u0080',
    '\u0800',
    '\u{10000}\u{10ffff}',
    '\ud7ff\ue000',
    '\ud800a\udfff',
  ])('sees %j as TextEncoder does', (text) => {
    expect(hash32(text)).toBe(fmix32(fnv1a(new TextEncoder().encode(text))));
  });

  test('is the same everywhere', () => {
    expect(['', 'a', 'users|ada', 'ü€😀'].map(hash32)).toMatchInlineSnapshot(`
      [
        2872998923,
        444641715,
        1023063009,
        4256116799,
      ]
    `);
  });
});

describe('a sticky choice', () => {
  const steps = [10, 25, 50, 100];
  const growing = steps.map((weight) => compileSplit([{ weight }, { weight: 100 - weight }]));

  test('moves nobody back while the canary grows, and gives it its share', () => {
    const callers = 100_000;
    const counts = growing.map(() => 0);
    let flips = 0;
    for (let caller = 0; caller < callers; caller++) {
      let wasCanary = false;
      for (const [step, split] of growing.entries()) {
        const isCanary = stickyChoice(split, 'users', `caller-${caller}`) === 0;
        if (wasCanary && !isCanary) flips += 1;
        if (isCanary) counts[step] = (counts[step] ?? 0) + 1;
        wasCanary = isCanary;
      }
    }
    expect(flips).toBe(0);
    for (const [step, weight] of steps.entries()) {
      expect(Math.abs((counts[step] ?? 0) / callers - weight / 100)).toBeLessThan(0.005);
    }
  });

  test('moves nobody back, whatever the two weights are written as', () => {
    const weight = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(weight, weight, fc.constantFrom(1, 3, 10), fc.string(), (a, b, unit, key) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const before = compileSplit([{ weight: low / 10 }, { weight: (1_000 - low) / 10 }]);
        const after = compileSplit([{ weight: high * unit }, { weight: (1_000 - high) * unit }]);
        if (stickyChoice(before, 'users', key) === 0) {
          expect(stickyChoice(after, 'users', key)).toBe(0);
        }
      }),
    );
  });

  test('0 % is nobody and 100 % everybody', () => {
    const none = compileSplit([{ weight: 0 }, { weight: 100 }]);
    const all = compileSplit([{ weight: 100 }, { weight: 0 }]);
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect([stickyChoice(none, 'r', key), stickyChoice(all, 'r', key)]).toEqual([1, 0]);
      }),
    );
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

  test('a forged key of any length costs no more than another', () => {
    const split = compileSplit([{ weight: 50 }, { weight: 50 }]);
    const long = 'x'.repeat(1_000_000);
    expect(stickyChoice(split, 'a', long)).toBe(stickyChoice(split, 'a', long.slice(0, 256)));
    const bucketOf = (length: number) => stickyBucket('a', long.slice(0, length));
    expect(bucketOf(257)).toBe(bucketOf(256));
    expect(bucketOf(256)).not.toBe(bucketOf(255));
    expect(stickyBucket('a', 'yx')).not.toBe(stickyBucket('a', 'xx'));
  });

  test('is one of 10,000 buckets, the same everywhere and in every release', () => {
    expect(stickyBucket('users', 'ada')).toBe(hash32('users|ada') % 10_000);
    expect(stickyBucket('users', 'ada')).toBe(3_009);
  });
});

describe('the cookie', () => {
  test('names are tokens, and differ where routes do', () => {
    expect(stickyCookieName('users')).toBe('fm_users');
    // Callers come back with the names of earlier releases.
    expect(stickyCookieName('/api/users')).toBe('fm__api_users_1qn3kov');
    const odd = ['/api/users', '/api_users', 'a;b', 'a b', 'ü', '😀', ''].map(stickyCookieName);
    for (const name of odd) expect(name).toMatch(/^[\w-]+$/);
    expect(new Set(odd).size).toBe(odd.length);
  });

  test('is out of reach of scripts, sent along by links, and over https only where https is', () => {
    const cookie = { name: 'fm_users', key: 'k', ttlMs: 3_600_000 };
    expect(stickyCookie({ ...cookie, secure: true })).toBe(
      'fm_users=k; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax; Secure',
    );
    expect(stickyCookie({ ...cookie, secure: false })).toBe(
      'fm_users=k; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax',
    );
  });

  test('a life below a second does not take it away', () => {
    const cookie = stickyCookie({ name: 'fm_users', key: 'k', ttlMs: 500, secure: false });
    expect(cookie).toContain('Max-Age=1;');
  });
});
