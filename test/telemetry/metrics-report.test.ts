import { expect, test } from 'vitest';
import { reportsOf } from '../../src/telemetry/metrics-report.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';

test('nothing is left to tell where nothing happened', () => {
  const registry = createRegistry();
  const report = reportsOf(registry);
  registry.counter({ name: 'orders_total', help: 'Orders.' }).increment({}, 2);
  report().commit();
  expect(report().deltas).toEqual([]);
});

test('what was not committed is told again', () => {
  const registry = createRegistry();
  const report = reportsOf(registry);
  registry.counter({ name: 'orders_total', help: 'Orders.' }).increment({}, 2);
  report();
  expect(report().deltas[0]?.series).toEqual([{ labels: '', values: [2] }]);
});
