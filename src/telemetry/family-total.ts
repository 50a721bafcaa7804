/**
 * A family of series added up over many isolates, in parts that are small enough to be stored.
 *
 * @module
 */

import type { ExposedMetric } from './exposition.ts';
import type { MetricsDelta } from './metrics-report.ts';

/** Some series of a family, as they are stored: plain data. */
export interface FamilyPart {
  readonly help: string;
  readonly kind: MetricsDelta['kind'];
  readonly buckets: readonly number[];
  /** How often the family has begun anew: parts of another beginning count for nothing. */
  readonly beginning: number;
  /** By their labels; what a `SeriesDelta` has as values. */
  readonly series: Readonly<Record<string, readonly number[]>>;
}

/** The most series that are kept; isolates keep fewer each. */
const mostSeries = 10_000;

/** In a part. Labels of a kilobyte fit into the 128 KiB that Durable Objects store under one key. */
const seriesInPart = 100;

type Head = Omit<FamilyPart, 'series'>;
type Series = Record<string, readonly number[]>;

/** All series of a family. */
export class FamilyTotal {
  readonly #head: Head;
  readonly #parts: Series[] = [];
  /** Which part has the series of these labels. */
  readonly #partOf = new Map<string, number>();

  private constructor(head: Head) {
    this.#head = head;
  }

  /** The family that a report goes into: the same one, or where it is told of otherwise, such as in other buckets, a new one. */
  static for(delta: MetricsDelta, present: FamilyTotal | undefined): FamilyTotal {
    const { help, kind, buckets } = delta;
    const head = present === undefined ? undefined : present.#head;
    if (present && head?.kind === kind && String(head.buckets) === String(buckets)) return present;
    return new FamilyTotal({ help, kind, buckets, beginning: (head?.beginning ?? 0) + 1 });
  }

  /** @param parts By their numbers. Those of an earlier beginning may be among them. */
  static restored(parts: ReadonlyMap<number, FamilyPart>): FamilyTotal {
    const last = Math.max(...Array.from(parts.values(), ({ beginning }) => beginning));
    const present = Array.from(parts).filter(([, { beginning }]) => beginning === last);
    const [[, { series: _, ...head }]] = present as [[number, FamilyPart]];
    const total = new FamilyTotal(head);
    for (const [number, { series }] of present.sort(([a], [b]) => a - b)) {
      total.#parts[number] = series;
      for (const labels of Object.keys(series)) total.#partOf.set(labels, number);
    }
    return total;
  }

  /** @returns The numbers of the parts that changed. */
  add({ series }: MetricsDelta): ReadonlySet<number> {
    const changed = new Set<number>();
    for (const { labels, values } of series) {
      const number = this.#partOf.get(labels) ?? this.#partForNew(labels);
      if (number === undefined) continue;
      // A new one: the old one may be stored at this moment.
      if (!changed.has(number)) this.#parts[number] = { ...this.#parts[number] };
      changed.add(number);
      const part = this.#parts[number] as Series;
      const before = part[labels];
      part[labels] = values.map((value, index) => value + (before?.[index] ?? 0));
    }
    return changed;
  }

  /** `undefined` beyond the limit. */
  #partForNew(labels: string): number | undefined {
    if (this.#partOf.size >= mostSeries) return undefined;
    const number = Math.floor(this.#partOf.size / seriesInPart);
    this.#partOf.set(labels, number);
    return number;
  }

  part(number: number): FamilyPart {
    return { ...this.#head, series: this.#parts[number] ?? {} };
  }

  /** What a scrape shows. */
  exposed(name: string): ExposedMetric {
    const { help, kind, buckets } = this.#head;
    const all = this.#parts.flatMap((part) => Object.entries(part));
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
}
