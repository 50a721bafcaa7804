import { describe, expect, test } from 'vitest';
import { inbound } from '../../src/core/inbound.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { type MetricNames, metrics } from '../../src/telemetry/metrics.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';
import { tracing } from '../../src/telemetry/tracing.ts';
import { InMemorySpanExporter, processorFor, TracerProvider } from '../support/opentelemetry.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

/** What a scrape shows of a request that came with these flags. */
async function scraped(flags: string, names: MetricNames, format: 'text' | 'openmetrics') {
  const registry = createRegistry();
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({ spanProcessors: [processorFor(exporter)] });
  const app = inbound(
    () => new Response(),
    tracing({ tracerProvider }),
    metrics({ registry, service: 'shop', names, clock: new VirtualClock() }),
  );
  const traceparent = `00-${traceId}-00f067aa0ba902b7-${flags}`;
  await app(new Request('http://shop.example/', { headers: { traceparent } }));
  const spanId = exporter.getFinishedSpans()[0]?.spanContext().spanId;
  return { text: expose(registry, format), spanId };
}

describe.each(['article', 'otel', 'istio'] as const)('exemplars of preset %s', (names) => {
  test('a duration leads to the server span of its trace, in the bucket that it fell into', async () => {
    const { text, spanId } = await scraped('01', names, 'openmetrics');
    const exemplars = text.split('\n').filter((line) => line.includes(' # {'));
    expect(exemplars).toHaveLength(1);
    expect(exemplars[0]).toContain(`1 # {trace_id="${traceId}",span_id="${spanId}"} 0`);
  });

  test('a trace that is not sampled is none', async () => {
    expect((await scraped('00', names, 'openmetrics')).text).not.toContain('trace_id');
  });

  test('the format that has no exemplars shows none', async () => {
    expect((await scraped('01', names, 'text')).text).not.toContain('trace_id');
  });
});
