import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createGateway } from '../../../src/gateway/gateway.ts';
import { stickyBucket, stickyCookieName } from '../../../src/routing/sticky.ts';
import { type Caller, explainRequest } from '../../../src/rules/explain/explain.ts';
import { renderExplanation } from '../../../src/rules/explain/render.ts';
import { parseRules } from '../../../src/rules/parse.ts';

const services = `services:
  web: http://web.internal
  users: { versions: { v1: "http://v1.internal", v2: "http://v2.internal" } }
`;

function explain(routes: string, path: string, init: RequestInit = {}, caller?: Caller) {
  const text = `${services}${routes}`;
  const { rules, diagnostics } = parseRules(text);
  if (rules === undefined) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  const request = new Request(path.startsWith('/') ? `http://shop.example${path}` : path, init);
  return explainRequest(rules, text, request, caller);
}

const whole = `defaults:
  timeout: 5s
  retries: { max: 1, retry_on: [connect, 502, 503, 504] }
  breaker: { error_rate: 50%, min_requests: 20, window: 10s, open_for: 5s }
auth:
  main: { issuer: "https://id.example.com/", audience: shop, jwks: "https://id.example.com/jwks.json" }
routes:
  - { path: /api/v1/users, to: users@v1 }
  - { name: users-beta, path: /api/v2/users/**, match: { headers: { x-tester: "true" } }, to: users@v2 }
  - name: users
    path: /api/v2/users/**
    to: { users@v1: 90, users@v2: 10 }
    sticky: { by: "cookie:sid", ttl: 1h }
    rate_limit: { limit: 100, per: 1m, burst: 20, by: "jwt:sub" }
    auth: { jwt: main }
  - { path: /**, to: web }
`;

test('says what the documentation shows', () => {
  const explanation = explain(whole, '/api/v2/users/42', { headers: { cookie: 'sid=abc' } });
  expect(renderExplanation(explanation, 'fetchmesh.yaml')).toBe(`GET /api/v2/users/42
  - /api/v1/users       path differs at segment 2: "v2" is not "v1"
  - users-beta          path ok; header x-tester missing, wanted "true"
  > users               fetchmesh.yaml:13
      to          users@v1        bucket 151 of 10000 by cookie:sid; users@v2 takes 9000-9999 (10%)
      timeout     5s              defaults, line 5
      retries     1, connect 502 503 504            defaults, line 6
      breaker     50% of >=20 in 10s, open 5s       defaults, line 7
      rate limit  100 per 1m, burst 20, by jwt:sub  line 17
      auth        jwt main        line 18
  1 later route would also match: /**`);
});

