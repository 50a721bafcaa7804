import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import { compileMatcher, type MatchableRoute } from '../../src/routing/match.ts';
import { factsOf, linearFind, type PlainRequest } from '../support/linear-matcher.ts';

/** Which of the routes takes the path. */
function find(
  routes: readonly (string | MatchableRoute)[],
  request: string | (Partial<PlainRequest> & { path: string }),
): number | undefined {
  const matcher = compileMatcher(
    routes.map((route) => (typeof route === 'string' ? { path: route } : route)),
  );
  return matcher.find(factsOf(typeof request === 'string' ? { path: request } : request));
}

describe('paths', () => {
  test.each([
    ['/a/b', '/a/b', true],
    ['/a/b', '/a/b/', false],
    ['/a/b', '/a', false],
    ['/a/b', '/A/b', false],
    ['/', '/', true],
    ['/', '/a', false],
    ['/*', '/a', true],
    ['/*', '/', false],
    ['/*', '/a/b', false],
    ['/a/*/c', '/a/b/c', true],
    ['/a/*/c', '/a//c', false],
    ['/users/:id', '/users/42', true],
    ['/users/{id}', '/users/42', true],
    ['/users/:id', '/users/', false],
    ['/users/:id', '/users/42/x', false],
    ['/payment/**', '/payment', true],
    ['/payment/**', '/payment/', true],
    ['/payment/**', '/payment/a/b', true],
    ['/payment/**', '/payments', false],
    ['/**', '/', true],
    ['/**', '/a/b', true],
    ['/:a/**', '/x', true],
    ['/:a/**', '/', false],
    ['~^/v[0-9]+/', '/v2/users', true],
    ['~^/v[0-9]+/', '/vx/users', false],
    ['/a%2Fb', '/a%2Fb', true],
    ['/a%2Fb', '/a/b', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(find([pattern], path)).toBe(expected ? 0 : undefined);
  });

  test('trailing slashes count, unless they are to be ignored', () => {
    const ignoring = (path: string): MatchableRoute => ({ path, trailingSlash: 'ignore' });
    expect(find([ignoring('/a')], '/a/')).toBe(0);
    expect(find([ignoring('/a/')], '/a')).toBe(0);
    expect(find([ignoring('/a/:id')], '/a/1/')).toBe(0);
    expect(find([ignoring('/')], '/')).toBe(0);
    expect(find(['/a'], '/a/')).toBeUndefined();
  });

  test.each([
    ['a', /begins with `\/`/],
    ['/**/a', /only at the end/],
    ['/a*b', /neither text nor a segment/],
    ['/:id/:id', /twice/],
    ['/a?b=1', /no `\?`/],
    ['~(', /./],
  ])('%s is no pattern', (pattern, expected) => {
    expect(() => compileMatcher([{ path: pattern }])).toThrow(expected);
  });

  test('the first route that matches wins, whatever its shape', () => {
    expect(find(['/a/*', '/a/b', '/**'], '/a/b')).toBe(0);
    expect(find(['/a/b', '/a/*', '/**'], '/a/b')).toBe(0);
    expect(find(['/x', '~^/a/', '/a/b'], '/a/b')).toBe(1);
    expect(find(['/**', '/a/b'], '/a/b')).toBe(0);
  });

  test('a path of eight thousand segments is searched no deeper than the rules go', () => {
    expect(find(['/a/*/c', '/**'], `/${'a/'.repeat(8_000)}`)).toBe(1);
  });
});

describe('hosts and methods', () => {
  test('exact hosts and suffixes, without regard to case, port and the dot of a complete name', () => {
    const routes: MatchableRoute[] = [
      { path: '/**', hosts: ['API.shop.example'] },
      { path: '/**', hosts: ['*.shop.example'] },
      { path: '/**' },
    ];
    const at = (host: string): number | undefined => find(routes, { path: '/', host });
    expect(at('api.shop.example:8080')).toBe(0);
    expect(at('api.shop.example.')).toBe(0);
    expect(at('b.shop.example.:8080')).toBe(1);
    expect(at('a.b.shop.example')).toBe(1);
    expect(at('shop.example')).toBe(2);
    expect(at('evilshop.example')).toBe(2);
    expect(at('.shop.example')).toBe(2);
  });

  test('of two suffixes that fit, the earlier route counts, not the longer suffix', () => {
    const routes: MatchableRoute[] = [
      { path: '/**', hosts: ['*.example'] },
      { path: '/**', hosts: ['*.shop.example'] },
    ];
    expect(find(routes, { path: '/', host: 'api.shop.example' })).toBe(0);
    expect(find(routes.toReversed(), { path: '/', host: 'api.shop.example' })).toBe(0);
  });

  test('of a host of thousands of labels only the end is looked at', () => {
    const host = `${'a.'.repeat(7_000)}shop.example`;
    const facts = factsOf({ path: '/' });
    let cuts = 0;
    const watched = new Proxy(new String(host), {
      get: (text, property) => {
        if (property === 'slice') cuts += 1;
        const member: unknown = Reflect.get(text, property);
        return typeof member === 'function' ? member.bind(text) : member;
      },
    });
    Object.defineProperty(facts, 'hostname', { value: watched });
    const matcher = compileMatcher([{ path: '/**', hosts: ['*.shop.example'] }]);
    expect(matcher.find(facts)).toBe(0);
    expect(cuts).toBeLessThan(10);
  });

  test('an earlier route for any host wins over a later one for this host', () => {
    expect(find([{ path: '/a' }, { path: '/a', hosts: ['shop.example'] }], '/a')).toBe(0);
  });

  test('methods', () => {
    const routes: MatchableRoute[] = [{ path: '/a', methods: ['POST', 'PUT'] }, { path: '/a' }];
    expect(find(routes, { path: '/a', method: 'PUT' })).toBe(0);
    expect(find(routes, { path: '/a' })).toBe(1);
  });
});

describe('conditions', () => {
  const header = (wanted: string, headers: Record<string, string>): boolean =>
    find([{ path: '/', match: [{ headers: { 'X-Env': wanted } }] }], { path: '/', headers }) === 0;

  test.each([
    ['canary', { 'x-env': 'canary' }, true],
    ['canary', { 'x-env': 'Canary' }, false],
    ['canary', {}, false],
    ['can*', { 'x-env': 'canary' }, true],
    ['can*', { 'x-env': 'no' }, false],
    ['~^c.n', { 'x-env': 'canary' }, true],
    ['~^c.n', {}, false],
    ['*', { 'x-env': '' }, true],
    ['*', {}, false],
    ['!*', {}, true],
    ['!*', { 'x-env': 'a' }, false],
    ['!a', { 'x-env': 'b' }, true],
    ['!a', {}, true],
    ['!a', { 'x-env': 'a' }, false],
  ] as const)('%s against %o: %s', (wanted, headers, expected) => {
    expect(header(wanted, headers)).toBe(expected);
  });

  test('query, cookies and baggage are looked at alike', () => {
    const routes: MatchableRoute[] = [
      { path: '/', match: [{ query: { q: 'x y' } }] },
      { path: '/', match: [{ cookies: { beta: '1' } }] },
      { path: '/', match: [{ baggage: { plan: '~gold|platinum' } }] },
    ];
    expect(find(routes, { path: '/', query: { q: 'x y' } })).toBe(0);
    expect(find(routes, { path: '/', headers: { cookie: 'a=b; beta="1"; beta=2' } })).toBe(1);
    expect(find(routes, { path: '/', headers: { baggage: 'plan=platinum' } })).toBe(2);
    expect(find(routes, '/')).toBeUndefined();
  });

  test('within an entry all hold, of several entries one', () => {
    const routes: MatchableRoute[] = [
      { path: '/', match: [{ headers: { a: '1' }, query: { b: '2' } }, { headers: { c: '*' } }] },
    ];
    expect(find(routes, { path: '/', headers: { a: '1' } })).toBeUndefined();
    expect(find(routes, { path: '/', headers: { a: '1' }, query: { b: '2' } })).toBe(0);
    expect(find(routes, { path: '/', headers: { c: 'x' } })).toBe(0);
  });

  test('many routes on one header find theirs, in the order of the list', () => {
    const tenants = Array.from({ length: 50 }, (_, index) => ({
      path: '/',
      match: [{ headers: { 'x-tenant': `t${index % 40}` } }],
    }));
    const routes = [...tenants, { path: '/' }];
    expect(find(routes, { path: '/', headers: { 'x-tenant': 't7' } })).toBe(7);
    expect(find(routes, { path: '/', headers: { 'x-tenant': 't39' } })).toBe(39);
    expect(find(routes, { path: '/', headers: { 'x-tenant': 'other' } })).toBe(50);
  });

  test('names that objects are born with are just names', () => {
    const routes: MatchableRoute[] = [
      { path: '/', match: [{ cookies: { constructor: 'x' } }, { query: { toString: 'y' } }] },
    ];
    expect(find(routes, '/')).toBeUndefined();
    expect(find(routes, { path: '/', headers: { cookie: 'constructor=x' } })).toBe(0);
  });

  test('ten thousand cookies are not all read', () => {
    const cookie = Array.from({ length: 10_000 }, (_, index) => `c${index}=1`).join(';');
    const routes: MatchableRoute[] = [{ path: '/', match: [{ cookies: { c5: '1' } }] }];
    expect(find(routes, { path: '/', headers: { cookie } })).toBe(0);
  });
});

describe('the compiled matcher', () => {
  const segment = fc.constantFrom('a', 'b', 'c', '');
  const patternSegment = fc.constantFrom('a', 'b', 'c', '*', ':id');
  const pattern = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.array(patternSegment, { minLength: 1, maxLength: 4 }).map((parts) =>
        `/${parts.join('/')}`
          .replace(/:id(?=.*:id)/, '*')
          .replace(/:id(?=.*:id)/, '*')
          .replace(/:id(?=.*:id)/, '*'),
      ),
    },
    {
      weight: 4,
      arbitrary: fc
        .array(patternSegment, { maxLength: 3 })
        .map((parts) =>
          `/${[...parts, '**'].join('/')}`
            .replace(/:id(?=.*:id)/, '*')
            .replace(/:id(?=.*:id)/, '*'),
        ),
    },
    { weight: 1, arbitrary: fc.constantFrom('~^/a', '~b$', '~/c/') },
    { weight: 1, arbitrary: fc.constantFrom('/', '/a/', '/a/b/', '/{id}', '/a/{id}/b') },
  );
  const value = fc.constantFrom('1', '2', '3', '1*', '*', '!*', '!1', '~[12]');
  const conditions = fc.record(
    {
      headers: fc.dictionary(fc.constantFrom('x-a', 'x-b'), value, { maxKeys: 2 }),
      query: fc.dictionary(fc.constantFrom('q', 'r'), value, { maxKeys: 1 }),
      cookies: fc.dictionary(fc.constantFrom('c', '__proto__'), value, { maxKeys: 1 }),
      baggage: fc.dictionary(fc.constantFrom('b'), value, { maxKeys: 1 }),
    },
    { requiredKeys: [] },
  );
  const route: fc.Arbitrary<MatchableRoute> = fc.record(
    {
      path: pattern,
      trailingSlash: fc.constantFrom('strict' as const, 'ignore' as const),
      methods: fc.subarray(['GET', 'POST'], { minLength: 1 }),
      hosts: fc.subarray(['one.test', '*.test', 'a.two.test', '*.two.test', '*'], { minLength: 1 }),
      match: fc.array(conditions, { maxLength: 2 }),
    },
    { requiredKeys: ['path'] },
  );
  const plainValues = (names: readonly string[]) =>
    fc.dictionary(fc.constantFrom(...names), fc.constantFrom('1', '2', '12'), { maxKeys: 2 });
  const request: fc.Arbitrary<PlainRequest> = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    host: fc.constantFrom('one.test', 'two.test', 'a.two.test', 'b.a.two.test', 'other.example'),
    path: fc
      .array(segment, { minLength: 1, maxLength: 5 })
      .map((parts) => canonicalPath(`/${parts.join('/')}`) as string),
    headers: plainValues(['x-a', 'x-b']),
    query: plainValues(['q', 'r']),
    cookies: plainValues(['c', '__proto__']),
    baggage: plainValues(['b']),
  });

  test('agrees with the rules read one after the other', () => {
    fc.assert(
      fc.property(
        fc.array(route, { maxLength: 12 }),
        fc.array(request, { minLength: 1, maxLength: 8 }),
        (routes, requests) => {
          const matcher = compileMatcher(routes);
          for (const one of requests) {
            expect(matcher.find(factsOf(one)), JSON.stringify([routes, one])).toBe(
              linearFind(routes, one),
            );
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
