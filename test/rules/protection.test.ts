import { describe, expect, test } from 'vitest';
import { rulesFrom } from '../support/rules.ts';

const routeOf = (route: string, defaults = '{}') =>
  rulesFrom(`defaults: ${defaults}\nroutes: [{ path: /a, ${route} }]`).routes[0];

describe('breaker', () => {
  test('of failures in a row', () => {
    expect(routeOf('breaker: { failures: 5, open_for: 10s }')?.breaker).toEqual({
      failures: 5,
      openForMs: 10_000,
      maxOpenForMs: 60_000,
      retryAfter: true,
      halfOpen: { probes: 1, successes: 3, toleratedFailures: 0, timeoutMs: 10_000 },
      mode: 'on',
    });
  });

  test('of a rate, with the defaults of the policy', () => {
    expect(routeOf('breaker: {}')?.breaker).toMatchObject({
      errorRate: 0.5,
      minRequests: 20,
      windowMs: 10_000,
      openForMs: 5_000,
    });
  });

  test('with everything that can be said', () => {
    const text = `breaker: { error_rate: 30%, slow_rate: 100%, slow_after: 2s, min_requests: 5, last_requests: 50,
      open_for: 2m, max_open_for: 10m, retry_after: false, mode: metrics_only,
      half_open: { probes: 4, successes: 2, tolerated_failures: 1, timeout: 3s } }`;
    expect(routeOf(text)?.breaker).toEqual({
      errorRate: 0.3,
      slowRate: 1,
      slowAfterMs: 2_000,
      minRequests: 5,
      lastRequests: 50,
      openForMs: 120_000,
      maxOpenForMs: 600_000,
      retryAfter: false,
      mode: 'metrics_only',
      halfOpen: { probes: 4, successes: 2, toleratedFailures: 1, timeoutMs: 3_000 },
    });
  });

  test('of slow calls alone', () => {
    const { breaker } = routeOf('breaker: { slow_rate: 50%, slow_after: 1s }') ?? {};
    expect(breaker).not.toHaveProperty('errorRate');
    expect(breaker).toMatchObject({ slowRate: 0.5, slowAfterMs: 1_000 });
  });

  test('half_open: 5 stands for the number of probes', () => {
    expect(routeOf('breaker: { half_open: 5 }')?.breaker?.halfOpen).toMatchObject({
      probes: 5,
      successes: 5,
    });
  });
});

test('throttle and bulkhead', () => {
  expect(routeOf('throttle: {}, bulkhead: 50')).toMatchObject({
    throttle: { multiplier: 2, windowMs: 30_000, minRequests: 10, maxRejection: 0.9 },
    bulkhead: { limit: 50, queue: 0, release: 'headers' },
  });
  expect(
    routeOf(
      'throttle: { multiplier: 1.5, window: 1m, min_requests: 5, max_rejection: 80% }, bulkhead: { limit: 5, queue: 9, max_wait: 1s, release: body }',
    ),
  ).toMatchObject({
    throttle: { multiplier: 1.5, windowMs: 60_000, minRequests: 5, maxRejection: 0.8 },
    bulkhead: { limit: 5, queue: 9, maxWaitMs: 1_000, release: 'body' },
  });
});

test('a block of a route stands in place of the whole block of the defaults; off leaves none', () => {
  const defaults = '{ breaker: { error_rate: 10%, open_for: 1m }, throttle: {}, bulkhead: 5 }';
  expect(routeOf('timeout: 1s', defaults)).toMatchObject({
    breaker: { errorRate: 0.1 },
    throttle: { multiplier: 2 },
    bulkhead: { limit: 5 },
  });
  const own = routeOf('breaker: { failures: 5 }, throttle: off, bulkhead: off', defaults);
  expect(own?.breaker).toMatchObject({ failures: 5, openForMs: 5_000 });
  expect(own?.breaker).not.toHaveProperty('errorRate');
  expect(own).not.toHaveProperty('throttle');
  expect(own).not.toHaveProperty('bulkhead');
  expect(routeOf('breaker: off', defaults)).not.toHaveProperty('breaker');
});
