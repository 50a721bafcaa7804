/**
 * Keeping ended spans until they are exported.
 *
 * @module
 */

import { context, createContextKey, ROOT_CONTEXT, TraceFlags } from '@opentelemetry/api';
import { type Clock, longestDelayMs, systemClock } from '../core/clock.ts';
import type { ReadableSpan, SpanExporter, SpanProcessor } from './sdk.ts';

/** Settings of {@link SpanBuffer}. */
export interface SpanBufferOptions {
  /** Where the spans go. */
  readonly exporter: SpanExporter;
  /** Spans held at most, waiting or being exported; further ones are dropped. Default: 2048. */
  readonly maxQueueSize?: number;
  /** Spans of one export at most. Default: 512, or `maxQueueSize` where that is less. */
  readonly maxExportBatchSize?: number;
  /**
   * How long a span waits for others, in milliseconds; a full batch goes out at once. With 0 nothing goes out but through
   * `forceFlush`: for Workers, which cancel what a request began and did not hand to `waitUntil`. Default: 5000.
   */
  readonly flushAfterMs?: number;
  /** When an export that has not ended counts as failed, in milliseconds. Default: 30000. */
  readonly exportTimeoutMs?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** What became of the spans that ended. */
export interface SpanBufferStatistics {
  /** Spans that wait. */
  readonly buffered: number;
  /** Spans that are being exported. */
  readonly inFlight: number;
  /** Spans that the exporter took. */
  readonly exported: number;
  /** Spans that it did not take. */
  readonly failed: number;
  /** Spans that found no room, or ended after `shutdown`. */
  readonly dropped: number;
}

/** Spans that are being exported. */
interface Batch {
  readonly spans: number;
  readonly overdueAt: number;
  readonly settled: Promise<void>;
  readonly settle: (exported: boolean) => void;
}

/** Where SDKs of both generations look up whether a call is their own business: exporting must make no spans. */
const suppressTracing = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * A `SpanProcessor` that exports in batches, as the SDK's `BatchSpanProcessor` does, but runs on Workers too: it has no
 * timer until a span waits for one, and none at all with `flushAfterMs: 0`.
 *
 * Only sampled spans are kept. No request waits for an export, and whatever the exporter does, memory is bounded: what
 * was lost is counted in {@link statistics}.
 *
 * @throws {RangeError} for an option that makes no sense.
 *
 * @example
 * ```ts
 * const buffer = new SpanBuffer({ exporter: new OTLPTraceExporter(), flushAfterMs: 0 });
 * await buffer.forceFlush();
 * buffer.statistics.buffered; // 0
 * ```
 */
export class SpanBuffer implements SpanProcessor {
  readonly #exporter: SpanExporter;
  readonly #maxQueueSize: number;
  readonly #batchSize: number;
  readonly #flushAfterMs: number;
  readonly #exportTimeoutMs: number;
  readonly #clock: Clock;
  #spans: ReadableSpan[] = [];
  readonly #batches = new Set<Batch>();
  readonly #counts = { inFlight: 0, exported: 0, failed: 0, dropped: 0 };
  #cancelTimer: (() => void) | undefined;
  #shutdown: Promise<void> | undefined;

  constructor(options: SpanBufferOptions) {
    const { maxQueueSize = 2_048, flushAfterMs = 5_000, exportTimeoutMs = 30_000 } = options;
    const { maxExportBatchSize = Math.min(512, maxQueueSize), clock = systemClock } = options;
    check('maxQueueSize', maxQueueSize, 1, Number.MAX_SAFE_INTEGER);
    check('maxExportBatchSize', maxExportBatchSize, 1, maxQueueSize);
    check('flushAfterMs', flushAfterMs, 0, longestDelayMs);
    check('exportTimeoutMs', exportTimeoutMs, 1, longestDelayMs);
    this.#exporter = options.exporter;
    this.#maxQueueSize = maxQueueSize;
    this.#batchSize = maxExportBatchSize;
    this.#flushAfterMs = flushAfterMs;
    this.#exportTimeoutMs = exportTimeoutMs;
    this.#clock = clock;
  }

  /** Nothing: a span is kept when it ends. */
  onStart(): void {}

