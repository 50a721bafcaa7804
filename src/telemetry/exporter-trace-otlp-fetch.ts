/**
 * Traces to a collector, over `fetch`: OTLP/HTTP on every runtime, for both generations of the OpenTelemetry SDK.
 *
 * @module
 */

import { diag } from '@opentelemetry/api';
import { type Clock, longestDelayMs, systemClock } from '../core/clock.ts';
import { ignore } from '../core/discard.ts';
import { encodeTraces } from './otlp-encoder.ts';
import { checkCollectorUrl, grpcPort, tracesPath } from './otlp-endpoint.ts';
import { type Delivery, OtlpTransport } from './otlp-transport.ts';
import type { ExportResult, ReadableSpan, SpanExporter } from './sdk.ts';

export { resolveTracesUrl } from './otlp-endpoint.ts';

/** Settings of {@link OTLPTraceExporter}. The first five are those of the official exporters. */
export interface OTLPTraceExporterOptions {
  /** Where the collector takes traces, path and all. Default: `http://localhost:4318/v1/traces`. */
  readonly url?: string;
  /** Sent with each request, such as a token; a function is asked for each export. Default: none. */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);
  /** How long an export may take, all its tries and waits included, in milliseconds. Default: 10000. */
  readonly timeoutMillis?: number;
  /** `'gzip'` compresses bodies of 1 KB and above. Default: `'none'`. */
  readonly compression?: 'none' | 'gzip';
  /** Exports under way at once; the spans of further ones are dropped. Default: 30. */
  readonly concurrencyLimit?: number;
  /** Sends the requests. Default: the runtime's own, as it is at the time of the export. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** Numbers in [0, 1), for the jitter of delays. Default: `Math.random`. */
  readonly random?: () => number;
  /**
   * Told what goes wrong, each thing once until an export succeeds again: a collector that is down must not flood the log.
   * Must not throw. Default: `diag.warn` of the OpenTelemetry API.
   */
  readonly onDiagnostic?: (message: string) => void;
}

/** What became of the spans that were handed to an exporter. */
export interface ExportStatistics {
  /** Spans that the collector took. */
  readonly exported: number;
  /** Spans that it refused while it took the others of their batch. */
  readonly rejected: number;
  /** Spans that never reached it, or whose batch it refused. */
  readonly failed: number;
  /** Spans that were not sent: too many exports under way, or the exporter shut down. */
  readonly dropped: number;
  /** Requests that were sent again. */
  readonly retried: number;
  /** Exports under way. */
  readonly inFlight: number;
}

/** How much of a collector's own words is passed on, in characters. */
const longestMessage = 200;

/** An export under way. */
interface Export {
  readonly spans: number;
  readonly overdueAt: number;
  readonly settled: Promise<void>;
}

/**
 * Sends spans to a collector as OTLP/JSON over HTTP, as a `SpanExporter` of either SDK generation.
 *
 * Tries again on 429, 502, 503, 504 and network errors: up to 5 times in all, after 1 s and then 1.5 times as long each
 * time, at most 5 s, ± 20 %, or after what `Retry-After` says; it gives up at once where the next try would come after
 * `timeoutMillis`. Redirects are not followed. Nothing is kept but the exports under way, nothing throws, and nobody needs
 * to wait: what was lost is counted in {@link statistics}.
 *
 * Semantics: OTLP 1.x, "OTLP/HTTP"; the delays are those of the official exporters.
 *
 * @throws {RangeError} for an option that makes no sense.
 *
 * @example
 * ```ts
 * const exporter = new OTLPTraceExporter({ fetch: async () => new Response('{}') });
 * await new Promise((resolve) => exporter.export([], resolve)); // { code: 0 }
 * ```
 */
export class OTLPTraceExporter implements SpanExporter {
  readonly #transport: OtlpTransport;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #concurrencyLimit: number;
  readonly #onDiagnostic: (message: string) => void;
  /** The collector's address for messages: without a query, which may hold a key. */
  readonly #address: string;
  readonly #told = new Set<string>();
  readonly #inFlight = new Set<Export>();
  readonly #counts = { exported: 0, rejected: 0, failed: 0, dropped: 0, retried: 0 };
  #shutDown = false;

