/**
 * The three kinds of metrics, and what one series of each keeps.
 *
 * @module
 */

import { Family, type LabelValues, type MetricDeclaration } from './family.ts';

/** One series of a {@link Counter}. */
export class CounterSeries {
  /** Names and values as a scrape shows them, without the braces. */
  readonly labels: string;
  readonly #onIgnored: () => void;
  #value = 0;

  constructor(labels: string, onIgnored: () => void) {
    this.labels = labels;
    this.#onIgnored = onIgnored;
  }

  /** The sum of all increments. */
  get value(): number {
    return this.#value;
  }

  /** @param by A finite number, 0 or more; anything else is left out and counted as ignored. Default: 1. */
  increment(by = 1): void {
    if (Number.isFinite(by) && by >= 0) this.#value += by;
    else this.#onIgnored();
  }
}

/**
 * A value that only goes up.
 *
 * @example
 * ```ts
 * const orders = createRegistry().counter({ name: 'orders_total', help: 'Orders.', labels: ['item'] });
 * orders.increment({ item: 'SKU-001' }, 2);
 * orders.with({ item: 'SKU-001' }).value; // 2
 * ```
 */
export class Counter<Label extends string> extends Family<Label, CounterSeries> {
  readonly kind = 'counter';

  constructor(declaration: MetricDeclaration) {
    super(declaration, (labels) => new CounterSeries(labels, declaration.onIgnored));
  }

  /** Adds to the series of these labels. */
  increment(values: LabelValues<Label>, by = 1): void {
    this.with(values).increment(by);
  }
}

/** One series of a {@link Gauge}. */
export class GaugeSeries {
  /** Names and values as a scrape shows them, without the braces. */
  readonly labels: string;
  readonly #onIgnored: () => void;
  #value = 0;

  constructor(labels: string, onIgnored: () => void) {
    this.labels = labels;
    this.#onIgnored = onIgnored;
  }

  /** What the gauge stands at. */
  get value(): number {
    return this.#value;
  }

  /** @param value Any number; `NaN` says that the value is not known. */
  set(value: number): void {
    if (typeof value === 'number') this.#value = value;
    else this.#onIgnored();
  }

  /** @param by A finite number; anything else is left out and counted as ignored. Default: 1. */
  increment(by = 1): void {
    if (Number.isFinite(by)) this.#value += by;
    else this.#onIgnored();
  }

  /** @param by As for {@link increment}. */
  decrement(by = 1): void {
    this.increment(-by);
  }
}

/**
 * A value that goes up and down.
 *
 * @example
 * ```ts
 * const inFlight = createRegistry().gauge({ name: 'in_flight', help: 'Calls under way.', labels: ['to'] });
 * const toInventory = inFlight.with({ to: 'inventory' });
 * toInventory.increment();
 * toInventory.value; // 1
 * ```
 */
export class Gauge<Label extends string> extends Family<Label, GaugeSeries> {
  readonly kind = 'gauge';

  constructor(declaration: MetricDeclaration) {
    super(declaration, (labels) => new GaugeSeries(labels, declaration.onIgnored));
  }

  /** Sets the series of these labels. */
  set(values: LabelValues<Label>, value: number): void {
    this.with(values).set(value);
  }

  /** Adds to the series of these labels. */
  increment(values: LabelValues<Label>, by = 1): void {
    this.with(values).increment(by);
  }

  /** Subtracts from the series of these labels. */
  decrement(values: LabelValues<Label>, by = 1): void {
    this.with(values).decrement(by);
  }
}

/** An example behind a bucket, such as the trace of a slow request. */
export interface Exemplar {
  /**
   * At most 128 characters in names and values together (OpenMetrics 1.0.0, "Exemplars"), or the exemplar is left out;
   * names as those of labels.
   */
  readonly labels: Readonly<Record<string, string>>;
  /** Wall-clock time in milliseconds since the epoch. Default: not shown. */
  readonly timestampMs?: number;
}

/** An {@link Exemplar} as it is kept, with labels of its own. */
export interface KeptExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timestampMs: number | undefined;
}

/** In UTF-16 units, of which there are never fewer than of the code points that OpenMetrics counts. */
const longestExemplar = 128;

/** One series of a {@link Histogram}. */
export class HistogramSeries {
  /** Names and values as a scrape shows them, without the braces. */
  readonly labels: string;
  /** How many values fell into each bucket, the last one being `+Inf`; not cumulative. */
  readonly counts: Float64Array;
  /** The last exemplar of each bucket. */
  readonly exemplars: readonly (KeptExemplar | undefined)[];
  readonly #exemplars: (KeptExemplar | undefined)[] = [];
  readonly #bounds: Float64Array;
  readonly #lowest: number;
  readonly #onIgnored: () => void;
  #sum = 0;

  constructor(labels: string, bounds: Float64Array, onIgnored: () => void) {
    this.labels = labels;
    this.counts = new Float64Array(bounds.length + 1);
    this.exemplars = this.#exemplars;
    this.#bounds = bounds;
    this.#lowest = (bounds[0] as number) < 0 ? Number.NEGATIVE_INFINITY : 0;
    this.#onIgnored = onIgnored;
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /**
   * Counts a value.
   *
   * @param value A finite number, not below zero unless a bucket is; anything else is left out and counted as ignored.
   * @param exemplar Kept until the next one in the same bucket; shown in OpenMetrics only.
   */
  observe(value: number, exemplar?: Exemplar): void {
    if (!Number.isFinite(value) || value < this.#lowest) {
      this.#onIgnored();
      return;
    }
    const bounds = this.#bounds;
    const { length } = bounds;
    let bucket = 0;
    while (bucket < length && value > (bounds[bucket] as number)) bucket += 1;
    (this.counts[bucket] as number) += 1;
    this.#sum += value;
    if (exemplar === undefined) return;
    const { labels, timestampMs } = exemplar;
    if (fits(labels)) this.#exemplars[bucket] = { labels: { ...labels }, value, timestampMs };
  }
}

function fits(labels: Exemplar['labels']): boolean {
  let length = 0;
  for (const name in labels) {
    const value = labels[name];
    if (typeof value !== 'string') return false;
    length += name.length + value.length;
  }
  return length <= longestExemplar;
}

/**
 * Values counted by size.
 *
 * @example
 * ```ts
 * const waits = createRegistry().histogram({ name: 'wait_seconds', help: 'Time in the queue.', buckets: [0.1, 1] });
 * waits.with({}).observe(0.25);
 * [...waits.with({}).counts]; // [0, 1, 0]
 * ```
 */
export class Histogram<Label extends string> extends Family<Label, HistogramSeries> {
  readonly kind = 'histogram';
  /** Upper bounds, without `+Inf`. */
  readonly buckets: readonly number[];

  constructor(declaration: MetricDeclaration, buckets: readonly number[]) {
    const bounds = Float64Array.from(buckets);
    super(declaration, (labels) => new HistogramSeries(labels, bounds, declaration.onIgnored));
    this.buckets = [...buckets];
  }

  /** Counts a value in the series of these labels. */
  observe(values: LabelValues<Label>, value: number, exemplar?: Exemplar): void {
    this.with(values).observe(value, exemplar);
  }
}
