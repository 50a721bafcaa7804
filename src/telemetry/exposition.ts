/**
 * What a scrape gets to see: the Prometheus text format 0.0.4 and OpenMetrics 1.0.0.
 *
 * @module
 */

import { escapeText, labelNamePattern, renderLabels } from './family.ts';
import type { KeptExemplar } from './instruments.ts';

/** `text` is Prometheus' own, which everything reads; `openmetrics` has exemplars. */
export type ExpositionFormat = 'text' | 'openmetrics';

/** What a scrape sees of a metric; those of a registry are such. */
export type ExposedMetric = ExposedValues | ExposedHistogram;

/** A counter or a gauge. */
export interface ExposedValues {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly series: readonly { readonly labels: string; readonly value: number }[];
}

/** A histogram. */
export interface ExposedHistogram {
  readonly kind: 'histogram';
  readonly name: string;
  readonly help: string;
  /** Upper bounds, without `+Inf`. */
  readonly buckets: readonly number[];
  readonly series: readonly {
    readonly labels: string;
    /** Not cumulative; one more than there are bounds. */
    readonly counts: ArrayLike<number>;
    readonly sum: number;
    readonly exemplars: readonly (KeptExemplar | undefined)[];
  }[];
}

/** What can be exposed: a registry, or what several of them added up to. */
export interface Exposable {
  collect(): readonly ExposedMetric[];
}

const contentTypes: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * Writes all metrics of a registry.
 *
 * The text format names a counter as it was declared. In OpenMetrics its family does not end in `_total` and its samples
 * do, bounds are floats (`le="1.0"`), exemplars are shown, and a histogram with a bound below zero has neither sum nor
 * count, as the standard wants.
 *
 * @returns Complete lines; in OpenMetrics the last one is `# EOF`.
 * @throws What a callback of {@link Registry.onCollect} throws.
 *
 * @example
 * ```ts
 * const registry = createRegistry();
 * registry.gauge({ name: 'workers', help: 'Workers at hand.' }).set({}, 3);
 * expose(registry, 'openmetrics'); // '# TYPE workers gauge\n# HELP workers Workers at hand.\nworkers 3\n# EOF\n'
 * ```
 */
export function expose(registry: Exposable, format: ExpositionFormat): string {
  const lines: string[] = [];
  for (const metric of registry.collect()) {
    if (format === 'text') textFamily(metric, lines);
    else openMetricsFamily(metric, lines);
  }
  if (format === 'openmetrics') lines.push('# EOF');
  // One join is the way that is fast on all engines: a long string built piece by piece is slow to read on some.
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function textFamily(metric: ExposedMetric, lines: string[]): void {
  const { name, kind } = metric;
  const help = metric.help
    .toWellFormed()
    .replace(/[\\\n]/g, (found) => (found === '\n' ? '\\n' : '\\\\'));
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
  if (metric.kind === 'histogram') histogramLines(metric, 'text', lines);
  else valueLines(metric, name, lines);
}

function openMetricsFamily(metric: ExposedMetric, lines: string[]): void {
  const isCounter = metric.kind === 'counter';
  const name = isCounter ? metric.name.replace(/_total$/, '') : metric.name;
  lines.push(`# TYPE ${name} ${metric.kind}`, `# HELP ${name} ${escapeText(metric.help)}`);
  if (metric.kind === 'histogram') histogramLines(metric, 'openmetrics', lines);
  else valueLines(metric, isCounter ? `${name}_total` : name, lines);
}

function valueLines({ series }: ExposedValues, sample: string, lines: string[]): void {
  for (const { labels, value } of series) lines.push(`${sample}${braces(labels)} ${number(value)}`);
}

function histogramLines(
  { name, buckets, series }: ExposedHistogram,
  format: ExpositionFormat,
  lines: string[],
): void {
  const isOpen = format === 'openmetrics';
  const bounds = [...buckets.map(isOpen ? canonical : String), '+Inf'];
  const ends = bounds.map((bound) => `${bound}"} `);
  // The sum is a counter to OpenMetrics, which it cannot be where values are below zero.
  const hasSum = !isOpen || (buckets[0] as number) >= 0;
  for (const { labels, counts, exemplars, sum } of series) {
    const front = `${name}_bucket{${labels}${labels === '' ? '' : ','}le="`;
    let count = 0;
    for (let index = 0; index < ends.length; index++) {
      count += counts[index] as number;
      const example = isOpen ? exemplarText(exemplars[index]) : '';
      lines.push(`${front}${ends[index]}${count}${example}`);
    }
    if (!hasSum) continue;
    lines.push(
      `${name}_sum${braces(labels)} ${number(sum)}`,
      `${name}_count${braces(labels)} ${count}`,
    );
  }
}

function exemplarText(exemplar: KeptExemplar | undefined): string {
  if (exemplar === undefined) return '';
  const { labels, value, timestampMs } = exemplar;
  const pairs = Object.entries(labels);
  if (!pairs.every(([label]) => labelNamePattern.test(label))) return '';
  const time = Number.isFinite(timestampMs) ? ` ${(timestampMs as number) / 1_000}` : '';
  return ` # {${renderLabels(pairs)}} ${value}${time}`;
}

function braces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

/** Bounds are read as text by whoever queries them, so OpenMetrics wants one spelling: that of Go's `%g`, as a float. */
function canonical(bound: number): string {
  const [digits = '', exponent = ''] = bound.toExponential().split('e');
  const power = Number(exponent);
  if (power < -4 || power > 5) {
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

/**
 * Answers a scrape of a registry.
 *
 * OpenMetrics 1.0.0 goes to who asks for it by name and prefers nothing else, as Prometheus does; the text format to
 * everyone else.
 *
 * @returns 200 for GET and HEAD, 405 for other methods.
 * @throws What a callback of {@link Registry.onCollect} throws.
 *
 * @example
 * ```ts
 * const response = metricsResponse(createRegistry(), new Request('http://shop.example/metrics'));
 * response.headers.get('content-type'); // 'text/plain; version=0.0.4; charset=utf-8'
 * ```
 */
export function metricsResponse(registry: Exposable, request: Request): Response {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return new Response('Metrics are read with GET.\n', {
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
  }
  const format = negotiate(request.headers.get('accept') ?? '');
  return new Response(request.method === 'HEAD' ? null : expose(registry, format), {
    headers: {
      'content-type': contentTypes[format],
      'cache-control': 'no-store',
      vary: 'accept',
    },
  });
}

/** Weighs the two formats (RFC 9110 §12.5.1). A tie is OpenMetrics': who names it beside others can read it. */
function negotiate(accept: string): ExpositionFormat {
  let openMetrics = 0;
  // Which range speaks for text: the most specific of those that were given.
  let text = 0;
  let textPrecision = -1;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = weightOf(parameters);
    if (type === 'application/openmetrics-text') {
      if (readsVersion(parameters)) openMetrics = Math.max(openMetrics, weight);
      continue;
    }
    const precision = ['*/*', 'text/*', 'text/plain'].indexOf(type);
    if (precision > textPrecision) [text, textPrecision] = [weight, precision];
    else if (precision === textPrecision) text = Math.max(text, weight);
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}

function readsVersion(parameters: readonly string[]): boolean {
  const version = parameters.find((parameter) => parameter.startsWith('version='));
  return version === undefined || /^version="?1\.0\.0"?$/.test(version);
}

/** 1 without a weight, 0 for one that is malformed. */
function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  if (weight === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
}
