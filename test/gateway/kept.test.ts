import { describe, expect, test } from 'vitest';
import { Kept } from '../../src/gateway/kept.ts';

const breaker = { kind: 'breaker', owner: 'users', settings: { failures: 5 } };

describe('what is kept over a reload (R5)', () => {
  test('is the same where kind, owner and block are unchanged', () => {
    const first = Kept.nothing();
    const made = first.keep(breaker, () => ({ opened: 1 }));
    expect(first.next().keep(breaker, () => ({ opened: 0 }))).toBe(made);
  });

  test.each([
    { ...breaker, owner: 'orders' },
    { ...breaker, kind: 'bulkhead' },
    { ...breaker, settings: { failures: 6 } },
  ])('is made anew for %j', (other) => {
    const first = Kept.nothing();
    const made = first.keep(breaker, () => ({}));
    expect(first.next().keep(other, () => ({}))).not.toBe(made);
  });

  test('is let go by a revision that does not ask for it', () => {
    const first = Kept.nothing();
    const made = first.keep(breaker, () => ({}));
    expect(
      first
        .next()
        .next()
        .keep(breaker, () => ({})),
    ).not.toBe(made);
  });

  test('is not touched by a revision that came to nothing', () => {
    const first = Kept.nothing();
    const made = first.keep(breaker, () => ({}));
    first.next();
    expect(first.next().keep(breaker, () => ({}))).toBe(made);
  });
});
