import { describe, expect, test } from 'vitest';
import { compose, describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { orderProblems } from '../../src/core/order.ts';
import { breaker } from '../../src/policies/breaker/breaker.ts';
import { bulkhead } from '../../src/policies/bulkhead.ts';
import { deadline, forwardDeadline } from '../../src/policies/deadline.ts';
import { fallback } from '../../src/policies/fallback.ts';
import { fault } from '../../src/policies/fault.ts';
import { hedge } from '../../src/policies/hedge.ts';
import { mirror } from '../../src/policies/mirror.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { retry } from '../../src/policies/retry.ts';
import { shed } from '../../src/policies/shed.ts';
import { throttle } from '../../src/policies/throttle.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { service } from '../../src/routing/service.ts';
import { authorize } from '../../src/security/authorize/authorize.ts';
import { cors } from '../../src/security/cors.ts';
import { jwt } from '../../src/security/jwt/jwt.ts';
import { upstreamGuard } from '../../src/security/upstream-guard.ts';

const users = service({ name: 'users', endpoints: ['http://a.test', 'http://b.test'] });
const versions = service({
  name: 'users',
  versions: { v1: ['http://a.test'], v2: ['http://b.test'] },
});
const copies = mirror({ send: () => Promise.resolve(new Response()), percent: 5 });
const faults = fault({ abort: 503, percent: 10 });
const preflights = cors({ origins: ['https://shop.example'] });
const guard = upstreamGuard({ hosts: ['images.example'] });
const tokens = jwt({
  issuer: 'https://id.example',
  keys: { secret: 'x'.repeat(32), alg: 'HS256' },
});

describe('an order that does harm', () => {
  test.each<[string, Middleware[], string]>([
    ['CO-05', [retry(), retry()], 'retry inside of retry: the tries multiply'],
    ['CO-05', [retry(), timeout('1s'), hedge()], 'hedge inside of retry: the tries multiply'],
    ['CO-05', [hedge(), retry()], 'retry inside of hedge: the tries multiply'],
    ['DL-01', [retry(), deadline({ trust: true })], 'deadline inside of retry: each try would get'],
    ['CO-03', [retry(), faults], 'fault inside of retry: each try draws anew'],
    ['CO-03', [hedge(), faults], 'fault inside of hedge: each try draws anew'],
    ['CO-04', [retry(), copies], 'mirror inside of retry: each try draws anew'],
    ['CO-04', [hedge(), copies], 'mirror inside of hedge: each try draws anew'],
    ['FB-01', [retry(), fallback({})], 'fallback inside of retry: it hides failures'],
    ['FB-01', [timeout('1s'), fallback({})], 'fallback inside of timeout: it hides failures'],
    ['FB-01', [breaker(), fallback({})], 'fallback inside of breaker: it hides failures'],
    ['FB-01', [throttle(), fallback({})], 'fallback inside of throttle: it hides failures'],
    ['FB-01', [users.middleware, fallback({})], 'fallback inside of service: it hides failures'],
    ['RT-14', [users.middleware, retry()], 'retry inside of service: each try goes to the same'],
    ['HG-09', [users.middleware, hedge()], 'hedge inside of service: each try goes to the same'],
    ['RT-14', [versions.middleware, retry()], 'retry inside of service: each try goes to the same'],
    ['LB-10', [retry(), versions.split({ v1: 1 })], 'split inside of retry: each try draws anew'],
    ['UG-12', [guard, retry()], 'retry inside of upstream-guard: it could send requests where'],
    ['UG-12', [guard, users.middleware], 'service inside of upstream-guard: it could send'],
    ['UG-12', [guard, copies], 'mirror inside of upstream-guard: it could send'],
    ['DL-03', [forwardDeadline(), retry()], 'retry inside of forward: the policies inside'],
  ])('%s: is printed below the chain: case %#', (_, middlewares, warning) => {
    expect(describeChain(compose(...middlewares))).toContain(`\nwarning: ${warning}`);
  });

  test('CO-03, CO-04: is printed in a line of its own, each of them', () => {
    const lines = (...inside: Middleware[]) =>
      describeChain(compose(retry(), ...inside)).split('\n');
    expect(lines(faults, copies).slice(-2)).toEqual([lines(faults).at(-1), lines(copies).at(-1)]);
  });

  test('is told once, however often it occurs', () => {
    expect(orderProblems(['retry', 'retry', 'retry'])).toHaveLength(1);
  });
});

describe('no harm', () => {
  test('is in the order of the design, with all policies that there are', () => {
    const chain = compose(
      preflights,
      tokens,
      authorize([]),
      fallback({}),
      deadline({ trust: true }),
      timeout('3s'),
      faults,
      shed({ from: 100, full: 200 }),
      rateLimit({ limit: 100, per: '1m' }),
      copies,
      versions.split({ v1: 1 }),
      retry({ perTry: '1s' }),
      versions.middleware,
      breaker({ failures: 5 }),
      throttle(),
      bulkhead({ limit: 10 }),
      timeout('1s'),
      forwardDeadline(),
      guard,
    );
    const printed = describeChain(chain);
    expect(printed).not.toContain('warning');
    expect(printed.split('\n  ')).toEqual([
      'cors',
      'jwt',
      'authorize, 0 policies',
      'fallback 200',
      'deadline from x-fetchmesh-timeout-ms',
      'timeout 3s',
      'fault abort 503 for 10%',
      'shed from 100 to 200, normal',
      'rate limit 100 per 1m, burst 100',
      'mirror 5% to a handler',
      'split users v1=1',
      'retry max 2, exponential from 100ms to 1s, full jitter, 1s per try',
      'service users',
      'breaker 5 failures in a row, open 5s',
      'throttle 2 × accepted in 30s',
      'bulkhead 10 at once',
      'timeout 1s',
      'forward deadline as x-fetchmesh-timeout-ms',
      'upstream-guard',
    ]);
  });
});