  /** Keeps a sampled span. */
  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#shutdown !== undefined || !this.#hasRoom()) {
      this.#counts.dropped += 1;
      return;
    }
    this.#spans.push(span);
    if (this.#flushAfterMs === 0) return;
    // A full batch goes out in a turn of its own: the request that filled it need not wait while it is encoded.
    if (this.#spans.length === this.#batchSize) this.#exportIn(0, this.#batchSize);
    else if (this.#cancelTimer === undefined) this.#exportIn(this.#flushAfterMs, 1);
  }

  /**
   * Exports what is kept. Resolves when that has ended, well or badly.
   *
   * With `flushAfterMs: 0` it waits for its own exports only: on Workers another request's may never end.
   */
  async forceFlush(): Promise<void> {
    this.#writeOffOverdue();
    const own = this.#exportBatches(1);
    const batches = this.#flushAfterMs === 0 ? own : this.#batches;
    await Promise.all(Array.from(batches, ({ settled }) => settled));
  }

  /** Exports what is kept, takes no more spans and shuts down the exporter. Never rejects. */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  /** The counts so far. */
  get statistics(): SpanBufferStatistics {
    return { buffered: this.#spans.length, ...this.#counts };
  }

  async #close(): Promise<void> {
    try {
      await this.forceFlush();
      await this.#exporter.shutdown();
    } catch {
      // There is nothing left to be done, and nobody to tell.
    }
  }

  #hasRoom(): boolean {
    if (this.#spans.length + this.#counts.inFlight < this.#maxQueueSize) return true;
    this.#writeOffOverdue();
    return this.#spans.length + this.#counts.inFlight < this.#maxQueueSize;
  }

  /** On Workers an export that outlives its request never settles, and its timer dies with it. */
  #writeOffOverdue(): void {
    const now = this.#clock.monotonic();
    for (const batch of this.#batches) {
      if (batch.overdueAt > now) break;
      batch.settle(false);
    }
  }

  #exportIn(delayMs: number, smallestBatch: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.schedule(() => this.#exportBatches(smallestBatch), delayMs);
  }

  #exportBatches(smallestBatch: number): Batch[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const batches: Batch[] = [];
    while (this.#spans.length >= smallestBatch) {
      batches.push(this.#export(this.#spans.slice(0, this.#batchSize)));
      this.#spans = this.#spans.slice(this.#batchSize);
    }
    if (this.#spans.length > 0) this.#exportIn(this.#flushAfterMs, 1);
    return batches;
  }

  #export(spans: ReadableSpan[]): Batch {
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    const cancelTimer = this.#clock.schedule(() => batch.settle(false), this.#exportTimeoutMs);
    const batch: Batch = {
      spans: spans.length,
      overdueAt: this.#clock.monotonic() + this.#exportTimeoutMs,
      settled,
      settle: (exported) => {
        if (!this.#batches.delete(batch)) return;
        cancelTimer();
        this.#counts.inFlight -= spans.length;
        this.#counts[exported ? 'exported' : 'failed'] += spans.length;
        resolve();
      },
    };
    this.#batches.add(batch);
    this.#counts.inFlight += spans.length;
    this.#send(spans, batch.settle).catch(() => batch.settle(false));
    return batch;
  }

  async #send(spans: ReadableSpan[], settle: Batch['settle']): Promise<void> {
    const pending = pendingResources(spans);
    if (pending.length > 0) await Promise.all(pending);
    context.with(ROOT_CONTEXT.setValue(suppressTracing, true), () => {
      this.#exporter.export(spans, (result) => settle(result?.code === 0));
    });
  }
}

/** Detectors of the SDK may still be looking for attributes of the resource. */
function pendingResources(spans: readonly ReadableSpan[]): Promise<void>[] {
  const pending = new Set<ReadableSpan['resource']>();
  for (const { resource } of spans) if (resource.asyncAttributesPending) pending.add(resource);
  return Array.from(pending, async (resource) => resource.waitForAsyncAttributes?.());
}

function check(option: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(
      `SpanBuffer.${option}: ${value} is not a whole number from ${least} to ${most}`,
    );
  }
}
