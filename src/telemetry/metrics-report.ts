/**
 * What one isolate tells of its metrics: what was counted since it last told.
 *
 * @module
 */

import type { Registry } from './registry.ts';

/** What one isolate counted since it last told; plain data. */
export interface MetricsDelta {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Upper bounds; empty unless it is a histogram. */
  readonly buckets: readonly number[];
  readonly series: readonly SeriesDelta[];
}

/** One series of a {@link MetricsDelta}. */
export interface SeriesDelta {
  /** As a scrape shows them, without the braces. */
  readonly labels: string;
  /** What came to a counter; what a gauge stands at; to the buckets of a histogram, and last to its sum. */
  readonly values: readonly number[];
}

/** What an isolate has to tell, and how it says that it was told. */
export interface MetricsReport {
  readonly deltas: readonly MetricsDelta[];
  /** To be called once they were taken over; until then they are part of the next report as well. */
  commit(): void;
}

/**
 * Reads what was counted since the last report that was committed.
 *
 * @example
 * ```ts
 * const registry = createRegistry();
 * const orders = registry.counter({ name: 'orders_total', help: 'Orders.' });
 * const report = reportsOf(registry);
 * orders.increment({}, 3);
 * report().commit();
 * orders.increment({}, 2);
 * report().deltas[0]?.series; // [{ labels: '', values: [2] }]
 * ```
 */
export function reportsOf(registry: Registry): () => MetricsReport {
  // By the series and not by its labels: one that was taken away and made anew counts from 0 again.
  const told = new WeakMap<object, readonly number[]>();
  return () => {
    const now = new Map<object, readonly number[]>();
    const deltas: MetricsDelta[] = [];
    for (const metric of registry.collect()) {
      const series: SeriesDelta[] = [];
      for (const one of metric.series) {
        const values = 'counts' in one ? [...one.counts, one.sum] : [one.value];
        now.set(one, values);
        if (metric.kind === 'gauge') {
          series.push({ labels: one.labels, values });
          continue;
        }
        const before = told.get(one);
        const more = values.map((value, index) => value - (before?.[index] ?? 0));
        if (before === undefined || more.some((value) => value !== 0)) {
          series.push({ labels: one.labels, values: more });
        }
      }
      if (series.length === 0) continue;
      const { name, help, kind } = metric;
      deltas.push({
        name,
        help,
        kind,
        buckets: metric.kind === 'histogram' ? metric.buckets : [],
        series,
      });
    }
    return {
      deltas,
      commit() {
        for (const [one, values] of now) told.set(one, values);
      },
    };
  };
}
