import { expect, test } from 'vitest';
import { type BreakerOptions, breaker } from '../../../src/policies/breaker/breaker.ts';

test.each<[unknown, string]>([
  [{ failures: 0 }, 'breaker.failures: 0 is not a whole number above 0'],
  [{ failures: 1.5 }, 'breaker.failures: 1.5 is not a whole number above 0'],
  [{ failures: Number.NaN }, 'breaker.failures: NaN is not a whole number above 0'],
  [
    { failures: 5, errorRate: 0.5 },
    'breaker.errorRate: does not go with breaker.failures; give one of the two',
  ],
  [
    { failures: 5, window: '10s' },
    'breaker.window: does not go with breaker.failures; give one of the two',
  ],
  [{ errorRate: 0 }, 'breaker.errorRate: 0 is not a number above 0 up to 1, where 0.5 is 50 %'],
  [{ errorRate: -1 }, 'breaker.errorRate: -1 is not a number above 0 up to 1, where 0.5 is 50 %'],
  [{ errorRate: 50 }, 'breaker.errorRate: 50 is not a number above 0 up to 1, where 0.5 is 50 %'],
  [
    { errorRate: '50%' },
    'breaker.errorRate: 50% is not a number above 0 up to 1, where 0.5 is 50 %',
  ],
  [
    { slowRate: 2, slowAfter: '1s' },
    'breaker.slowRate: 2 is not a number above 0 up to 1, where 0.5 is 50 %',
  ],
  [
    { slowRate: 0.5 },
    'breaker.slowRate and breaker.slowAfter: one makes no sense without the other',
  ],
  [
    { slowAfter: '1s' },
    'breaker.slowRate and breaker.slowAfter: one makes no sense without the other',
  ],
  [
    { slowRate: 0.5, slowAfter: 3 },
    "breaker.slowAfter: 3 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '3ms' or '3s'",
  ],
  [{ minRequests: 0 }, 'breaker.minRequests: 0 is not a whole number above 0'],
  [{ window: '0s' }, "breaker.window: '0s' is not longer than nothing"],
  [{ bucket: '0ms' }, "breaker.bucket: '0ms' is not longer than nothing"],
  [{ bucket: '11s' }, "breaker.bucket: '11s' is longer than the window, 10s"],
  [{ bucket: '1ms' }, "breaker.bucket: '1ms' makes 10000 of the window, more than 1000"],
  [{ lastRequests: 0 }, 'breaker.lastRequests: 0 is not a whole number from 1 to 100000'],
  [
    { lastRequests: 1e9 },
    'breaker.lastRequests: 1000000000 is not a whole number from 1 to 100000',
  ],
  [
    { lastRequests: 30, window: '10s' },
    'breaker.window: does not go with breaker.lastRequests; give one of the two',
  ],
  [
    { lastRequests: 10, minRequests: 11 },
    'breaker.minRequests: 11 is more than lastRequests, 10; the circuit could never open',
  ],
  [{ trip: true }, 'breaker.trip: true is not a function'],
  [
    { trip: () => true, errorRate: 0.5 },
    'breaker.errorRate: does not go with breaker.trip; give one of the two',
  ],
  [{ openFor: '0s' }, "breaker.openFor: '0s' is not longer than nothing"],
  [{ openFor: '1m', maxOpenFor: '30s' }, "breaker.maxOpenFor: '30s' is shorter than openFor, 1m"],
  [{ retryAfter: 'yes' }, 'breaker.retryAfter: yes is not true or false'],
  [{ halfOpen: 0 }, 'breaker.halfOpen: 0 is not a whole number from 1 to 1000'],
  [
    { halfOpen: { probes: -1 } },
    'breaker.halfOpen.probes: -1 is not a whole number from 1 to 1000',
  ],
  [{ halfOpen: { successes: 0 } }, 'breaker.halfOpen.successes: 0 is not a whole number above 0'],
  [
    { halfOpen: { toleratedFailures: -1 } },
    'breaker.halfOpen.toleratedFailures: -1 is not a whole number of 0 or more',
  ],
  [{ halfOpen: { timeout: '0s' } }, "breaker.halfOpen.timeout: '0s' is not longer than nothing"],
  [{ key: 'host' }, "breaker.key: 'host' is not one of origin, endpoint, route, all or a function"],
  [{ maxKeys: 0 }, 'breaker.maxKeys: 0 is not a whole number above 0'],
  [{ mode: 'off' }, "breaker.mode: 'off' is not one of on, metrics_only, forced_open, disabled"],
  [{ isIgnored: 404 }, 'breaker.isIgnored: 404 is not a function'],
  [{ onTransition: [] }, 'breaker.onTransition:  is not a function'],
])('CB-04 breaker(%j) is refused', (options, message) => {
  expect(() => breaker(options as BreakerOptions)).toThrow(new RangeError(message));
});

test('CB-04 a rate of 1 is allowed: it opens at the rate', () => {
  expect(() => breaker({ errorRate: 1 })).not.toThrow();
});
