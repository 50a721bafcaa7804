import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileMatcher } from '../../src/routing/match.ts';
import { RequestFacts } from '../../src/routing/request-facts.ts';
import { type Reach, ReachIndex } from '../../src/rules/reachability.ts';

function reach(path: string, others: Partial<Reach> = {}): Reach {
  return {
    path,
    trailingSlash: 'strict',
    methods: undefined,
    hosts: undefined,
    match: [],
    ...others,
  };
}

function covers(earlier: Reach, later: Reach): boolean {
  const index = new ReachIndex<Reach>();
  index.add(earlier);
  return index.coveringOf(later, () => 0) === earlier;
}

describe('ReachIndex', () => {
  test.each([
    ['/**', '/'],
    ['/**', '/**'],
    ['/**', '~^/v1'],
    ['/payment/**', '/payment'],
    ['/payment/**', '/payment/'],
    ['/payment/**', '/payment/:id/**'],
    ['/users/*', '/users/:id'],
    ['/users/{id}', '/users/*'],
    ['/users/:id', '/users/42'],
    ['~^/v[0-9]+/', '/v1/users'],
    ['~^/v[0-9]+/', '~^/v[0-9]+/'],
  ])('%s takes all of %s', (earlier, later) => {
    expect(covers(reach(earlier), reach(later))).toBe(true);
  });

  test.each([
    ['/payment/**', '/payments'],
    ['/payment/**', '/**'],
    ['/users/*', '/users/'],
    ['/users/*', '/users/**'],
    ['/users/*', '/users/a/b'],
    ['/users/42', '/users/:id'],
    ['/users', '/users/'],
    ['~^/v[0-9]+/', '/v1/**'],
    ['~^/v[0-9]+/', '~^/v1/'],
    ['/users/**', '~^/users/'],
  ])('%s leaves something of %s', (earlier, later) => {
    expect(covers(reach(earlier), reach(later))).toBe(false);
  });

  test('a slash at the end counts as the routes say', () => {
    const ignoring = reach('/a', { trailingSlash: 'ignore' });
    expect(covers(ignoring, reach('/a/'))).toBe(true);
    expect(covers(reach('/a/', { trailingSlash: 'ignore' }), reach('/a'))).toBe(true);
    expect(covers(reach('/a'), ignoring)).toBe(false);
    expect(covers(reach('/a/**'), ignoring)).toBe(true);
  });

  test('E7: an earlier route with a narrower method, host or condition takes not everything', () => {
    const canary = [{ headers: { 'x-env': 'canary' } }];
    const both = [{ headers: { 'x-env': 'canary' }, query: { q: '*' } }];
    expect(covers(reach('/a', { methods: ['GET'] }), reach('/a'))).toBe(false);
    expect(
      covers(reach('/a', { methods: ['GET', 'PUT'] }), reach('/a', { methods: ['GET'] })),
    ).toBe(true);
    expect(covers(reach('/a', { hosts: ['a.example'] }), reach('/a'))).toBe(false);
    expect(
      covers(reach('/a', { hosts: ['*.example'] }), reach('/a', { hosts: ['a.example'] })),
    ).toBe(true);
    expect(covers(reach('/a', { hosts: ['*.example'] }), reach('/a', { hosts: ['example'] }))).toBe(
      false,
    );
    expect(covers(reach('/a', { match: canary }), reach('/a'))).toBe(false);
    expect(covers(reach('/a', { match: canary }), reach('/a', { match: both }))).toBe(true);
    expect(covers(reach('/a', { match: both }), reach('/a', { match: canary }))).toBe(false);
    expect(
      covers(reach('/a', { match: canary }), reach('/a', { match: [...both, ...canary] })),
    ).toBe(true);
  });

  test('the first of several is the one that counts', () => {
    const routes = ['/b', '/a/:id', '/a/**'].map((path) => reach(path));
    const index = new ReachIndex<Reach>();
    for (const route of routes) index.add(route);
    expect(index.coveringOf(reach('/a/1'), (route) => routes.indexOf(route))).toBe(routes[1]);
  });

  test('agrees with the matcher: what is covered is never found', () => {
    const segment = fc.constantFrom('a', 'b', '*', ':id', '');
    const path = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([segments, isOpen]) => `/${segments.join('/')}${isOpen ? '/**' : ''}`)
      .filter((text) => !text.includes('//') && text.split(':id').length <= 2);
    const route = fc
      .tuple(
        path,
        fc.constantFrom('strict', 'ignore'),
        fc.constantFrom(undefined, ['GET'], ['PUT']),
      )
      .map(([text, trailingSlash, methods]) => reach(text, { trailingSlash, methods }));
    const asked = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        route,
        route,
        fc.array(asked, { minLength: 20, maxLength: 20 }),
        (earlier, later, paths) => {
          fc.pre(covers(earlier, later));
          const matcher = compileMatcher([earlier, later]);
          for (const segments of paths) {
            const text = `/${segments.join('/')}`.replace(/\/+/g, '/');
            for (const method of ['GET', 'PUT']) {
              const url = new URL(text, 'http://shop.example');
              const facts = new RequestFacts(new Request(url, { method }), url, text);
              expect(matcher.find(facts), text).not.toBe(1);
            }
          }
        },
      ),
    );
  });
});