describe('why a route does not take a request', () => {
  test.each<[route: string, request: string, init: RequestInit, code: string, detail: string]>([
    ['path: /a', '/b', {}, 'path', 'path differs at segment 1: "b" is not "a"'],
    ['path: /a/b', '/a', {}, 'path', 'path ends before segment 2'],
    ['path: /a', '/a/b/c', {}, 'path', 'path goes on after segment 1: "/b/c"'],
    ['path: /a/:id', '/a/', {}, 'path', 'path differs at segment 2: it is empty'],
    ['path: /a', '/a/', {}, 'path', 'path goes on after segment 1: "/"'],
    ['path: "~^/v[0-9]$"', '/x', {}, 'path', 'path does not fit the expression ^/v[0-9]$'],
    [
      'path: /a, methods: [GET, HEAD]',
      '/a',
      { method: 'PUT' },
      'method',
      'path ok; method PUT, wanted GET or HEAD',
    ],
    [
      'path: /a, hosts: ["*.b.example"]',
      '/a',
      {},
      'host',
      'path ok; host shop.example, wanted *.b.example',
    ],
    [
      'path: /a, match: { query: { q: "*" } }',
      '/a',
      {},
      'query',
      'path ok; query parameter q missing, wanted any value',
    ],
    [
      'path: /a, match: { query: { q: "!*" } }',
      '/a?q=1',
      {},
      'query',
      'path ok; query parameter q is "1", wanted none',
    ],
    [
      'path: /a, match: { headers: { X-A: "b*" } }',
      '/a',
      { headers: { 'x-a': 'c' } },
      'headers',
      'path ok; header x-a is "c", wanted what begins with "b"',
    ],
    [
      'path: /a, match: { cookies: { c: "!d" } }',
      '/a',
      { headers: { cookie: 'c=d' } },
      'cookies',
      'path ok; cookie c is "d", wanted anything but "d"',
    ],
    [
      'path: /a, match: { baggage: { p: "~gold|silver" } }',
      '/a',
      {},
      'baggage',
      'path ok; baggage p missing, wanted what fits gold|silver',
    ],
  ])('%s', (route, path, init, code, detail) => {
    const [rejected] = explain(`routes: [{ ${route}, to: web }]`, path, init).rejected;
    expect(rejected).toMatchObject({ code, detail });
  });

  test('of several entries that one is told of which fits best', () => {
    const match = '[{ headers: { a: "1", b: "1" } }, { headers: { a: "1" }, query: { q: "1" } }]';
    const { rejected } = explain(`routes: [{ path: /a, match: ${match}, to: web }]`, '/a?q=1');
    expect(rejected[0]?.detail).toBe('path ok; header a missing, wanted "1"');
  });

  test('a claim within another one, which is found by its dots', () => {
    const rules = `auth: { main: { issuer: "https://id.example", jwks: "https://id.example/keys" } }
routes: [{ path: /a, auth: { jwt: main }, match: { claims: { realm.level: gold } }, to: web }]`;
    const { rejected } = explain(rules, '/a', {}, { claims: { realm: { level: 'tin' } } });
    expect(rejected[0]?.detail).toBe('path ok; claim realm.level is "tin", wanted "gold"');
  });

  test('claims, where the route says whose', () => {
    const rules = `auth: { main: { issuer: "https://id.example", jwks: "https://id.example/keys" } }
routes: [{ path: /a, auth: { jwt: main }, match: { claims: { role: admin } }, to: web }]`;
    const caller = (role: string) => ({ claims: { role } });
    expect(explain(rules, '/a', {}, caller('admin')).matched?.route).toBe('/a');
    expect(explain(rules, '/a', {}, caller('guest')).rejected[0]?.detail).toBe(
      'path ok; claim role is "guest", wanted "admin"',
    );
  });
});

describe('where the request goes', () => {
  const split = '{ path: /a, to: { users@v1: 90, users@v2: 10 }, sticky: { by: "cookie:sid" } }';

  test('by chance, where nobody is kept', () => {
    const { matched } = explain('routes: [{ path: /a, to: { users@v1: 90, users@v2: 10 } }]', '/a');
    expect(matched?.split).toMatchObject({ by: 'chance' });
    expect(matched?.split?.choice).toBeUndefined();
  });

  test('for certain, where one gets everything', () => {
    const { matched } = explain('routes: [{ path: /a, to: { users@v1: 0, users@v2: 100 } }]', '/a');
    expect(matched?.split?.choice).toBe('users@v2');
  });

  test('open, where the request does not show what callers are known by', () => {
    const { matched } = explain(`routes: [${split}]`, '/a');
    expect(matched?.split).toMatchObject({ by: 'sticky', key: 'cookie:sid' });
    expect(matched?.split?.bucket).toBeUndefined();
  });

  test('by the cookie that stands in for a missing key', () => {
    const name = stickyCookieName('/a');
    const headers = { cookie: `${name}=x` };
    const { matched } = explain(`routes: [${split}]`, '/a', { headers });
    const bucket = stickyBucket('/a', 'x');
    expect(matched?.split).toMatchObject({ key: `cookie:${name}`, bucket });
    expect(matched?.split?.choice).toBe(bucket < 9000 ? 'users@v1' : 'users@v2');
  });
});

test('what the gateway answers by itself', () => {
  const rules = `telemetry: { metrics: { path: /metrics } }
health: { path: /healthz, ready_path: /readyz }
routes: [{ path: /**, to: web }]`;
  expect(explain(rules, '/metrics').answer).toContain('metrics');
  expect(explain(rules, '/healthz').answer).toContain('liveness');
  expect(explain(rules, '/readyz').answer).toContain('readiness');
  expect(explain(rules, '/%zz').answer).toContain('400');
});

