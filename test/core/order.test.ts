import { describe, expect, test } from 'vitest';
import {
  compose,
  describe as describeChain,
  layer,
  type Middleware,
} from '../../src/core/chain.ts';
import { orderProblems } from '../../src/core/order.ts';
import { deadline, forwardDeadline } from '../../src/policies/deadline.ts';
import { hedge } from '../../src/policies/hedge.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';

const named = (label: string): Middleware => layer(label, (next) => next);

describe('an order that does harm', () => {
  test.each<[string, Middleware[], string]>([
    ['CO-05', [retry(), retry()], 'retry inside of retry: the tries multiply'],
    ['CO-05', [retry(), timeout('1s'), hedge()], 'hedge inside of retry: the tries multiply'],
    ['CO-05', [hedge(), retry()], 'retry inside of hedge: the tries multiply'],
    ['DL-01', [retry(), deadline({ trust: true })], 'deadline inside of retry: each try would get'],
    ['CO-03', [retry(), named('fault abort 503 for 10%')], 'fault inside of retry: each try draws'],
    [
      'CO-04',
      [retry(), named('mirror 5% to users')],
      'mirror inside of retry: each try is mirrored',
    ],
    ['FB-01', [retry(), named('fallback')], 'fallback inside of retry: the fallback answers'],
    [
      'FB-01',
      [timeout('1s'), named('fallback')],
      'fallback inside of timeout: what takes too long',
    ],
    ['DL-03', [forwardDeadline(), retry()], 'retry inside of forward: the policies inside'],
  ])('%s: is printed below the chain: case %#', (_, middlewares, warning) => {
    expect(describeChain(compose(...middlewares))).toContain(`\nwarning: ${warning}`);
  });

  test('is told once, however often it occurs', () => {
    expect(orderProblems(['retry', 'retry', 'retry'])).toHaveLength(1);
  });
});

describe('no harm', () => {
  test('is in the order of the design', () => {
    const chain = compose(
      named('tracing'),
      named('fallback to a constant'),
      deadline({ trust: true }),
      timeout('3s'),
      named('fault delay 300ms'),
      named('shed'),
      named('rate limit 100 per 1m'),
      named('mirror 5%'),
      retry({ perTry: '1s' }),
      named('endpoint of users'),
      named('breaker'),
      named('bulkhead 10'),
      timeout('1s'),
      forwardDeadline(),
    );
    expect(describeChain(chain)).not.toContain('warning');
  });

  test("is in the article's order: breaker, limit, retry", () => {
    expect(
      describeChain(compose(named('breaker'), named('rate limit 100 per 1m'), retry({ max: 2 }))),
    ).toBe(
      [
        'breaker',
        'rate limit 100 per 1m',
        'retry max 2, exponential from 100ms to 1s, full jitter',
      ].join('\n  '),
    );
  });
});
