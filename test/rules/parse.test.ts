// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are what is tested
import { describe, expect, test } from 'vitest';
import type { Route } from '../../src/rules/model.ts';
import { type ParseOptions, parseRules } from '../../src/rules/parse.ts';

function routesOf(text: string, options?: ParseOptions): readonly Route[] {
  const { rules, diagnostics } = parseRules(text, options);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  expect(errors.map(({ message }) => message)).toEqual([]);
  return rules?.routes ?? [];
}

const article =
  'routes: [{path: "/api/v1/users", timeout: 3s, retries: 2, backoff: "exponential"}]';

const complete = `
version: 1
x-team: { of: the, shop: 1 }
defaults:
  timeout: 5s
  retries: { max: 1, retry_on: [connect, 502, 5xx] }
telemetry:
  service: shop-edge
  traces: { otlp: "\${OTLP:-}", sample: 10%, propagation: [w3c, b3multi] }
  logs: { sample: 5%, headers: [user-agent] }
  metrics: { path: /metrics, names: istio }
  baggage: [user_tier]
  revision_header: true
health: { path: /healthz, ready_path: /readyz }
services:
  web: http://127.0.0.1:3000/
  users:
    versions:
      v1: [http://10.0.0.11:8080, "http://\${HOST}:8080/base/"]
      v2: { url: http://10.0.0.21:8080, env: canary }
  payment: { url: "https://pay.internal", binding: PAYMENT }
routes:
  - path: /api/v1/users
    timeout: 3s
    retries: 2
    backoff: constant
    per_try: 500ms
    to: users@v1
  - name: users
    path: /api/v2/users/:id
    methods: [GET, HEAD]
    hosts: "*.Shop.Example"
    match:
      - headers: { X-Tester: "true" }
        cookies: { beta: "*" }
      - query: { q: "~^a" }
        baggage: { plan: "!gold" }
    to: { users@v2: 10.5, users@v1: rest }
    sticky: { by: ["cookie:sid", ip], ttl: 1d }
    trailing_slash: ignore
    x-note: kept out
  - { path: "/bücher/%7euser", to: payment }
  - { path: /**, to: web, retries: 0, timeout: 0s }
`;