/** What is in force on the one route of these rules: key, value, and where it is written. */
function inForce(route: string, rest = '') {
  const { matched } = explain(`${rest}routes:\n  - { path: /a, to: web, ${route} }`, '/a');
  return matched?.effective.map(({ key, value, origin }) => [key, value, origin.place]);
}

const auth = 'auth: { main: { issuer: id, jwks: "https://id.example/keys" } }\n';

test('whom a route lets in and keeps out is told in words, also where it is only tried out', () => {
  expect(
    inForce(
      'allow: { methods: GET, dry_run: true }',
      'defaults: { deny: { headers: { x-bot: "*" } } }\n',
    ),
  ).toEqual([
    ['allow', 'only tried out: method GET', 'route'],
    ['deny', 'header x-bot present', 'defaults'],
  ]);
  const people = '{ claims: { scope: users.read, tier: [gold, platinum] } }';
  const machines =
    '{ ips: 10.0.0.0/8, not: { methods: [PUT, DELETE], headers: { x-token: s3cret } } }';
  const words =
    'claim scope has users.read and claim tier has gold or platinum, ' +
    'or ip 10.0.0.0/8 and method not PUT or DELETE and header x-token is not ***';
  expect(inForce(`auth: main, allow: [${people}, ${machines}]`, auth)).toEqual([
    ['auth', 'jwt main', 'route'],
    ['allow', words, 'route'],
  ]);
  expect(inForce('auth: { jwt: main, preflights: pass, allow: { subjects: ada } }', auth)).toEqual([
    ['auth', 'jwt main, preflights pass; claim sub has ada', 'route'],
  ]);
});

test('a destination of the defaults is told as such', () => {
  const rules = 'defaults: { to: users@v1 }\nroutes: [{ path: /a }, { path: /b, to: web }]';
  const explanation = explain(rules, '/a');
  expect(explanation.matched?.split?.origin).toEqual({ place: 'defaults', line: 4 });
  expect(renderExplanation(explanation, 'f')).toContain(
    'to          users@v1        defaults, line 4',
  );
  expect(renderExplanation(explain(rules, '/b'), 'f')).toMatch(/to {10}web$/m);
});

describe('what is written is told in full, what is as it is without being written is not', () => {
  test.each<[block: string, key: string, words: string]>([
    ['rate_limit: { limit: 5, per: 1s }', 'rate_limit', '5 per 1s, burst 5, by ip'],
    [
      'rate_limit: { name: a, limit: 5, per: 1s, by: "header:x", anonymous: skip, max_wait: 2s, on_store_error: open, cost: 2, mode: exact, fields: never, legacy: draft-6, enforce: false }',
      'rate_limit',
      'a: 5 per 1s, burst 5, by header:x, without it: skip, 2 a request, waits 2s, exact, store down: open, fields never, legacy draft-6, only watched',
    ],
    ['breaker: {}', 'breaker', '50% of >=20 in 10s, open 5s'],
    [
      'breaker: { window: 1m, bucket: 1s, open_for: 1s, max_open_for: 10s, retry_after: false, half_open: { probes: 2, successes: 5, tolerated_failures: 1, timeout: 1s }, mode: metrics_only }',
      'breaker',
      '50% of >=20 in 1m, steps of 1s, open 1s, at most 10s, no Retry-After, half open 2 probes at a time and 5 successes and 1 of them failing and for 1s, metrics_only',
    ],
    ['retries: 2, backoff: linear, jitter: none', 'retries', '2, linear 100ms to 1s, jitter none'],
    [
      'retries: { retriable_headers: [x-again], max_replay_bytes: 1KiB }',
      'retries',
      '2, or with the header x-again, bodies of at most 1024 bytes',
    ],
    [
      'hedge: { delay: p95, min_samples: 10, unsafe_methods: always, max_replay_bytes: 1KiB }',
      'hedge',
      '1 after p95, 10 requests watched first, unsafe methods always, bodies of at most 1024 bytes',
    ],
    ['breaker: off', 'breaker', 'off'],
    ['mirror: off', 'mirror', 'off'],
    ['cors: { origins: ["https://a.example"] }', 'cors', '{ origins: ["https://a.example"] }'],
  ])('%s', (block, key, words) => {
    expect(inForce(block)).toEqual([[key, words, 'route']]);
  });
});

