/**
 * The OpenTelemetry SDK that the tests of telemetry run with: the second generation. The same tests run again with
 * `test/fixtures/sdk3/opentelemetry.ts` in place of this file, and the API of that generation in place of this one's
 * (`test/support/third-generation.ts`).
 */

import * as sdk from '@opentelemetry/sdk-trace-web';

export { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
export { B3Propagator } from '@opentelemetry/propagator-b3';
export {
  AlwaysOnSampler,
  InMemorySpanExporter,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  WebTracerProvider as TracerProvider,
} from '@opentelemetry/sdk-trace-web';

/** As users pass it to `telemetry({ sdk })`. */
export { sdk };
export const sdkVersion = '2.12.0';

/** Hands each span over as it ends. */
export function processorFor(exporter: sdk.SpanExporter): sdk.SpanProcessor {
  return new sdk.SimpleSpanProcessor(exporter);
}
