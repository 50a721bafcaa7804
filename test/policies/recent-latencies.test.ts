import { expect, test } from 'vitest';
import { RecentLatencies } from '../../src/policies/recent-latencies.ts';

function after(...runs: readonly (readonly [times: number, latencyMs: number])[]): RecentLatencies {
  const latencies = new RecentLatencies();
  for (const [times, latencyMs] of runs) {
    for (let count = 0; count < times; count++) latencies.add(latencyMs);
  }
  return latencies;
}

test('nothing is known of no exchange', () => {
  expect(after().percentile(0.95)).toBeUndefined();
});

test('the percentile is that of the nearest rank', () => {
  const latencies = after([1, 30], [1, 10], [1, 20], [1, 40]);
  expect([0, 0.25, 0.26, 0.75, 1].map((share) => latencies.percentile(share))).toEqual([
    10, 10, 20, 30, 40,
  ]);
});

test('HG-10: the last 512 are remembered, and no others', () => {
  expect(after([512, 100], [511, 10]).percentile(1)).toBe(100);
  expect(after([512, 100], [512, 10]).percentile(1)).toBe(10);
});

test('the order is made anew after 32 more', () => {
  const latencies = after([1, 10]);
  expect(latencies.percentile(1)).toBe(10);
  for (let count = 0; count < 31; count++) latencies.add(50);
  expect(latencies.percentile(1)).toBe(10);
  latencies.add(50);
  expect(latencies.percentile(1)).toBe(50);
});
