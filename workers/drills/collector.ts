/**
 * A collector for the spans of Workers and of processes: OTLP over HTTP, on loopback.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { ExportTraceServiceRequest, OtlpAttribute } from '../../src/telemetry/otlp.ts';
import type { SeenSpan } from './platform.ts';

/** A collector that listens. */
export interface Collector {
  /** Such as `http://127.0.0.1:4318`. */
  readonly origin: string;
  readonly spans: readonly SeenSpan[];
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const spans: SeenSpan[] = [];
  const server = createServer(async (request, response) => {
    spans.push(...spansOf((await json(request)) as ExportTraceServiceRequest));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    spans,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function spansOf({ resourceSpans }: ExportTraceServiceRequest): SeenSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        traceId: span.traceId,
        endedAtMs: millisecondsOf(span.endTimeUnixNano),
        resource: valuesOf(resource?.attributes ?? []),
        attributes: valuesOf(span.attributes),
        events: span.events.map(({ name, timeUnixNano, attributes }) => ({
          name,
          atMs: millisecondsOf(timeUnixNano),
          attributes: valuesOf(attributes),
        })),
      })),
  );
}

function millisecondsOf(nanoseconds: string): number {
  return Number(nanoseconds) / 1_000_000;
}

/** Each value is one of several members, and they are the only ones. */
function valuesOf(attributes: readonly OtlpAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
