import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import { compileMatcher, type MatchableRoute } from '../../src/routing/match.ts';
import { factsOf, linearFind } from '../support/linear-matcher.ts';

function find(routes: readonly MatchableRoute[], path: string, method = 'GET'): number | undefined {
  return compileMatcher(routes).find(factsOf({ path, method }));
}

const paths = (...patterns: string[]): MatchableRoute[] => patterns.map((path) => ({ path }));

describe('texts that begin alike', () => {
  test.each([
    ['/abc', 0],
    ['/abd', 1],
    ['/ab', 2],
    ['/a', 3],
    ['/', undefined],
    ['/abcd', undefined],
    ['/abcd/e', 4],
    ['/abcd/f', undefined],
    ['/b', undefined],
  ])('%s', (path, index) => {
    expect(find(paths('/abc', '/abd', '/ab', '/a', '/abcd/e'), path)).toBe(index);
  });

  test('characters with the same low bits are told apart', () => {
    // U+0061, U+0161, U+2061 and U+0041 differ above the seventh bit, or in one below it.
    const routes = paths('/a', '/\u0161', '/\u2061', '/A', '/q');
    for (const [index, { path }] of routes.entries()) expect(find(routes, path)).toBe(index);
    for (const path of ['/1', '/\u0261', '/!', '/Q']) expect(find(routes, path)).toBeUndefined();
  });

  test('what stands for any segment in a pattern is a character like others in a path', () => {
    const routes = paths('/a/:id/c', '/b/**', '/d', '/a/b');
    expect(find(routes, '/a/*/c')).toBe(0);
    expect(find(routes, '/a/:id/c')).toBe(0);
    expect(find(routes, '/b**')).toBeUndefined();
    expect(find(routes, '/d*')).toBeUndefined();
  });
});

describe('a literal and any segment at one place', () => {
  test('both are followed, and the earlier route wins', () => {
    const patterns = ['/a/*/c', '/a/b/*', '/*/b/c'];
    for (const [index] of patterns.entries()) {
      const turned = [...patterns.slice(index), ...patterns.slice(0, index)];
      expect(find(paths(...turned), '/a/b/c')).toBe(0);
    }
    expect(find(paths(...patterns), '/a/b/d')).toBe(1);
    expect(find(paths(...patterns), '/x/b/c')).toBe(2);
    expect(find(paths(...patterns), '/x/y/c')).toBeUndefined();
  });

  test('a literal that fits only the beginning of a segment is none', () => {
    expect(find(paths('/users/me', '/users/:id'), '/users/me')).toBe(0);
    expect(find(paths('/users/me', '/users/:id'), '/users/melissa')).toBe(1);
    expect(find(paths('/users/me', '/users/:id'), '/users/m')).toBe(1);
    expect(find(paths('/users/me', '/users/:id/x'), '/users/me/x')).toBe(1);
  });

  test.each(['/a', '/*'])('eight thousand segments deep, below %s', (segment) => {
    const depth = 8_000;
    const other = segment === '/a' ? '/*' : '/a';
    // Now and then a route ends with the other kind of segment.
    const routes = paths(
      ...Array.from({ length: 50 }, (_, at) => `${segment.repeat((at + 1) * 160)}${other}/end`),
      `${'/*'.repeat(depth)}/b`,
      `${'/a'.repeat(depth)}/b`,
    );
    expect(find(routes, `${'/a'.repeat(depth)}/b`)).toBe(50);
    expect(find(routes, `${'/a'.repeat(depth)}/c`)).toBeUndefined();
  });
});

test('routes of one path are told apart by their methods', () => {
  const routes: MatchableRoute[] = [
    { path: '/a', methods: ['POST', 'PUT'] },
    { path: '/*', methods: ['DELETE'] },
    { path: '/a', methods: ['GET'] },
    { path: '/a', methods: ['DELETE', 'GET'] },
    { path: '/a' },
    { path: '/a', methods: ['OPTIONS'] },
  ];
  const byMethod = { POST: 0, PUT: 0, DELETE: 1, GET: 2, OPTIONS: 4, PATCH: 4 };
  for (const [method, index] of Object.entries(byMethod)) {
    expect(find(routes, '/a', method), method).toBe(index);
  }
  expect(find(routes.slice(0, 4), '/a', 'PATCH')).toBeUndefined();
});

test('any paths are found as by reading the patterns one after the other', () => {
  const text = fc.oneof(
    { weight: 6, arbitrary: fc.stringMatching(/^[ab]{0,4}$/) },
    { weight: 1, arbitrary: fc.constantFrom('\u0161', 'q', 'a\u0162', ':', 'a:b') },
  );
  const patternSegment = fc.oneof(
    { weight: 3, arbitrary: text.filter((text) => !text.startsWith(':')) },
    { weight: 1, arbitrary: fc.constant('*') },
  );
  const pattern = fc
    .tuple(fc.array(patternSegment, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([segments, goesOn]) => `/${segments.join('/')}${goesOn ? '/**' : ''}`)
    // Which the rules language refuses, since no canonical path has it.
    .filter((pattern) => !pattern.includes('//'));
  const route = fc.record(
    {
      path: pattern,
      trailingSlash: fc.constantFrom('strict' as const, 'ignore' as const),
      methods: fc.constantFrom(['GET'], ['POST'], ['PUT', 'GET']),
    },
    { requiredKeys: ['path'] },
  );
  const given = fc
    .array(fc.oneof({ weight: 5, arbitrary: text }, { weight: 1, arbitrary: fc.constant('*') }), {
      minLength: 1,
      maxLength: 5,
    })
    .map((segments) => canonicalPath(`/${segments.join('/')}`) as string);
  fc.assert(
    fc.property(
      fc.array(route, { maxLength: 30 }),
      fc.array(given, { minLength: 1, maxLength: 10 }),
      (routes, paths) => {
        const matcher = compileMatcher(routes);
        for (const path of paths) {
          const request = { method: 'GET', host: 'shop.example', path, headers: {}, query: {} };
          expect(matcher.find(factsOf(request)), JSON.stringify([routes, path])).toBe(
            linearFind(routes, request),
          );
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
