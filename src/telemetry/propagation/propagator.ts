/**
 * How trace contexts travel from process to process.
 *
 * @module
 */

import type { SpanContext } from '@opentelemetry/api';
import { extractB3, injectB3Multi, injectB3Single } from './b3.ts';
import { extractTraceContext, injectTraceContext } from './trace-context.ts';

/** Reads a trace context from headers and writes it into headers. */
export interface Propagator {
  /** The headers that say where a span belongs, in lower case: what came in under these names does not go on. */
  readonly fields: readonly string[];
  /** @returns `undefined` where there is no valid one. Never throws. */
  extract(headers: Headers): SpanContext | undefined;
  /** Calls `set` with name and value of each header. */
  inject(spanContext: SpanContext, set: (name: string, value: string) => void): void;
}

/** W3C Trace Context: `traceparent` and `tracestate`. */
export function w3c(): Propagator {
  return {
    fields: ['traceparent', 'tracestate'],
    extract: extractTraceContext,
    inject: injectTraceContext,
  };
}

/** Settings of {@link b3}. */
export interface B3Options {
  /** Written as one header, `b3`, or as several, `X-B3-…`; both are read. Default: `'single'`. */
  readonly encoding?: 'single' | 'multi';
}

/** The last two are read and never written: of another span they would be wrong. */
const multiFields: readonly string[] = [
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-sampled',
  'x-b3-parentspanid',
  'x-b3-flags',
];

/** B3, for a fleet that Zipkin, Sleuth or Envoy traces. */
export function b3({ encoding = 'single' }: B3Options = {}): Propagator {
  return {
    fields: encoding === 'single' ? ['b3'] : multiFields,
    extract: extractB3,
    inject: encoding === 'single' ? injectB3Single : injectB3Multi,
  };
}

/**
 * Several at once: the first that finds a context is believed, all of them write.
 *
 * @example
 * ```ts
 * const both = compositePropagator(w3c(), b3({ encoding: 'multi' }));
 * both.fields.length; // 7
 * ```
 */
export function compositePropagator(...propagators: readonly Propagator[]): Propagator {
  return {
    fields: propagators.flatMap(({ fields }) => fields),
    extract(headers) {
      for (const propagator of propagators) {
        const found = propagator.extract(headers);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    inject(spanContext, set) {
      for (const propagator of propagators) propagator.inject(spanContext, set);
    },
  };
}
