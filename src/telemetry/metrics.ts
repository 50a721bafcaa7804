/**
 * Metrics of requests, under names that dashboards know already.
 *
 * @module
 */

import { baggageOf } from '../core/baggage.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { withExchange } from '../core/exchange.ts';
import { knownOptions, shown } from '../core/option.ts';
import { formatFlags } from '../core/response-flags.ts';
import { sampledSpan } from './exemplar.ts';
import { knownMethod, labelName, longestBaggageValue } from './http.ts';
import { observe } from './observe.ts';
import { articlePreset } from './presets/article.ts';
import { istioPreset } from './presets/istio.ts';
import { openTelemetryPreset } from './presets/open-telemetry.ts';
import type { MetricsPreset } from './presets/preset.ts';
import type { Registry } from './registry.ts';

/** The names under which {@link metrics} reports. */
export type MetricNames = 'article' | 'otel' | 'istio';

/** Settings of {@link metrics}. */
export interface MetricsOptions {
  /** Where the series live and are scraped from. */
  readonly registry: Registry;
  /** The service that this chain serves, or that calls: a constant label, and in `article` a metric's name. */
  readonly service: string;
  /**
   * What this instance stands for, such as `canary`. A gateway tells it for each request by the version that the rules
   * chose; this is the value where nothing was chosen. Default: `'stable'`.
   */
  readonly environment?: string;
  /** Default: `'article'`. */
  readonly names?: MetricNames;
  /** Baggage keys that become labels, values cut at 64 characters. Default: none. */
  readonly baggage?: readonly string[];
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

const presets: Readonly<Record<MetricNames, MetricsPreset>> = {
  article: articlePreset,
  istio: istioPreset,
  otel: openTelemetryPreset,
};

/**
 * Counts requests, measures how long they take until the response's headers, and how many are under way.
 *
 * A request is recorded once: with its response, with its error, or when the caller goes away (status 499). Memory is
 * bounded by the registry's limit on series; methods that clients invent are all `_OTHER`. Inside of `tracing`, durations
 * bear the ids of sampled traces as exemplars, which OpenMetrics shows.
 *
 * @example
 * ```ts
 * const registry = createRegistry();
 * const app = inbound(() => new Response(), metrics({ registry, service: 'shop' }));
 * await app(new Request('http://shop.example/'));
 * expose(registry, 'text').includes('shop_request_total{env="stable"} 1'); // true
 * ```
 */
export function metrics(options: MetricsOptions): Middleware {
  knownOptions('metrics', options, {
    registry: true,
    service: true,
    environment: true,
    names: true,
    baggage: true,
    clock: true,
  });
  const { registry, service, environment = 'stable', names = 'article', baggage = [] } = options;
  const { clock = systemClock } = options;
  const preset = presets[names];
  if (preset === undefined) {
    throw new RangeError(`metrics.names: '${names}' is not one of article, otel, istio`);
  }
  if (typeof registry?.histogram !== 'function') {
    throw new RangeError(
      `metrics.registry: ${shown(registry)} is none, as createRegistry makes one`,
    );
  }
  if (typeof service !== 'string' || service === '') {
    throw new RangeError(`metrics.service: ${shown(service)} is not a name`);
  }
  const recorder = preset({ registry, service, baggageLabels: baggage.map(labelName) });

  return layer(
    `metrics ${names}`,
    (next) =>
      function metrics(request, outer) {
        const { context, record } = withExchange(outer);
        const method = knownMethod(request.method);
        const scheme = request.url.startsWith('https:') ? 'https' : 'http';
        const labels = context.get(sampledSpan);
        const startMs = clock.monotonic();
        recorder.begin({ method, scheme });
        return observe(next, request, context, ({ response, errorType, flag }) => {
          recorder.end({
            direction: context.direction,
            method,
            scheme,
            status: response?.status ?? (flag === 'DC' ? 499 : 500),
            flags: formatFlags(record.flags, flag),
            errorType,
            route: record.route,
            destinationService: record.service ?? service,
            destinationVersion: record.version,
            environment: record.environment ?? environment,
            durationSeconds: (clock.monotonic() - startMs) / 1_000,
            baggage: baggageValues(request, baggage),
            exemplar: labels && { labels, timestampMs: clock.now() },
          });
        });
      },
  );
}

const noValues: readonly string[] = [];

function baggageValues(request: Request, keys: readonly string[]): readonly string[] {
  if (keys.length === 0) return noValues;
  const baggage = baggageOf(request);
  return keys.map((key) => baggage.get(key)?.value.slice(0, longestBaggageValue) ?? '');
}
