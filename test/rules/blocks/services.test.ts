import { describe, expect, test } from 'vitest';
import type { Service } from '../../../src/rules/model.ts';
import { parseRules } from '../../../src/rules/parse.ts';

/** The only service of a file. */
function serviceOf(block: string): Omit<Service, 'versions'> {
  const { rules, diagnostics } = parseRules(
    `services: { users: { ${block} } }\nroutes: [{ path: /** }]`,
  );
  expect(diagnostics).toEqual([]);
  const [service] = rules?.services ?? [];
  const { versions: _, ...settings } = service as Service;
  return settings;
}

const two = 'urls: ["http://a", "http://b"]';

describe('a service', () => {
  test('says nothing of what the file does not say', () => {
    expect(serviceOf(two)).toEqual({ name: 'users' });
  });

  test('P3: `balance: random` is `balance: { policy: random }`', () => {
    expect(serviceOf(`${two}, balance: random`)).toEqual(
      serviceOf(`${two}, balance: { policy: random }`),
    );
    expect(serviceOf(`${two}, balance: { bias: 0.5, panic: 30% }`)).toEqual({
      name: 'users',
      balance: { bias: 0.5, panic: 0.3 },
    });
  });

  test('`outlier: {}` takes the defaults, each can be set', () => {
    expect(serviceOf(`${two}, outlier: {}`)).toEqual({
      name: 'users',
      outlier: {
        failures: 5,
        gatewayFailures: 0,
        localFailures: 0,
        intervalMs: 10_000,
        ejectForMs: 30_000,
        maxEjectForMs: 300_000,
        maxEjected: 0.1,
      },
    });
    const written = `failures: 1, gateway_failures: 2, local_failures: 3, interval: 4s, eject_for: 5s, max_eject_for: 6s,
      max_ejected: 7%, success_rate: { deviations: 1.5, min_endpoints: 8, min_requests: 9 },
      failure_rate: { threshold: 10%, min_endpoints: 11, min_requests: 12 }`;
    expect(serviceOf(`${two}, outlier: { ${written} }`).outlier).toEqual({
      failures: 1,
      gatewayFailures: 2,
      localFailures: 3,
      intervalMs: 4_000,
      ejectForMs: 5_000,
      maxEjectForMs: 6_000,
      maxEjected: 0.07,
      successRate: { deviations: 1.5, minEndpoints: 8, minRequests: 9 },
      failureRate: { threshold: 0.1, minEndpoints: 11, minRequests: 12 },
    });
  });

  test('`health` needs a path, the rest has defaults', () => {
    expect(serviceOf(`${two}, health: { path: /healthz }`).health).toEqual({
      path: '/healthz',
      intervalMs: 10_000,
      timeoutMs: 1_000,
      downAfter: 3,
      upAfter: 2,
    });
    const written = 'path: /h, interval: 1s, timeout: 200ms, down_after: 1, up_after: 4';
    expect(serviceOf(`${two}, health: { ${written} }`).health).toEqual({
      path: '/h',
      intervalMs: 1_000,
      timeoutMs: 200,
      downAfter: 1,
      upAfter: 4,
    });
  });

  test('weights stand beside the URLs, where there are any', () => {
    const { rules } = parseRules(
      'services: { a: ["http://a", { url: "http://b/", weight: 0.5 }, { url: "http://c" }], b: ["http://d"] }\nroutes: [{ path: /**, to: { a: 50, b: 50 } }]',
    );
    expect(rules?.services.map(({ versions }) => versions)).toEqual([
      [
        {
          name: '',
          urls: ['http://a', 'http://b', 'http://c'],
          weights: [1, 0.5, 1],
          environment: 'stable',
        },
      ],
      [{ name: '', urls: ['http://d'], environment: 'stable' }],
    ]);
  });
});