describe('parseRules', () => {
  test("M13: the article's own snippet is a whole valid file", () => {
    const { rules, diagnostics } = parseRules(article);
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['FM021', 'info']]);
    expect(rules).toEqual({
      version: 1,
      services: [],
      routes: [
        {
          name: '/api/v1/users',
          line: 1,
          path: '/api/v1/users',
          trailingSlash: 'strict',
          match: [],
          to: [],
          timeoutMs: 3_000,
          retries: {
            max: 2,
            backoff: 'exponential',
            baseDelayMs: 100,
            maxDelayMs: 1_000,
            jitter: 'full',
            unsafeMethods: 'never',
            maxReplayBytes: 262_144,
          },
        },
      ],
      telemetry: {
        service: 'gateway',
        metrics: { names: 'article' },
        traces: { propagation: ['w3c'] },
        baggage: [],
        revisionHeader: false,
      },
      health: {},
    });
  });

  test('M13: and of a gateway, where it is started with an upstream', () => {
    const { rules, diagnostics } = parseRules(article, {
      mode: 'gateway',
      upstream: 'http://localhost:3000/',
    });
    expect(diagnostics).toEqual([]);
    expect(rules?.services).toEqual([
      {
        name: 'upstream',
        versions: [{ name: '', urls: ['http://localhost:3000'], environment: 'stable' }],
      },
    ]);
    expect(rules?.routes[0]?.to).toEqual([{ service: 'upstream', version: '', weight: 100 }]);
  });

  test('every shorthand is written out, every default filled in', () => {
    const { rules, diagnostics } = parseRules(complete, {
      mode: 'gateway',
      environment: { HOST: 'u1' },
    });
    expect(diagnostics).toEqual([]);
    expect(rules).toEqual({
      version: 1,
      services: [
        {
          name: 'web',
          versions: [{ name: '', urls: ['http://127.0.0.1:3000'], environment: 'stable' }],
        },
        {
          name: 'users',
          versions: [
            {
              name: 'v1',
              urls: ['http://10.0.0.11:8080', 'http://u1:8080/base'],
              environment: 'stable',
            },
            { name: 'v2', urls: ['http://10.0.0.21:8080'], environment: 'canary' },
          ],
        },
        {
          name: 'payment',
          versions: [
            {
              name: '',
              urls: ['https://pay.internal'],
              binding: 'PAYMENT',
              environment: 'stable',
            },
          ],
        },
      ],
      routes: [
        {
          name: '/api/v1/users',
          line: 23,
          path: '/api/v1/users',
          trailingSlash: 'strict',
          match: [],
          to: [{ service: 'users', version: 'v1', weight: 100 }],
          timeoutMs: 3_000,
          retries: {
            max: 2,
            backoff: 'constant',
            baseDelayMs: 100,
            maxDelayMs: 1_000,
            jitter: 'full',
            perTryMs: 500,
            unsafeMethods: 'never',
            maxReplayBytes: 262_144,
          },
        },
        {
          name: 'users',
          line: 29,
          path: '/api/v2/users/:id',
          trailingSlash: 'ignore',
          methods: ['GET', 'HEAD'],
          hosts: ['*.shop.example'],
          match: [
            { headers: { 'x-tester': 'true' }, cookies: { beta: '*' } },
            { query: { q: '~^a' }, baggage: { plan: '!gold' } },
          ],
          to: [
            { service: 'users', version: 'v2', weight: 10.5 },
            { service: 'users', version: 'v1', weight: 89.5 },
          ],
          sticky: { by: ['cookie:sid', 'ip'], ttlMs: 86_400_000 },
          timeoutMs: 5_000,
          retries: {
            max: 1,
            backoff: 'exponential',
            baseDelayMs: 100,
            maxDelayMs: 1_000,
            jitter: 'full',
            retryOn: ['connect', 502, '5xx'],
            unsafeMethods: 'never',
            maxReplayBytes: 262_144,
          },
        },
        {
          name: '/b%C3%BCcher/~user',
          line: 42,
          path: '/b%C3%BCcher/~user',
          trailingSlash: 'strict',
          match: [],
          to: [{ service: 'payment', version: '', weight: 100 }],
          timeoutMs: 5_000,
          retries: expect.objectContaining({ max: 1 }),
        },
        {
          name: '/**',
          line: 43,
          path: '/**',
          trailingSlash: 'strict',
          match: [],
          to: [{ service: 'web', version: '', weight: 100 }],
          timeoutMs: 0,
          retries: expect.objectContaining({ max: 0 }),
        },
      ],
      telemetry: {
        service: 'shop-edge',
        metrics: { path: '/metrics', names: 'istio' },
        traces: { sample: 0.1, propagation: ['w3c', 'b3multi'] },
        logs: { sample: 0.05, query: false, headers: ['user-agent'], redact: [] },
        baggage: ['user_tier'],
        revisionHeader: true,
      },
      health: { path: '/healthz', readyPath: '/readyz' },
    });
  });

  test('the rules are frozen, and the same after a trip through JSON', () => {
    const { rules } = parseRules(complete, { environment: { HOST: 'u1' } });
    expect(JSON.parse(JSON.stringify(rules))).toEqual(rules);
    expect(Object.isFrozen(rules?.routes[1]?.match[0]?.headers)).toBe(true);
    expect(Object.isFrozen(rules?.services[1]?.versions)).toBe(true);
  });

  test('P1: JSON is the same language', () => {
    const json = JSON.stringify({ routes: [{ path: '/a', timeout: '3s', retries: { max: 1 } }] });
    const yaml = 'routes:\n  - path: /a\n    timeout: 3s\n    retries: { max: 1 }\n';
    const [fromJson, fromYaml] = [routesOf(json)[0], routesOf(yaml)[0]];
    expect({ ...fromJson, line: 0 }).toEqual({ ...fromYaml, line: 0 });
  });

  test('P3: `retries: 2` is `retries: { max: 2 }`', () => {
    const [short, long] = routesOf(
      'routes: [{ path: /a, retries: 2 }, { path: /b, retries: { max: 2 } }]',
    );
    expect(short?.retries).toEqual(long?.retries);
  });

  test("P7: a route's block replaces the default's as a whole", () => {
    const text = `
defaults: { timeout: 5s, retries: { max: 4, per_try: 1s, jitter: none } }
routes:
  - path: /own
    retries: { max: 1 }
  - path: /flat
    retries: 2
    backoff: linear
  - path: /shared
`;
    const [own, flat, shared] = routesOf(text).map(({ retries }) => retries);
    expect(own).toMatchObject({ max: 1, jitter: 'full' });
    expect(own).not.toHaveProperty('perTryMs');
    expect(flat).toMatchObject({ max: 2, backoff: 'linear', jitter: 'full' });
    expect(shared).toMatchObject({ max: 4, perTryMs: 1_000, jitter: 'none' });
  });

  test('§1.2: retries and hedges may have a budget, a hedge waits for a time or a percentile', () => {
    const [a, b, c, d] = routesOf(`
defaults: { hedge: { delay: 300ms, budget: 20% } }
routes:
  - { path: /a }
  - { path: /b, hedge: { max: 2, unsafe_methods: idempotency_key } }
  - { path: /c, hedge: off, retries: { budget: 10%, retry_on: [retriable-4xx], retriable_headers: [x-again], jitter: decorrelated } }
  - { path: /d, hedge: { delay: p99.9 } }
`);
    expect(a?.hedge).toEqual({
      max: 1,
      delay: '300ms',
      minSamples: 50,
      budget: { ratio: 0.2, ttlMs: 10_000, minPerSecond: 1, shared: false },
      unsafeMethods: 'never',
      maxReplayBytes: 262_144,
    });
    expect(b?.hedge).toMatchObject({ max: 2, delay: 'p95', unsafeMethods: 'idempotency_key' });
    expect(c?.hedge).toBeUndefined();
    expect(c?.retries).toMatchObject({
      budget: { ratio: 0.1 },
      retryOn: ['retriable-4xx'],
      retriableHeaders: ['x-again'],
      jitter: 'decorrelated',
    });
    expect(d?.hedge?.delay).toBe('p99.9');
  });

  test('a budget says for how long, what is beyond it, and whether instances share that', () => {
    const [a, b] = routesOf(`
routes:
  - { path: /a, retries: { budget: { ratio: 10%, ttl: 30s, min_per_second: 0.5, shared: true } } }
  - { path: /b, retries: 2, budget: { shared: true } }
`);
    expect(a?.retries?.budget).toEqual({
      ratio: 0.1,
      ttlMs: 30_000,
      minPerSecond: 0.5,
      shared: true,
    });
    expect(b?.retries?.budget).toEqual({
      ratio: 0.2,
      ttlMs: 10_000,
      minPerSecond: 1,
      shared: true,
    });
  });

  test('what a timeout covers, who is kept apart, what a request takes, and in what steps a breaker forgets', () => {
    const [a, b] = routesOf(`
defaults: { timeout: { limit: 3s, body: true } }
routes:
  - { path: /a, bulkhead: { limit: 2, by: "header:x-tenant" }, breaker: { window: 10s, bucket: 500ms } }
  - { path: /b, timeout: { limit: 1s }, rate_limit: { limit: 10, per: 1s, cost: 5, fields: never, legacy: draft-6 } }
`);
    expect(a).toMatchObject({
      timeoutMs: 3_000,
      timeoutBody: true,
      bulkhead: { limit: 2, by: ['header:x-tenant'] },
      breaker: { windowMs: 10_000, bucketMs: 500 },
    });
    expect(b).toMatchObject({
      timeoutMs: 1_000,
      rateLimits: [{ cost: 5, fields: 'never', legacy: 'draft-6' }],
    });
    expect(b).not.toHaveProperty('timeoutBody');
  });

  test('what is sent again is kept within a size that can be said', () => {
    const [a, b, c] = routesOf(`
routes:
  - { path: /a, hedge: { min_samples: 0, max_replay_bytes: 1MiB } }
  - { path: /b, retries: { max_replay_bytes: 64KiB } }
  - { path: /c, retries: 1, max_replay_bytes: 0B }
`);
    expect(a?.hedge).toMatchObject({ minSamples: 0, maxReplayBytes: 1_048_576 });
    expect(b?.retries?.maxReplayBytes).toBe(65_536);
    expect(c?.retries).toMatchObject({ max: 1, maxReplayBytes: 0 });
  });

  test('a deadline is taken over from everybody, or from some, and passed on', () => {
    const [a, b, c] = routesOf(`
defaults: { deadline: {} }
routes:
  - { path: /a }
  - { path: /b, deadline: { trusted_ips: 10.0.0.0/8, header: X-Left, forward: false } }
  - { path: /c, deadline: off }
`);
    expect(a?.deadline).toEqual({ header: 'x-fetchmesh-timeout-ms', forward: true });
    expect(b?.deadline).toEqual({ trustedIps: ['10.0.0.0/8'], header: 'x-left', forward: false });
    expect(c).not.toHaveProperty('deadline');
  });

  test('§1.2: without `to` a route leads to defaults.to, else to the only service', () => {
    const services = 'services: { web: "http://web", api: "http://api" }';
    const [first, second] = routesOf(
      `${services}\ndefaults: { to: api }\nroutes: [{ path: /a }, { path: /b, to: web }]`,
      { mode: 'gateway' },
    );
    expect([first?.to[0]?.service, second?.to[0]?.service]).toEqual(['api', 'web']);
    const [only] = routesOf('services: { web: "http://web" }\nroutes: [{ path: /a }]', {
      mode: 'gateway',
    });
    expect(only?.to).toEqual([{ service: 'web', version: '', weight: 100 }]);
  });

  test("a service's only version need not be named", () => {
    const text =
      'services: { web: { versions: { v7: "http://web" } } }\nroutes: [{ path: /a, to: web }]';
    expect(routesOf(text)[0]?.to).toEqual([{ service: 'web', version: 'v7', weight: 100 }]);
  });

  test('§1.3: weights of one decimal add up exactly', () => {
    const services = 'services: { a: "http://a", b: "http://b", c: "http://c" }';
    const text = `${services}\nroutes: [{ path: /a, to: { a: 33.3, b: 33.3, c: 33.4 } }, { path: /b, to: { a: 0.1, b: 0.2, c: rest } }]`;
    expect(routesOf(text).map(({ to }) => to.map(({ weight }) => weight))).toEqual([
      [33.3, 33.3, 33.4],
      [0.1, 0.2, 99.7],
    ]);
  });

  test('an entry of `match` that asks for nothing makes the list hold always', () => {
    const [route] = routesOf('routes: [{ path: /a, match: [{ headers: { a: b } }, {}] }]');
    expect(route?.match).toEqual([]);
  });

  test('routes without a name are called by their path, and numbered where they share it', () => {
    const text = 'routes: [{ path: /a, methods: GET }, { path: /a }, { path: /b, name: b }]';
    expect(routesOf(text).map(({ name }) => name)).toEqual(['/a', '/a#2', 'b']);
  });

  test('P8: keys that begin with x- are ignored wherever the language has keys', () => {
    const text = `
x-a: &
x-b: 1
routes: [{ path: /a, x-c: [1], retries: { max: 1, x-d: "\${NOT_SET}" } }]
`.replace('x-a: &\n', '');
    expect(routesOf(text)).toHaveLength(1);
  });

  test('and are names where names stand', () => {
    const text =
      'services: { x-web: "http://web" }\nroutes: [{ path: /a, match: { headers: { x-a: b } } }]';
    expect(routesOf(text)[0]).toMatchObject({
      to: [{ service: 'x-web' }],
      match: [{ headers: { 'x-a': 'b' } }],
    });
  });

  test('names of the prototype are names like others', () => {
    const text =
      'services: { constructor: "http://a", toString: "http://b" }\nroutes: [{ path: /a, to: { constructor: 50, toString: 50 }, match: { query: { valueOf: "1" } } }]';
    expect(routesOf(text)[0]?.to.map(({ service }) => service)).toEqual([
      'constructor',
      'toString',
    ]);
    expect(parseRules('routes: [{ path: /a, to: hasOwnProperty }]').rules).toBeUndefined();
  });

  test('ENV: a variable fills values in, and never becomes structure', () => {
    const environment = { PATH_: '/a, to: evil', T: '3s' };
    const text = 'routes: [{ path: "${PATH_}", timeout: "${T}" }]';
    const [route] = routesOf(text, { environment });
    expect(route?.path).toBe('/a,%20to:%20evil');
    expect(route?.timeoutMs).toBe(3_000);
  });

  test('an upstream that is no URL is refused', () => {
    for (const upstream of ['localhost', 'ftp://host', 'http://a:b@host', 'http://host/?q']) {
      expect(() => parseRules(article, { upstream })).toThrow(/^upstream: /);
    }
  });
});
