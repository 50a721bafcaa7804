import { describe, expect, test } from 'vitest';
import { clientScheme } from '../../src/core/client-scheme.ts';
import { Context } from '../../src/core/context.ts';
import { type ChooserOptions, compileChooser } from '../../src/routing/choose.ts';
import { factsOf } from '../support/linear-matcher.ts';

const context = Context.background('inbound');
const options: ChooserOptions = {
  routeName: 'users',
  destinations: [{ weight: 50 }, { weight: 50 }],
  random: () => 0.7,
};
const sticky = { by: ['cookie:sid'], ttlMs: 3_600_000 };

describe('the choice of a destination', () => {
  test('LB-10: is by chance where callers need not keep it, and sets no cookie', () => {
    const choose = compileChooser(options);
    expect(choose(factsOf({ path: '/' }), context)).toEqual({ index: 1, cookie: undefined });
  });

  test.each([undefined, sticky])('is none where there is one destination, sticky: %j', (kept) => {
    const choose = compileChooser({ ...options, destinations: [{ weight: 1 }], sticky: kept });
    expect(choose(factsOf({ path: '/' }), context)).toEqual({ index: 0, cookie: undefined });
  });

  test.each([
    ['http', undefined, false],
    ['https', undefined, true],
    ['http', 'https', true],
    ['https', 'http', false],
  ] as const)(
    'over %s, and as a proxy tells %s, is kept by a cookie that says Secure: %s',
    (scheme, told, isSecure) => {
      const choose = compileChooser({ ...options, sticky });
      const facts = Object.defineProperty(factsOf({ path: '/' }), 'isSecure', {
        value: scheme === 'https',
      });
      const { cookie } = choose(facts, context.with(clientScheme, told));
      expect(cookie?.includes('; Secure')).toBe(isSecure);
      expect(cookie).toContain('; Max-Age=3600;');
    },
  );

  test('sets no cookie for a caller who brings a key', () => {
    const choose = compileChooser({ ...options, sticky });
    const choices = ['a', 'a', 'a'].map((sid) =>
      choose(factsOf({ path: '/', cookies: { sid } }), context),
    );
    expect(new Set(choices.map(({ index }) => index)).size).toBe(1);
    expect(choices[0]?.cookie).toBeUndefined();
  });

  test('gives others a cookie with a random key, which brings them back', () => {
    const choose = compileChooser({ ...options, sticky });
    for (let caller = 0; caller < 20; caller++) {
      const first = choose(factsOf({ path: '/' }), context);
      const key = /^fm_users=([\w-]{36});/.exec(first.cookie ?? '')?.[1] ?? '';
      const again = choose(factsOf({ path: '/', cookies: { fm_users: key } }), context);
      expect(again).toEqual({ index: first.index, cookie: undefined });
    }
  });

  test('takes a forged or endless cookie for a key like any other', () => {
    const choose = compileChooser({ ...options, sticky });
    for (const forged of ['users@v2', '0', '"', 'x'.repeat(10_000)]) {
      const { index, cookie } = choose(
        factsOf({ path: '/', cookies: { fm_users: forged } }),
        context,
      );
      expect([0, 1]).toContain(index);
      expect(cookie).toBeUndefined();
    }
  });

  test.each([[['nothing']], [['header']], [[]]])('key expressions of %j are refused', (by) => {
    expect(() => compileChooser({ ...options, sticky: { ...sticky, by } })).toThrow(
      /key expressions/,
    );
  });
});
