/**
 * A set of counters, gauges and histograms, with bounded memory and without any platform.
 *
 * @module
 */

import { wholeOption } from '../core/option.ts';
import { labelNamePattern, type MetricDeclaration } from './family.ts';
import { Counter, Gauge, Histogram } from './instruments.ts';

/** What every metric is declared with. */
export interface MetricOptions<Label extends string = string> {
  /**
   * Letters, digits, `_` and `:`, no digit first. That of a counter should end in `_total`: OpenMetrics shows it so in
   * any case, the text format as given.
   */
  readonly name: string;
  /** One sentence for `# HELP`. */
  readonly help: string;
  /**
   * Names of the labels, in the order in which they are shown: letters, digits and `_`, no digit and no `__` first, not
   * `le` on a histogram. Default: none.
   */
  readonly labels?: readonly Label[];
  /** Labels that have the same value on every series; they override the registry's. Default: none. */
  readonly constantLabels?: Readonly<Record<string, string>>;
}

/** What a histogram is declared with. */
export interface HistogramOptions<Label extends string = string> extends MetricOptions<Label> {
  /** Upper bounds, finite and strictly increasing, each included in its bucket; `+Inf` is implied. */
  readonly buckets: readonly number[];
}

/** Settings of {@link createRegistry}. */
export interface RegistryOptions {
  /** Labels of every series. Default: none. */
  readonly constantLabels?: Readonly<Record<string, string>>;
  /**
   * Series of one metric; whatever comes beyond is summed up in one more whose labels are all `__overflow__`.
   * Default: 2000, as in OpenTelemetry.
   */
  readonly maxSeries?: number;
}

/** Any of the three kinds. */
export type Metric = Counter<string> | Gauge<string> | Histogram<string>;

/**
 * A set of metrics. Declaring a metric again with the same type, labels, help and buckets gives the same metric.
 *
 * Each of the three throws a `RangeError` for an option that is not allowed, and an `Error` where the name, or one under
 * which its samples are shown, belongs to another metric.
 */
export interface Registry {
  /** Declares a value that only goes up. */
  counter<Label extends string = never>(options: MetricOptions<Label>): Counter<Label>;
  /** Declares a value that goes up and down. */
  gauge<Label extends string = never>(options: MetricOptions<Label>): Gauge<Label>;
  /** Declares values that are counted by size. */
  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label>;
  /**
   * Calls back before each scrape, for gauges that are read on demand. What it throws fails the scrape: half the truth
   * would go unnoticed.
   *
   * @returns Ends the calls.
   */
  onCollect(callback: () => void): () => void;
  /**
   * All metrics in the order in which they were declared, after the callbacks of {@link onCollect}; and
   * `fetchmesh_ignored_observations_total{metric}` where observations were left out that would have spoilt a sum.
   */
  collect(): readonly Metric[];
}

const metricNamePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** What a declaration is compared by with an earlier one of the same name. */
type Fingerprint = Readonly<
  Record<'type' | 'help' | 'labels' | 'constantLabels' | 'buckets', string>
>;

/**
 * Makes a registry. The data model and the formats are those of Prometheus; the limit of series is that of OpenTelemetry.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const registry = createRegistry();
 * const orders = registry.counter({ name: 'orders_total', help: 'Orders.', labels: ['item'] });
 * orders.with({ item: 'SKU-001' }).increment();
 * expose(registry, 'text').includes('orders_total{item="SKU-001"} 1'); // true
 * ```
 */
