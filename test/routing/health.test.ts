import { describe, expect, test } from 'vitest';
import { afterCheck, healthSettings, unchecked, type Vitals } from '../../src/routing/health.ts';

const settings = { downAfter: 3, upAfter: 2 };
const vitalsAfter = (...results: readonly boolean[]): Vitals =>
  results.reduce((vitals, passed) => afterCheck(vitals, passed, settings), unchecked);

describe('what follows from checks', () => {
  test('HC-02: an endpoint takes part until so many checks in a row have failed', () => {
    expect(vitalsAfter().isUp).toBe(true);
    expect(vitalsAfter(false, false).isUp).toBe(true);
    expect(vitalsAfter(false, false, true, false, false).isUp).toBe(true);
    expect(vitalsAfter(false, false, false).isUp).toBe(false);
  });

  test('HC-03: it takes part again after so many in a row that passed', () => {
    expect(vitalsAfter(false, false, false, true).isUp).toBe(false);
    expect(vitalsAfter(false, false, false, true, false, true).isUp).toBe(false);
    expect(vitalsAfter(false, false, false, true, true).isUp).toBe(true);
  });
});

test('the settings are those of the documentation', () => {
  expect(healthSettings('health', { path: '/healthz' })).toEqual({
    path: '/healthz',
    intervalMs: 10_000,
    timeoutMs: 1_000,
    downAfter: 3,
    upAfter: 2,
  });
  expect(healthSettings('health', { path: '/', interval: '500ms' }).timeoutMs).toBe(500);
});

test.each([
  ['99ms', false],
  ['100ms', true],
  ['2147483647ms', true],
  ['2147483648ms', false],
] as const)('an interval of %s is taken: %s', (interval, isTaken) => {
  const settings = () => healthSettings('health', { path: '/', interval });
  if (isTaken) expect(settings().intervalMs).toBe(Number.parseInt(interval, 10));
  else expect(settings).toThrow(`health.interval: '${interval}' is not from 100ms to 24d`);
});
