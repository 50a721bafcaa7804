/**
 * From label values to a series: without keys that could collide, and with a limit.
 *
 * @module
 */

/** Values of the labels of one series, each label exactly once. */
export type LabelValues<Label extends string> = Readonly<Record<Label, string>>;

/** What a registry makes a metric from, checked. */
export interface MetricDeclaration {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly constantLabels: Readonly<Record<string, string>>;
  readonly maxSeries: number;
  /** Called for each observation that was left out. */
  readonly onIgnored: () => void;
}

/** What label names are made of (Prometheus data model). */
export const labelNamePattern: RegExp = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Every label of the series that sums up what came beyond the limit. */
const overflowText = '__overflow__';

/**
 * One label of a tree that has a level for each: no key is joined from values that clients choose, so none can collide.
 */
class Level<Series> {
  readonly nexts: Map<string, Level<Series> | Series> = new Map();
  /** The value that was last asked for, and where it led: most traffic repeats itself, and comparing beats hashing. */
  lastText: string | undefined;
  last: Level<Series> | Series | undefined;
}

function step<Series>(level: Level<Series>, text: string): Level<Series> | Series | undefined {
  if (text === level.lastText) return level.last;
  const next = level.nexts.get(text);
  if (next !== undefined) {
    level.lastText = text;
    level.last = next;
  }
  return next;
}

/** What the kinds have in common: finding the series of some label values. */
export class Family<Label extends string, Series extends object> {
  readonly name: string;
  readonly help: string;
  /** All series, in the order in which they came: at most the registry's `maxSeries`, and the overflow. */
  readonly series: readonly Series[];
  readonly #all: Series[] = [];
  readonly #labels: readonly string[];
  readonly #constantLabels: Readonly<Record<string, string>>;
  readonly #maxSeries: number;
  readonly #create: (labels: string) => Series;
  readonly #root: Level<Series> | Series;
  #overflow: Series | undefined;

  protected constructor(declaration: MetricDeclaration, create: (labels: string) => Series) {
    this.name = declaration.name;
    this.help = declaration.help;
    this.series = this.#all;
    this.#labels = declaration.labels;
    this.#constantLabels = declaration.constantLabels;
    this.#maxSeries = declaration.maxSeries;
    this.#create = create;
    // Without labels there is one series, and it is there from the start: a rate needs the zero before the first event.
    this.#root = this.#labels.length === 0 ? this.#add([]) : new Level();
  }

  /**
   * The series of these label values: cheap to ask for, cheaper to keep where the values are known beforehand.
   *
   * Beyond the limit of series this is the one whose labels are all `__overflow__`. Lone surrogates, which UTF-8 cannot
   * carry, are replaced by U+FFFD; a label that is missing is empty, which to Prometheus is the same.
   */
  with(values: LabelValues<Label>): Series {
    // In the caller's order first, which mostly is the declared one: twice as fast as asking for each label by name.
    const labels = this.#labels;
    let node = this.#root;
    let depth = 0;
    for (const label in values) {
      if (label !== labels[depth]) return this.#byName(values);
      const next = step(node as Level<Series>, values[label]);
      if (next === undefined) return this.#resolve(values);
      node = next;
      depth += 1;
    }
    return depth === labels.length ? (node as Series) : this.#byName(values);
  }

  /**
   * Takes the series of these labels away, such as those of an upstream that is gone. Who asks for it again gets a new one;
   * who still holds the old one counts unseen.
   */
  remove(values: LabelValues<Label>): void {
    const texts = this.#labels.map((label) => labelText((values as LabelValues<string>)[label]));
    if (texts.length === 0) return;
    const levels: Level<Series>[] = [];
    let node: Level<Series> | Series | undefined = this.#root;
    for (const text of texts) {
      if (node === undefined) return;
      levels.push(node as Level<Series>);
      node = (node as Level<Series>).nexts.get(text);
    }
    const index = node === undefined ? -1 : this.#all.indexOf(node as Series);
    if (index === -1) return;
    this.#all.splice(index, 1);
    // From the last label to the first, for as long as nothing else hangs there.
    for (let depth = texts.length - 1; depth >= 0; depth--) {
      const level = levels[depth] as Level<Series>;
      level.nexts.delete(texts[depth] as string);
      level.lastText = undefined;
      level.last = undefined;
      if (level.nexts.size > 0) break;
    }
  }

  #byName(values: LabelValues<string>): Series {
    let node = this.#root;
    for (const label of this.#labels) {
      const next = step(node as Level<Series>, values[label] as string);
      if (next === undefined) return this.#resolve(values);
      node = next;
    }
    return node as Series;
  }

  /** Finds or makes the series of values that are not in the tree as they are. */
  #resolve(values: Readonly<Record<string, unknown>>): Series {
    const texts = this.#labels.map((label) => labelText(values[label]));
    let node = this.#root;
    let depth = 0;
    for (; depth < texts.length; depth++) {
      const next = step(node as Level<Series>, texts[depth] as string);
      if (next === undefined) break;
      node = next;
    }
    if (depth === texts.length) return node as Series;
    // A client may well send the overflow's own label: two series of one name and labels would spoil the scrape.
    if (this.#all.length >= this.#maxSeries || texts.every((text) => text === overflowText)) {
      this.#overflow ??= this.#add(texts.fill(overflowText));
      return this.#overflow;
    }
    const series = this.#add(texts);
    for (; depth < texts.length; depth++) {
      const next = depth === texts.length - 1 ? series : new Level<Series>();
      (node as Level<Series>).nexts.set(texts[depth] as string, next);
      node = next;
    }
    return series;
  }

  #add(texts: readonly string[]): Series {
    const series = this.#create(
      renderLabels([
        ...Object.entries(this.#constantLabels),
        ...this.#labels.map((label, index) => [label, texts[index] as string] as const),
      ]),
    );
    this.#all.push(series);
    return series;
  }
}

/** Callers in plain JavaScript pass numbers, and forget labels; a recording never throws. */
function labelText(value: unknown): string {
  if (typeof value === 'string') return value.toWellFormed();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** Labels as both formats show them between the braces. */
export function renderLabels(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([label, value]) => `${label}="${escapeText(value)}"`).join(',');
}

/** Escapes what stands in quotes: backslash, double quote and line feed. */
export function escapeText(text: string): string {
  const wellFormed = text.toWellFormed();
  if (!/[\\"\n]/.test(wellFormed)) return wellFormed;
  return wellFormed.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`));
}
