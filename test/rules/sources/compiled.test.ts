import { describe, expect, test } from 'vitest';
import { compiledRules, parseCompiledRules } from '../../../src/rules/sources/compiled.ts';
import { rulesFrom } from '../../support/rules.ts';

/** Every key that a rules file of this version can have. */
const everything = `
version: 1
telemetry:
  service: gateway
  metrics: { path: /metrics, names: istio }
  traces: { otlp: "http://localhost:4318", sample: 50%, propagation: [w3c, b3, b3multi] }
  logs: { format: json, sample: 5%, query: true, headers: [user-agent], redact: [card] }
  baggage: [tier]
  revision_header: true
health: { path: /healthz, ready_path: /readyz }
defaults: { timeout: 5s }
services:
  one: "http://one.test"
  many:
    urls: ["http://a.test", { url: "http://b.test/base", weight: 2 }]
    balance: { policy: least_request, bias: 0.5, panic: 30% }
    outlier: { failures: 3, success_rate: {}, failure_rate: {} }
    health: { path: /healthz }
  bound: { binding: BOUND }
  users:
    versions:
      v1: { url: "http://v1.test", binding: USERS_V1 }
      v2: { urls: ["http://v2.test"], env: canary }
routes:
  - name: users
    path: /users/**
    methods: [GET, POST]
    hosts: [shop.example, "*.shop.example"]
    match:
      - { headers: { x-env: canary }, query: { page: "*" } }
      - { cookies: { sid: "!*" }, baggage: { tier: gold } }
    sticky: { by: "cookie:sid", ttl: 1h }
    timeout: 3s
    retries:
      max: 3
      backoff: linear
      base_delay: 10ms
      max_delay: 1s
      jitter: equal
      per_try: 500ms
      retry_on: [connect, 5xx, 429]
      max_replay_bytes: 1MiB
      unsafe_methods: idempotency_key
    breaker:
      error_rate: 50%
      slow_rate: 50%
      slow_after: 1s
      min_requests: 20
      last_requests: 100
      open_for: 5s
      max_open_for: 1m
      retry_after: false
      half_open: { probes: 2, successes: 2, tolerated_failures: 1, timeout: 1s }
      mode: metrics_only
    throttle: { multiplier: 2, window: 30s, min_requests: 10, max_rejection: 90% }
    bulkhead: { limit: 10, queue: 10, max_wait: 1s, release: body }
    to: { users@v1: 90, users@v2: 10 }
    rate_limit:
      - { name: a, limit: 5, per: 1s, burst: 2, by: [ip, route], anonymous: skip, max_wait: 1s }
      - { limit: 50, per: 1m, enforce: false, on_store_error: closed }
    shed: { from: 10, full: 20, priority: high, retry_after: 2s }
    deadline: { trusted_ips: [10.0.0.0/8], header: x-left, forward: false }
  - { path: /many, to: many, breaker: { failures: 5 }, bulkhead: 5 }
  - { path: /window, to: many, breaker: { window: 10s } }
  - path: /bound
    to: bound
    headers:
      request: { set: { x-region: eu }, add: { via: a }, remove: [cookie] }
      response: { remove: server }
    fallback: { to: one, when: [503, circuit_breaker_open] }
    fault:
      delay: { fixed: 1s, percent: 0.1% }
      abort: 503
      percent: 10%
      only_if: { headers: { x-chaos: "1" } }
      until: 2099-12-31T00:00:00Z
      max_active: 5
      header_trigger: true
      counted: false
    mirror:
      - { to: users@v2, percent: 5%, credentials: omit, timeout: 2s, headers: { set: { a: b } } }
    rewrite: { prefix: /b, host: bound.test }
  - { path: /old/**, redirect: { scheme: https, host: a.test, port: 8443, prefix: /new, status: 308 } }
  - { path: /down, respond: { status: 503, body: closed, headers: { retry-after: "60" } } }
  - { path: /cached, to: one, fallback: { respond: { body: "[]" } }, rewrite: { regex: { match: a, to: b } } }
  - { path: /**, to: one }
`;

