/**
 * Metrics of many isolates as one: what each counted is added up in one place, so that a scrape sees the whole.
 *
 * @module
 */

import type { ExposedMetric } from './exposition.ts';
import { type FamilyPart, FamilyTotal } from './family-total.ts';
import type { MetricsDelta } from './metrics-report.ts';

/** A gauge that nobody has told for so long is of an isolate that is gone, in milliseconds. */
const gaugeLifeMs = 120_000;

/** Adds up what isolates report. */
export class FleetTotals {
  readonly #families = new Map<string, FamilyTotal>();
  /** Gauges are no sums over time: what each isolate said last counts, while it lives. */
  readonly #gauges = new Map<string, { readonly at: number; readonly deltas: MetricsDelta[] }>();

  /** @param stored What {@link FleetTotals.add} gave to be stored. */
  constructor(stored: Iterable<readonly [string, FamilyPart]> = []) {
    const families = new Map<string, Map<number, FamilyPart>>();
    for (const [key, part] of stored) {
      // No metric has such a character in its name.
      const [name, number] = key.split('#') as [string, string];
      const parts = families.get(name) ?? new Map<number, FamilyPart>();
      families.set(name, parts.set(Number(number), part));
    }
    for (const [name, parts] of families) this.#families.set(name, FamilyTotal.restored(parts));
  }

  /**
   * Takes over a report.
   *
   * @param isolate Tells isolates apart.
   * @param now In milliseconds since the epoch.
   * @returns What changed, to be stored.
   */
  add(isolate: string, deltas: readonly MetricsDelta[], now: number): Map<string, FamilyPart> {
    const changed = new Map<string, FamilyPart>();
    const gauges: MetricsDelta[] = [];
    for (const delta of deltas) {
      if (delta.kind === 'gauge') {
        gauges.push(delta);
        continue;
      }
      const family = FamilyTotal.for(delta, this.#families.get(delta.name));
      this.#families.set(delta.name, family);
      for (const number of family.add(delta)) {
        changed.set(`${delta.name}#${number}`, family.part(number));
      }
    }
    this.#gauges.set(isolate, { at: now, deltas: gauges });
    for (const [name, { at }] of this.#gauges) {
      if (now - at > gaugeLifeMs) this.#gauges.delete(name);
    }
    return changed;
  }

  /** What a scrape shows. */
  collect(now: number): readonly ExposedMetric[] {
    const gauges = new Map<string, FamilyTotal>();
    for (const { at, deltas } of this.#gauges.values()) {
      if (now - at > gaugeLifeMs) continue;
      for (const delta of deltas) {
        const family = FamilyTotal.for(delta, gauges.get(delta.name));
        family.add(delta);
        gauges.set(delta.name, family);
      }
    }
    return Array.from(new Map([...this.#families, ...gauges]), ([name, family]) =>
      family.exposed(name),
    );
  }
}
