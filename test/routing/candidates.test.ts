import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, Candidates } from '../../src/routing/candidates.ts';
import { compileConditions, type MatchConditions } from '../../src/routing/conditions.ts';
import { compileMatcher, type MatchableRoute } from '../../src/routing/match.ts';
import type { RequestFacts } from '../../src/routing/request-facts.ts';
import { factsOf, linearFind, type PlainRequest } from '../support/linear-matcher.ts';

/** Candidates that note whose methods were asked for, which is the first thing that trying one does. */
function watched(matches: readonly (readonly MatchConditions[])[]): {
  candidates: Candidates;
  tried: number[];
} {
  const tried: number[] = [];
  const list = matches.map((match, index): Candidate => {
    const methods = new Set(['GET']);
    methods.has = (method) => {
      tried.push(index);
      return method === 'GET';
    };
    return { index, methods, alternatives: match.map((entry) => compileConditions(entry)) };
  });
  return { candidates: new Candidates(list), tried };
}

const asking = (value: string): RequestFacts => factsOf({ path: '/', headers: { x: value } });

describe('candidates that ask one thing for equality', () => {
  test('P3: of fifty on one header only the right one is tried', () => {
    const { candidates, tried } = watched(
      Array.from({ length: 50 }, (_, index) => [{ headers: { x: `v${index}` } }]),
    );
    expect(candidates.first(asking('v42'), Number.POSITIVE_INFINITY)).toBe(42);
    expect(tried).toEqual([42]);
  });

  test('so it is where each has several entries that all ask for it', () => {
    const { candidates, tried } = watched(
      Array.from({ length: 50 }, (_, index) => [
        { headers: { x: `a${index}` }, query: { q: '*' } },
        { headers: { x: `b${index}` } },
      ]),
    );
    expect(candidates.first(asking('b42'), Number.POSITIVE_INFINITY)).toBe(42);
    expect(tried).toEqual([42]);
  });

  test('one entry that does not ask keeps a candidate out of the index', () => {
    const { candidates } = watched([
      ...Array.from({ length: 9 }, (_, index) => [{ headers: { x: `v${index}` } }]),
      [{ headers: { x: 'other' } }, { query: { q: '!*' } }],
    ]);
    expect(candidates.first(asking('unknown'), Number.POSITIVE_INFINITY)).toBe(9);
  });

  test('none is tried that comes after what was found already', () => {
    const { candidates, tried } = watched(
      Array.from({ length: 9 }, () => [{ headers: { x: 'v' } }]),
    );
    expect(candidates.first(asking('v'), 0)).toBe(0);
    expect(tried).toEqual([]);
  });

  test('in whatever order they come, the lowest is found', () => {
    const fitting = [2, 0, 1].map(
      (index): Candidate => ({ index, methods: new Set(['GET']), alternatives: [] }),
    );
    const candidates = new Candidates(fitting);
    expect(candidates.lowest).toBe(0);
    expect(candidates.first(asking('v'), Number.POSITIVE_INFINITY)).toBe(0);
    expect(new Candidates([]).first(asking('v'), 7)).toBe(7);
  });

  test('find what reading the rules one after the other finds', () => {
    const value = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('1', '2', '3') },
      { weight: 1, arbitrary: fc.constantFrom('1*', '*', '!*', '!1', '~[12]') },
    );
    const some = (...names: string[]): fc.Arbitrary<Record<string, string>> =>
      fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 2 });
    const entry = fc.record(
      // A header, a parameter, a cookie and a member of the same name are four things.
      { headers: some('a', 'B'), query: some('a'), cookies: some('a'), baggage: some('a') },
      { requiredKeys: [] },
    );
    // One path for all, so that they meet in one set.
    const route: fc.Arbitrary<MatchableRoute> = fc.record(
      {
        path: fc.constant('/a'),
        methods: fc.constantFrom(['GET'], ['POST']),
        match: fc.array(entry, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ['path', 'match'] },
    );
    const plain = (...names: string[]): fc.Arbitrary<Record<string, string>> =>
      fc.dictionary(fc.constantFrom(...names), fc.constantFrom('1', '2', '12'));
    const request: fc.Arbitrary<PlainRequest> = fc.record({
      method: fc.constantFrom('GET', 'POST'),
      host: fc.constant('shop.example'),
      path: fc.constant('/a'),
      headers: plain('a', 'b'),
      query: plain('a'),
      cookies: plain('a'),
      baggage: plain('a'),
    });
    fc.assert(
      fc.property(
        fc.array(route, { minLength: 4, maxLength: 30 }),
        fc.array(request, { minLength: 1, maxLength: 6 }),
        (routes, requests) => {
          const matcher = compileMatcher(routes);
          for (const one of requests) {
            expect(matcher.find(factsOf(one)), JSON.stringify([routes, one])).toBe(
              linearFind(routes, one),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
