import { expect, test } from 'vitest';
import { breaker } from '../../../src/policies/breaker/breaker.ts';

test('CB-04 a rate of 1 is allowed: it opens at the rate', () => {
  expect(() => breaker({ errorRate: 1 })).not.toThrow();
});
