/**
 * What is told of the traffic, and to whom.
 *
 * @module
 */

import type * as z from 'zod';
import type { MetricNames } from '../../telemetry/metrics.ts';
import type { AccessLogRule, Propagation, Telemetry } from '../model.ts';
import { block, choice, flag, list, textLike } from '../shape.ts';
import { percentage } from './duration.ts';
import { later } from './later.ts';
import { baggageKey, headerName, parameterName } from './names.ts';
import { plainPath } from './path.ts';
import { collectorUrl } from './url.ts';

/** As written. */
export interface MetricsBlock {
  readonly path?: string;
  readonly names?: MetricNames;
}

/** As written; the sample as a share from 0 to 1. */
export interface TracesBlock {
  readonly otlp?: string;
  readonly sample?: number;
  readonly propagation?: readonly Propagation[];
}

/** As written; the sample as a share from 0 to 1. */
export interface LogsBlock {
  readonly format?: 'json';
  readonly sample?: number;
  readonly query?: boolean;
  readonly headers?: readonly string[];
  readonly redact?: readonly string[];
}

/** As written. */
export interface TelemetryBlock {
  readonly service?: string;
  readonly metrics?: MetricsBlock;
  readonly traces?: TracesBlock;
  readonly logs?: LogsBlock;
  readonly baggage?: readonly string[];
  readonly revision_header?: boolean;
}

/** Metrics, traces and what goes with them. */
export const telemetry: z.ZodType<TelemetryBlock> = block<TelemetryBlock>(
  { title: '`telemetry`', later: later.telemetry },
  {
    service: textLike('a name of at most 255 characters', /^[^\p{C}]{1,255}$/u),
    metrics: block<MetricsBlock>(
      { title: '`metrics`' },
      { path: plainPath, names: choice(['article', 'otel', 'istio']) },
    ),
    traces: block<TracesBlock>(
      { title: '`traces`' },
      {
        otlp: collectorUrl,
        sample: percentage(),
        propagation: list(choice(['w3c', 'b3', 'b3multi'])),
      },
    ),
    logs: block<LogsBlock>(
      { title: '`logs`' },
      {
        format: choice(['json']),
        sample: percentage(),
        query: flag(),
        headers: list(headerName),
        redact: list(parameterName),
      },
    ),
    baggage: list(baggageKey),
    revision_header: flag(),
  },
);

/** Fills in the defaults. */
export function resolveTelemetry(written: TelemetryBlock): Telemetry {
  const { metrics = {}, traces = {}, baggage = [], service = 'gateway' } = written;
  const { otlp = '', sample, propagation = ['w3c'] } = traces;
  return {
    service,
    metrics: {
      ...(metrics.path !== undefined && { path: metrics.path }),
      names: metrics.names ?? 'article',
    },
    traces: {
      ...(otlp !== '' && { otlp }),
      ...(sample !== undefined && { sample }),
      propagation,
    },
    ...(written.logs !== undefined && { logs: resolveLogs(written.logs) }),
    baggage,
    revisionHeader: written.revision_header ?? false,
  };
}

/** The same for logs; JSON is the one format that there is. */
function resolveLogs({
  sample = 1,
  query = false,
  headers = [],
  redact = [],
}: LogsBlock): AccessLogRule {
  return { sample, query, headers, redact };
}
