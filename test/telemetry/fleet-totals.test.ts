import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expose } from '../../src/telemetry/exposition.ts';
import type { FamilyPart } from '../../src/telemetry/family-total.ts';
import { FleetTotals } from '../../src/telemetry/fleet-totals.ts';
import { type MetricsDelta, reportsOf } from '../../src/telemetry/metrics-report.ts';
import { createRegistry, type Registry } from '../../src/telemetry/registry.ts';

function metricsOf(registry: Registry) {
  return {
    requests: registry.counter({ name: 'requests_total', help: 'Requests.', labels: ['code'] }),
    active: registry.gauge({ name: 'active', help: 'Under way.' }),
    duration: registry.histogram({ name: 'seconds', help: 'Time.', buckets: [0.1, 1] }),
  };
}

const text = (totals: FleetTotals, now = 0): string =>
  expose({ collect: () => totals.collect(now) }, 'text');

describe('the metrics of many isolates', () => {
  test('are shown as one registry that counted everything would show them', () => {
    const calls = fc.array(
      fc.record({
        isolate: fc.nat({ max: 2 }),
        code: fc.constantFrom('200', '503'),
        // Halves add up exactly.
        seconds: fc.integer({ min: 0, max: 6 }).map((halves) => halves / 2),
        reports: fc.boolean(),
        isLost: fc.boolean(),
      }),
      { maxLength: 50 },
    );
    fc.assert(
      fc.property(calls, (run) => {
        const one = metricsOf(createRegistry());
        const registries = [0, 1, 2].map(() => createRegistry());
        const isolates = registries.map(metricsOf);
        const reports = registries.map(reportsOf);
        const totals = new FleetTotals();
        const report = (index: number, isLost: boolean): void => {
          const { deltas, commit } = (reports[index] as ReturnType<typeof reportsOf>)();
          if (isLost) return;
          totals.add(String(index), deltas, 0);
          commit();
        };
        for (const { isolate, code, seconds, reports, isLost } of run) {
          for (const { requests, duration } of [isolates[isolate] as typeof one, one]) {
            requests.increment({ code });
            duration.observe({}, seconds);
          }
          if (reports) report(isolate, isLost);
        }
        for (const index of [0, 1, 2]) report(index, false);
        const shown = new Map(totals.collect(0).map((metric) => [metric.name, metric]));
        const sorted = (name: string): unknown =>
          shown
            .get(name)
            ?.series.map((series) => JSON.stringify(series))
            .sort();
        expect(sorted('requests_total') ?? []).toEqual(
          one.requests.series.map(({ labels, value }) => JSON.stringify({ labels, value })).sort(),
        );
        expect(sorted('seconds')).toEqual(
          one.duration.series.map(({ labels, counts, sum }) =>
            JSON.stringify({ labels, counts: [...counts], sum, exemplars: [] }),
          ),
        );
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  test('have gauges that are the sum of what living isolates stand at', () => {
    const registries = [createRegistry(), createRegistry()];
    const gauges = registries.map((registry) => metricsOf(registry).active);
    const totals = new FleetTotals();
    const report = (index: number, now: number): void => {
      const { deltas, commit } = reportsOf(registries[index] as Registry)();
      totals.add(String(index), deltas, now);
      commit();
    };
    gauges[0]?.set({}, 3);
    gauges[1]?.set({}, 4);
    report(0, 0);
    report(1, 0);
    expect(text(totals)).toContain('\nactive 7\n');
    gauges[0]?.set({}, 1);
    report(0, 60_000);
    expect(text(totals, 60_000)).toContain('\nactive 5\n');
    // The second was not heard of for two minutes.
    expect(text(totals, 120_001)).toContain('\nactive 1\n');
  });

  test('begin anew where a deployment counts in other buckets', () => {
    const totals = new FleetTotals();
    const before = createRegistry();
    metricsOf(before).duration.observe({}, 0.5);
    totals.add('old', reportsOf(before)().deltas, 0);
    const after = createRegistry();
    after.histogram({ name: 'seconds', help: 'Time.', buckets: [2] }).observe({}, 0.5);
    totals.add('new', reportsOf(after)().deltas, 0);
    expect(text(totals)).toContain('seconds_bucket{le="2"} 1\n');
    expect(text(totals)).toContain('seconds_count 1\n');
  });

  test('are stored in parts, of which those that changed are told, each small enough for a Durable Object', () => {
    const totals = new FleetTotals();
    const labels = (index: number): string => `path="/${'x'.repeat(900)}/${index}"`;
    const told = (from: number, to: number): MetricsDelta => ({
      ...{ name: 'seconds', help: 'Time.', kind: 'histogram', buckets: [1] },
      series: Array.from({ length: to - from }, (_, index) => {
        return { labels: labels(from + index), values: [1, 2, 0.1] };
      }),
    });
    const stored = totals.add('a', [told(0, 10_500)], 0);
    expect(stored.size).toBe(100);
    for (const part of stored.values()) {
      expect(JSON.stringify(part).length).toBeLessThan(128 << 10);
    }
    const more = totals.add('a', [told(150, 151)], 0);
    expect([...more.keys()]).toEqual(['seconds#1']);
    const restored = new FleetTotals(new Map([...stored, ...more]));
    const [family] = restored.collect(0);
    expect(family?.series.length).toBe(10_000);
    expect(family?.series.find((series) => series.labels === labels(150))).toMatchObject({
      counts: [2, 4],
    });
    expect(text(restored)).toBe(text(totals));
  });

  test('show nothing of what was stored before they began anew', () => {
    const told = (bucket: number, count: number): MetricsDelta => ({
      ...{ name: 'seconds', help: 'Time.', kind: 'histogram', buckets: [bucket] },
      series: Array.from({ length: count }, (_, index) => {
        return { labels: `path="/${index}"`, values: [1, 0, 0.1] };
      }),
    });
    const totals = new FleetTotals();
    const stored = new Map([
      ...totals.add('a', [told(1, 250)], 0),
      ...totals.add('a', [told(2, 1)], 0),
      ...totals.add('a', [told(1, 1)], 0),
    ]);
    expect(stored.size).toBe(3);
    const restored = new FleetTotals(stored);
    expect(restored.collect(0)[0]?.series.length).toBe(1);
    restored.add('a', [told(1, 150)], 0);
    expect(restored.collect(0)[0]?.series.length).toBe(150);
  });

  test('survive what is stored and read again', () => {
    const registry = createRegistry();
    metricsOf(registry).requests.increment({ code: '200' }, 5);
    const totals = new FleetTotals();
    const stored = new Map<string, FamilyPart>();
    for (const [name, total] of totals.add('a', reportsOf(registry)().deltas, 0)) {
      stored.set(name, structuredClone(total));
    }
    const restored = new FleetTotals(stored);
    restored.add('b', reportsOf(registry)().deltas, 0);
    expect(text(restored)).toContain('requests_total{code="200"} 10\n');
  });

  test('only go up, also where a series was taken away and begins anew', () => {
    const registry = createRegistry();
    const { requests } = metricsOf(registry);
    const report = reportsOf(registry);
    const totals = new FleetTotals();
    const tell = (): void => {
      const { deltas, commit } = report();
      totals.add('a', deltas, 0);
      commit();
    };
    requests.increment({ code: '200' }, 5);
    tell();
    requests.remove({ code: '200' });
    requests.increment({ code: '200' }, 2);
    tell();
    expect(text(totals)).toContain('requests_total{code="200"} 7\n');
  });
});