/** The rules as data that can be changed. */
function data(): Record<string, never> & { routes: Record<string, unknown>[] } {
  return JSON.parse(JSON.stringify(rulesFrom(everything, { mode: 'gateway' })));
}

describe('compiledRules', () => {
  test('takes what parseRules makes of a file with every key, and freezes it', () => {
    const rules = compiledRules(data());
    expect(rules).toEqual(rulesFrom(everything, { mode: 'gateway' }));
    expect(Object.isFrozen(rules.routes[0]?.to)).toBe(true);
  });

  test('says where something is wrong', () => {
    const cases: [change: (rules: ReturnType<typeof data>) => void, message: string][] = [
      [(rules) => Object.assign(rules, { version: 2 }), 'version is 2, not one of 1'],
      [(rules) => Reflect.deleteProperty(rules, 'services'), 'services is missing'],
      [(rules) => Object.assign(rules, { routes: {} }), 'routes is {}, not a list'],
      [
        (rules) => Object.assign(rules.routes[1] ?? {}, { timeoutMs: '3s' }),
        'routes[1].timeoutMs is "3s", not a number, 0 or more',
      ],
      [
        (rules) =>
          Object.assign(rules.routes[1] ?? {}, {
            to: [{ service: 'a', version: '', weight: 101 }],
          }),
        'routes[1].to[0].weight is 101, not a number, from 0 to 100',
      ],
      [
        (rules) =>
          Object.assign(rules, {
            services: [{ name: 'a', versions: [{ name: '', urls: ['a:80'], environment: '' }] }],
          }),
        'services[0].versions[0].urls[0] is "a:80", not an http or https URL',
      ],
      [
        (rules) => {
          const services = rules['services'] as unknown as { outlier: object }[];
          Object.assign(services[1]?.outlier ?? {}, { intervalMs: 0 });
        },
        'services[1].outlier.intervalMs is 0, not a number above 0',
      ],
      [
        (rules) => Object.assign(rules.routes[0] ?? {}, { match: [{ headers: { a: 1 } }] }),
        'routes[0].match[0].headers.a is 1, not a text',
      ],
      [
        (rules) => Object.assign(rules.routes[0]?.['retries'] ?? {}, { retryOn: ['4xx'] }),
        'routes[0].retries.retryOn[0] is "4xx", not a status, 5xx, connect, reset, timeout, retriable-4xx, envoy-ratelimited',
      ],
      [
        (rules) => Object.assign(rules.routes[3]?.['fault'] ?? {}, { percent: 101 }),
        'routes[3].fault.percent is 101, not a number, from 0 to 100',
      ],
      [
        (rules) => Object.assign(rules.routes[5] ?? {}, { respond: { status: 42 } }),
        'routes[5].respond.status is 42, not a number, from 200 to 599',
      ],
    ];
    for (const [change, message] of cases) {
      const rules = data();
      change(rules);
      expect(() => compiledRules(rules), message).toThrow(message);
    }
    for (const whole of [null, [], 'rules', 7, undefined]) {
      expect(() => compiledRules(whole)).toThrow(/^the whole is /);
    }
  });

  test('refuses a block of a later version: passed over, it would leave a gate open', () => {
    const rules = data();
    Object.assign(rules.routes[0] ?? {}, { canary: { step: 1 } });
    expect(() => compiledRules(rules)).toThrow(
      'routes[0].canary is unknown to this version of fetchmesh',
    );
  });
});

describe('parseCompiledRules', () => {
  test('reads JSON, and tells a rules file from nonsense', () => {
    expect(parseCompiledRules(JSON.stringify(data())).routes).toHaveLength(8);
    expect(() => parseCompiledRules('version: 1\nroutes: []')).toThrow('fetchmesh build');
    expect(() => parseCompiledRules('{"version": 1')).toThrow('the text is not JSON');
  });
});