export function createRegistry(options: RegistryOptions = {}): Registry {
  const { maxSeries = 2_000 } = options;
  const shared = { ...options.constantLabels };
  wholeOption('createRegistry.maxSeries', maxSeries, 1);
  checkConstantLabels('createRegistry', shared, '');

  const declared = new Map<string, { readonly metric: Metric; readonly print: Fingerprint }>();
  /** Which metric each name of a family or a sample, of either format, belongs to. */
  const owners = new Map<string, string>();
  const callbacks = new Set<() => void>();

  const { metric: _, ...sharedByIgnored } = shared;
  const ignored = new Counter<'metric'>({
    name: 'fetchmesh_ignored_observations_total',
    help: 'Observations that were not a finite number, or below zero where nothing may be.',
    labels: ['metric'],
    constantLabels: sharedByIgnored,
    maxSeries,
    onIgnored() {},
  });
  for (const name of namesOf('counter', ignored.name)) owners.set(name, ignored.name);

  function declare<M extends Metric>(
    kind: M['kind'],
    given: MetricOptions<string> & { readonly buckets?: readonly number[] },
    make: (declaration: MetricDeclaration) => M,
  ): M {
    const { name, help, labels = [] } = given;
    checkName(kind, name);
    if (typeof help !== 'string') {
      throw new RangeError(`${name}.help: ${shown(help)} is not a text`);
    }
    checkLabels(name, labels, kind);
    const constantLabels = { ...shared, ...given.constantLabels };
    checkConstantLabels(name, constantLabels, kind);
    const twice =
      labels.find((label) => Object.hasOwn(constantLabels, label)) ??
      labels.find((label, index) => labels.indexOf(label) !== index);
    if (twice !== undefined) {
      throw new RangeError(`${name}.labels: '${twice}' is declared twice; a label has one value`);
    }
    if (kind === 'histogram') checkBuckets(name, given.buckets);

    const print: Fingerprint = {
      type: kind,
      help: shown(help),
      labels: shown(labels.toSorted()),
      constantLabels: shown(Object.entries(constantLabels).toSorted()),
      buckets: shown(given.buckets ?? []),
    };
    const present = declared.get(name);
    if (present !== undefined) {
      checkSame(name, present.print, print);
      return present.metric as M;
    }
    const names = namesOf(kind, name);
    for (const owned of names) {
      const owner = owners.get(owned);
      if (owner === undefined) continue;
      throw new Error(
        `registry.${kind}.name: '${name}' and '${owner}' would both be shown as '${owned}'`,
      );
    }
    const metric = make({
      name,
      help,
      labels: [...labels],
      constantLabels,
      maxSeries,
      onIgnored: () => ignored.increment({ metric: name }),
    });
    for (const owned of names) owners.set(owned, name);
    declared.set(name, { metric, print });
    return metric;
  }

  return {
    counter: (given) => declare('counter', given, (declaration) => new Counter(declaration)),
    gauge: (given) => declare('gauge', given, (declaration) => new Gauge(declaration)),
    histogram: (given) =>
      declare('histogram', given, (declaration) => new Histogram(declaration, given.buckets)),
    onCollect(callback) {
      // A function of its own, so that a callback given twice is called twice and removed once.
      const call = (): void => callback();
      callbacks.add(call);
      return () => void callbacks.delete(call);
    },
    collect() {
      for (const callback of [...callbacks]) callback();
      const metrics: Metric[] = Array.from(declared.values(), ({ metric }) => metric);
      if (ignored.series.length > 0) metrics.push(ignored);
      return metrics;
    },
  };
}

/** Names that a metric has in either format, `_created` included, which OpenMetrics keeps for it. */
function namesOf(kind: Metric['kind'], name: string): readonly string[] {
  if (kind === 'gauge') return [name];
  if (kind === 'histogram') {
    return ['', '_bucket', '_count', '_created', '_sum'].map((end) => name + end);
  }
  const family = name.replace(/_total$/, '');
  return [...new Set([name, family, `${family}_total`, `${family}_created`])];
}

function checkName(kind: Metric['kind'], name: string): void {
  const isName = typeof name === 'string' && metricNamePattern.test(name);
  if (!isName || (kind === 'counter' && name === '_total')) {
    throw new RangeError(
      `registry.${kind}.name: ${shown(name)} is not a metric name (letters, digits, _ and :, no digit first)`,
    );
  }
}

function checkLabels(owner: string, labels: readonly string[], kind: string): void {
  if (!Array.isArray(labels)) {
    throw new RangeError(`${owner}.labels: ${shown(labels)} is not a list of label names`);
  }
  for (const label of labels) checkLabel(`${owner}.labels`, label, kind);
}

function checkConstantLabels(
  owner: string,
  labels: Readonly<Record<string, string>>,
  kind: string,
): void {
  for (const [label, value] of Object.entries(labels)) {
    checkLabel(`${owner}.constantLabels`, label, kind);
    if (typeof value !== 'string') {
      throw new RangeError(`${owner}.constantLabels.${label}: ${shown(value)} is not a text`);
    }
  }
}

function checkLabel(option: string, label: string, kind: string): void {
  const isHistogram = kind === 'histogram';
  const isName = typeof label === 'string' && labelNamePattern.test(label);
  if (!isName || label.startsWith('__') || (isHistogram && label === 'le')) {
    throw new RangeError(
      `${option}: ${shown(label)} is not a label name (letters, digits and _, no digit and no __ first${isHistogram ? ', not le' : ''})`,
    );
  }
}

function checkBuckets(metric: string, buckets: readonly number[] | undefined): void {
  const isRising =
    Array.isArray(buckets) &&
    buckets.length > 0 &&
    buckets.every(
      (bound, index) => Number.isFinite(bound) && (index === 0 || bound > buckets[index - 1]),
    );
  if (!isRising) {
    throw new RangeError(
      `${metric}.buckets: ${Array.isArray(buckets) ? `[${buckets.join(', ')}]` : shown(buckets)} is not a strictly increasing list of finite numbers`,
    );
  }
}

function checkSame(name: string, before: Fingerprint, now: Fingerprint): void {
  for (const aspect of ['type', 'help', 'labels', 'constantLabels', 'buckets'] as const) {
    if (before[aspect] === now[aspect]) continue;
    throw new Error(
      `${name}: declared before with ${aspect} ${before[aspect]}, now with ${now[aspect]}; a name has one declaration`,
    );
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