  constructor(options: OTLPTraceExporterOptions = {}) {
    const {
      url = `http://localhost:4318${tracesPath}`,
      headers = {},
      timeoutMillis = 10_000,
      compression = 'none',
      concurrencyLimit = 30,
      fetch = (input, init) => globalThis.fetch(input, init),
      clock = systemClock,
      random = Math.random,
      onDiagnostic = (message) => diag.warn(message),
    } = options;
    const { origin, pathname, port } = checkCollectorUrl('OTLPTraceExporter.url', url);
    if (!(timeoutMillis > 0 && timeoutMillis <= longestDelayMs)) {
      refuse('timeoutMillis', timeoutMillis, `milliseconds above 0, at most ${longestDelayMs}`);
    }
    if (compression !== 'none' && compression !== 'gzip') {
      refuse('compression', compression, "'none' or 'gzip'");
    }
    if (!Number.isInteger(concurrencyLimit) || concurrencyLimit < 1) {
      refuse('concurrencyLimit', concurrencyLimit, 'a whole number above 0');
    }
    if (typeof headers !== 'function') checkHeaders(headers);
    this.#transport = new OtlpTransport({
      url,
      headers: typeof headers === 'function' ? headers : () => headers,
      timeoutMs: timeoutMillis,
      compression,
      fetch,
      clock,
      random,
      onRetry: () => {
        this.#counts.retried += 1;
      },
    });
    this.#clock = clock;
    this.#timeoutMs = timeoutMillis;
    this.#concurrencyLimit = concurrencyLimit;
    this.#onDiagnostic = onDiagnostic;
    this.#address = origin + pathname;
    if (port === grpcPort) this.#tell('port', `${grpcPort} is the gRPC port, use 4318`);
  }

  /** Sends the spans. Returns at once and never throws; the callback gets the result. */
  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    this.#export(spans)
      .then((error) => resultCallback(error === undefined ? { code: 0 } : { code: 1, error }))
      .catch(ignore);
  }

  /** Resolves when the exports under way have ended, at the latest after `timeoutMillis`. */
  async forceFlush(): Promise<void> {
    this.#writeOffOverdue();
    await Promise.all(Array.from(this.#inFlight, ({ settled }) => settled));
  }

  /** Takes no more spans, and resolves as {@link forceFlush} does. */
  shutdown(): Promise<void> {
    this.#shutDown = true;
    return this.forceFlush();
  }

  /** The counts so far. */
  get statistics(): ExportStatistics {
    return { ...this.#counts, inFlight: this.#inFlight.size };
  }

  /** @returns What the SDK is told went wrong. Never rejects. */
  async #export(spans: readonly ReadableSpan[]): Promise<Error | undefined> {
    if (this.#shutDown) return this.#drop(spans.length, 'the exporter was shut down');
    this.#writeOffOverdue();
    if (this.#inFlight.size >= this.#concurrencyLimit) {
      return this.#drop(spans.length, `${this.#concurrencyLimit} exports are under way`);
    }
    if (spans.length === 0) return undefined;
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    const overdueAt = this.#clock.monotonic() + this.#timeoutMs;
    const entry: Export = { spans: spans.length, overdueAt, settled };
    this.#inFlight.add(entry);
    let delivery: Delivery;
    try {
      delivery = await this.#transport.deliver(JSON.stringify(encodeTraces(spans)));
    } catch (cause) {
      delivery = { delivered: false, reason: 'the spans cannot be encoded', cause };
    }
    try {
      return this.#conclude(delivery, this.#inFlight.delete(entry) ? spans.length : 0);
    } finally {
      resolve();
    }
  }

  /** @param spans 0 where they were counted as failed already. */
  #conclude(delivery: Delivery, spans: number): Error | undefined {
    if (!delivery.delivered) {
      const { reason, cause } = delivery;
      this.#counts.failed += spans;
      const hint = reason === 'status 404' ? `; is the path right? ${tracesPath} is usual` : '';
      return new Error(this.#tell(reason, `spans are lost: ${reason}${hint}`), { cause });
    }
    const { rejectedSpans, errorMessage } = delivery.response.partialSuccess ?? {};
    const rejected = Math.min(Math.max(0, Math.trunc(Number(rejectedSpans)) || 0), spans);
    this.#counts.exported += spans - rejected;
    this.#counts.rejected += rejected;
    if (rejected === 0 && !errorMessage) {
      this.#told.clear();
    } else {
      const saying = String(errorMessage ?? '').slice(0, longestMessage);
      this.#tell('partial', `${rejected} of ${spans} spans rejected: ${JSON.stringify(saying)}`);
    }
    return undefined;
  }

  #drop(spans: number, reason: string): Error {
    this.#counts.dropped += spans;
    return new Error(this.#tell(reason, `spans are dropped: ${reason}`));
  }

  /** On Workers an export that outlives its request never settles: it must not take up room for ever. */
  #writeOffOverdue(): void {
    const now = this.#clock.monotonic();
    for (const entry of this.#inFlight) {
      if (entry.overdueAt > now) break;
      this.#inFlight.delete(entry);
      this.#counts.failed += entry.spans;
    }
  }

  /** @param thing What is told once. */
  #tell(thing: string, what: string): string {
    const message = `OTLP exporter: ${this.#address}: ${what}`;
    if (!this.#told.has(thing)) {
      this.#told.add(thing);
      this.#onDiagnostic(message);
    }
    return message;
  }
}

function refuse(option: string, value: unknown, allowed: string): never {
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  throw new RangeError(`OTLPTraceExporter.${option}: ${shown} is not ${allowed}`);
}

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]]);
    } catch {
      // The value is not quoted: it is likely a token.
      throw new RangeError(
        `OTLPTraceExporter.headers: HTTP does not allow '${name}', or its value`,
      );
    }
  }
}