test('secrets of the file do not show', () => {
  const rules = `routes:
  - { path: /a, to: web, headers: { request: { set: { authorization: "Bearer abcdef" } } } }`;
  const text = renderExplanation(explain(rules, '/a'), 'rules.yaml');
  expect(text).toContain('authorization');
  expect(text).not.toContain('abcdef');
});

describe('agrees with the gateway', () => {
  const segment = fc.constantFrom('a', 'b', ':id', '*');
  const value = fc.constantFrom('1', '2', '*', '!*', '!1', '1*', '~^[12]$');
  const conditions = fc
    .record(
      {
        headers: fc.dictionary(fc.constantFrom('x-a', 'x-b'), value, { minKeys: 1 }),
        query: fc.dictionary(fc.constantFrom('q', 'r'), value, { minKeys: 1 }),
        cookies: fc.dictionary(fc.constantFrom('c'), value, { minKeys: 1 }),
      },
      { requiredKeys: [] },
    )
    .filter((conditions) => Object.keys(conditions).length > 0);
  const route = fc.record(
    {
      path: fc.oneof(
        fc
          .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/', '/**'))
          .map(([segments, end]) =>
            `/${segments.map((text, index) => (text === ':id' ? `:id${index}` : text)).join('/')}${end}`.replaceAll(
              '//',
              '/',
            ),
          ),
        fc.constantFrom('~^/a', '~b$'),
      ),
      trailing_slash: fc.constantFrom('ignore', 'strict'),
      methods: fc.uniqueArray(fc.constantFrom('GET', 'POST', 'PUT'), { minLength: 1 }),
      hosts: fc.uniqueArray(fc.constantFrom('a.example', '*.example', '*.a.example'), {
        minLength: 1,
      }),
      match: fc.oneof(conditions, fc.array(conditions, { minLength: 1, maxLength: 3 })),
    },
    { requiredKeys: ['path'] },
  );
  const asked = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    host: fc.constantFrom('a.example', 'b.a.example', 'example', 'other.test'),
    path: fc
      .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 4 })
      .map((segments) => `/${segments.join('/')}`),
    query: fc.constantFrom('', '?q=1', '?q=2&r=1', '?r'),
    headers: fc.dictionary(fc.constantFrom('x-a', 'x-b'), fc.constantFrom('1', '2', '12')),
    cookie: fc.constantFrom('', 'c=1', 'c=2; d=1'),
  });

  test('over random rules and requests: the same route, and a reason for each above it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(route, { minLength: 1, maxLength: 8 }),
        fc.array(asked, { minLength: 1, maxLength: 6 }),
        async (routes, requests) => {
          const names = routes.map((_, index) => `s${index}`);
          const text = JSON.stringify({
            services: Object.fromEntries(names.map((name) => [name, `http://${name}.internal`])),
            routes: routes.map((entry, index) => ({
              ...entry,
              name: names[index],
              to: names[index],
            })),
          });
          const { rules } = parseRules(text);
          expect(rules).toBeDefined();
          const gateway = createGateway(rules as NonNullable<typeof rules>, {
            transport: async (input) => new Response(new URL(String(input)).hostname),
          });
          for (const { method, host, path, query, headers, cookie } of requests) {
            const request = new Request(`http://${host}${path}${query}`, {
              method,
              headers: { ...headers, ...(cookie && { cookie }) },
            });
            const { matched, rejected } = explainRequest(
              rules as NonNullable<typeof rules>,
              text,
              request,
            );
            const response = await gateway.fetch(request);
            const taken =
              response.status === 404 ? undefined : (await response.text()).split('.')[0];
            expect(matched?.route).toBe(taken);
            for (const { detail } of rejected) expect(detail).toMatch(/^path /);
          }
        },
      ),
      { seed: 42, numRuns: 200 },
    );
  });
});
