/**
 * Metrics of many isolates as one: what each counted is added up in one place, so that a scrape sees the whole.
 *
 * @module
 */

import type { ExposedMetric } from './exposition.ts';
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

/** A family of series, added up. Plain data, so that it can be stored. */
export interface MetricTotal {
  readonly help: string;
  readonly kind: MetricsDelta['kind'];
  readonly buckets: readonly number[];
  /** By their labels; as in {@link SeriesDelta}. */
  readonly series: Record<string, number[]>;
}

/** The most series that are kept of one family; isolates keep fewer each. */
const mostSeries = 10_000;

/** A gauge that nobody has told for so long is of an isolate that is gone, in milliseconds. */
const gaugeLifeMs = 120_000;

/** Adds up what isolates report. */
export class FleetTotals {
  readonly #families: Map<string, MetricTotal>;
  /** Gauges are no sums over time: what each isolate said last counts, while it lives. */
  readonly #gauges = new Map<string, { readonly at: number; readonly deltas: MetricsDelta[] }>();

  /** @param families Those that were stored; see {@link FleetTotals.add}. */
  constructor(families: Iterable<readonly [string, MetricTotal]> = []) {
    this.#families = new Map(families);
  }

  /**
   * Takes over a report.
   *
   * @param isolate Tells isolates apart.
   * @param now In milliseconds since the epoch.
   * @returns The families that changed, to be stored.
   */
  add(isolate: string, deltas: readonly MetricsDelta[], now: number): Map<string, MetricTotal> {
    const changed = new Map<string, MetricTotal>();
    const gauges: MetricsDelta[] = [];
    for (const delta of deltas) {
      if (delta.kind === 'gauge') gauges.push(delta);
      else changed.set(delta.name, this.#sum(delta));
    }
    this.#gauges.set(isolate, { at: now, deltas: gauges });
    for (const [name, { at }] of this.#gauges) {
      if (now - at > gaugeLifeMs) this.#gauges.delete(name);
    }
    return changed;
  }

  /** What a scrape shows. */
  collect(now: number): readonly ExposedMetric[] {
    const families = new Map(this.#families);
    for (const { at, deltas } of this.#gauges.values()) {
      if (now - at > gaugeLifeMs) continue;
      for (const delta of deltas) families.set(delta.name, added(families.get(delta.name), delta));
    }
    return Array.from(families, ([name, total]) => exposed(name, total));
  }

  #sum(delta: MetricsDelta): MetricTotal {
    const total = added(this.#families.get(delta.name), delta);
    this.#families.set(delta.name, total);
    return total;
  }
}

/** A new total: the old one may be stored at this moment. */
function added(total: MetricTotal | undefined, delta: MetricsDelta): MetricTotal {
  const { help, kind, buckets } = delta;
  // After a deployment with other buckets the old counts cannot be carried on.
  const isSame = total?.kind === kind && String(total.buckets) === String(buckets);
  const series = { ...(isSame ? total.series : {}) };
  let count = Object.keys(series).length;
  for (const { labels, values } of delta.series) {
    const before = series[labels];
    if (before === undefined && ++count > mostSeries) continue;
    series[labels] = values.map((value, index) => value + (before?.[index] ?? 0));
  }
  return { help, kind, buckets, series };
}

function exposed(name: string, { help, kind, buckets, series }: MetricTotal): ExposedMetric {
  const all = Object.entries(series);
  if (kind !== 'histogram') {
    return { name, help, kind, series: all.map(([labels, [value = 0]]) => ({ labels, value })) };
  }
  return {
    name,
    help,
    kind,
    buckets,
    series: all.map(([labels, values]) => ({
      labels,
      counts: values.slice(0, -1),
      sum: values.at(-1) ?? 0,
      exemplars: [],
    })),
  };
}
