import { describe, expect, test } from 'vitest';
import { allHold, compileConditions } from '../../src/routing/conditions.ts';
import { factsOf } from '../support/linear-matcher.ts';

describe('a match string', () => {
  test.each([
    ['v', 'v', true],
    ['v', 'V', false],
    ['v', undefined, false],
    ['', '', true],
    ['', undefined, false],
    ['v*', 'v', true],
    ['v*', 'vw', true],
    ['v*', 'wv', false],
    ['v*', undefined, false],
    ['~b+', 'abbc', true],
    ['~^b', 'abbc', false],
    ['~', '', true],
    ['~', undefined, false],
    ['*', '', true],
    ['*', undefined, false],
    ['!*', undefined, true],
    ['!*', '', false],
    ['!v', undefined, true],
    ['!v', 'w', true],
    ['!v', 'v', false],
    ['!', '', false],
    ['!', 'v', true],
  ])('%j and %j: %s', (wanted, value, expected) => {
    const [condition] = compileConditions({ query: { q: wanted } });
    expect(condition?.holds(value)).toBe(expected);
  });

  test('equality alone is what an index can be built on', () => {
    const wanted = ['v', '', 'v*', '~v', '*', '!*', '!v'];
    const equals = wanted.map((text) => compileConditions({ query: { q: text } })[0]?.equals);
    expect(equals).toEqual(['v', '', ...Array(5).fill(undefined)]);
  });

  test('an expression that does not compile is refused', () => {
    expect(() => compileConditions({ headers: { x: '~(' } })).toThrow(SyntaxError);
  });

  test('an expression gives the same answer every time', () => {
    const [condition] = compileConditions({ query: { q: '~a' } });
    expect([1, 2, 3].map(() => condition?.holds('a'))).toEqual([true, true, true]);
  });
});

describe('the conditions of an entry', () => {
  test('hold together, wherever they look', () => {
    const conditions = compileConditions({
      headers: { 'X-A': '1' },
      query: { b: '2' },
      cookies: { c: '3' },
      baggage: { d: '4' },
    });
    const all = {
      path: '/',
      headers: { 'x-a': '1' },
      query: { b: '2' },
      cookies: { c: '3' },
      baggage: { d: '4' },
    };
    expect(allHold(conditions, factsOf(all))).toBe(true);
    for (const without of ['headers', 'query', 'cookies', 'baggage']) {
      expect(allHold(conditions, factsOf({ ...all, [without]: {} })), without).toBe(false);
    }
  });

  test('names of query, cookies and baggage are case-sensitive', () => {
    const facts = factsOf({
      path: '/',
      query: { q: '1' },
      cookies: { c: '1' },
      baggage: { b: '1' },
    });
    expect(allHold(compileConditions({ query: { Q: '*' } }), facts)).toBe(false);
    expect(allHold(compileConditions({ cookies: { C: '*' } }), facts)).toBe(false);
    expect(allHold(compileConditions({ baggage: { B: '*' } }), facts)).toBe(false);
  });

  test.each(['a b', '', 'a:b'])('%j is refused as a header: asking for it would throw', (name) => {
    expect(() => compileConditions({ headers: { [name]: '1' } })).toThrow(RangeError);
  });

  test('no conditions always hold', () => {
    expect(allHold(compileConditions({}), factsOf({ path: '/' }))).toBe(true);
  });
});
