/**
 * Counting a body while it is read.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import { ignore } from '../core/discard.ts';

/** What a body went beyond. */
export type Excess = 'size' | 'rate';

/** Settings of {@link BodyMeter}. */
export interface BodyMeterOptions {
  /** The most, in bytes; `Infinity`: any. */
  readonly bodyBytes: number;
  /** In bytes a second; 0: any. */
  readonly bodyRate: number;
  /** How long its reader waits before the rate counts, in milliseconds. */
  readonly graceMs: number;
  readonly clock: Clock;
}

/** The same bytes, until there are too many or they come too slowly: then the stream fails. */
export class BodyMeter {
  readonly stream: ReadableStream<Uint8Array>;
  /** Told once, after the stream has failed. */
  onExcess: ((excess: Excess) => void) | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #options: BodyMeterOptions;
  #bytes = 0;
  /** Ends the wait for the chunk that was asked for, in favour of an error. */
  #interrupt: ((reason: DOMException) => void) | undefined;
  /** How long its reader has waited for it altogether, in milliseconds. */
  #waitedMs = 0;

  constructor(body: ReadableStream<Uint8Array>, options: BodyMeterOptions) {
    this.#reader = body.getReader();
    this.#options = options;
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => this.#pull(controller),
        cancel: (reason) => this.#reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }

  /** Lets nobody wait for the rest any longer. */
  stop(): void {
    this.#interrupt?.(
      new DOMException('The body of the request is not wanted any more', 'AbortError'),
    );
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { bodyBytes, clock } = this.#options;
    const startMs = clock.monotonic();
    let isInterrupted = false;
    const unwatch = this.#watchRate(() => this.#exceed('rate'));
    this.#interrupt = (reason) => {
      isInterrupted = true;
      unwatch();
      controller.error(reason);
    };
    try {
      const { value, done } = await this.#reader.read();
      if (isInterrupted) return;
      this.#bytes += value?.byteLength ?? 0;
      if (done) controller.close();
      else if (this.#bytes > bodyBytes) this.#exceed('size');
      else controller.enqueue(value);
    } catch (error) {
      if (!isInterrupted) controller.error(error);
    } finally {
      unwatch();
      this.#waitedMs += clock.monotonic() - startMs;
    }
  }

  /** @param onLate Called once so much time has been waited that what has come is too little for it. */
  #watchRate(onLate: () => void): () => void {
    const { bodyRate, graceMs, clock } = this.#options;
    if (bodyRate === 0) return ignore;
    const allowedMs = Math.max(graceMs, (this.#bytes * 1_000) / bodyRate);
    return clock.schedule(onLate, Math.max(0, allowedMs - this.#waitedMs));
  }

  /** The source is not cancelled: that would end the connection of a server before the answer is out. */
  #exceed(excess: Excess): void {
    const words = excess === 'size' ? 'too large' : 'too slow';
    this.#interrupt?.(new DOMException(`The body of the request is ${words}`, 'AbortError'));
    this.onExcess?.(excess);
  }
}
