/**
 * Sending a body more than once without holding more of it than agreed.
 *
 * @module
 */

import { type KnownBody, knownBodyOf } from './body-source.ts';
import { ignore } from './discard.ts';
import { bodyOf, refuseUsed } from './own.ts';

/** How much of a body is kept for a further attempt, in bytes: 256 KiB, as in grpc-go. */
export const defaultReplayBytes = 262_144;

/** A request that can be sent several times, one attempt after the other. */
export interface Replay {
  /**
   * The request for the next attempt. The first streams the body through while recording it; the later ones start with
   * the recording. Attempts before this one are cut off from the body.
   */
  attempt(): Request;
  /** False from the moment that the body outgrew the limit, or failed by itself: no attempt can follow. */
  readonly possible: boolean;
  /**
   * Says that no attempt will follow. What was recorded is freed as the last attempt sends it; the caller's body is
   * cancelled once the last attempt wants no more of it.
   */
  commit(): void;
  /**
   * Whether attempts may be under way at once: the body can be made anew for each, or all of it has been recorded.
   */
  readonly simultaneous: boolean;
}

/**
 * Prepares a request for several attempts.
 *
 * The body is read lazily, as the attempt's consumer asks for it, and recorded up to `limitBytes`. A body that grows past
 * the limit goes on streaming to completion; what was recorded is freed (BR-02, BR-03). Without a body the same request
 * serves all attempts; a body that `outbound` was given as text, bytes, a Blob, a form or a function is made anew for each,
 * whatever its length, and none of it is kept.
 */
export function replay(request: Request, limitBytes: number): Replay {
  const body = bodyOf(request);
  if (body === null) {
    return { attempt: () => request, possible: true, commit: ignore, simultaneous: true };
  }
  refuseUsed(request);
  const known = knownBodyOf(request);
  if (known !== undefined) return new RemadeBody(request, known);
  return new RecordedBody(request, body, limitBytes);
}

class RemadeBody implements Replay {
  readonly possible = true;
  readonly simultaneous = true;
  readonly #request: Request;
  readonly #known: KnownBody;
  readonly #type: string | null;
  #isFirst: boolean;

  constructor(request: Request, known: KnownBody) {
    this.#request = request;
    this.#known = known;
    this.#isFirst = known.isAlike;
    // Now, since Bun forgets it together with the body.
    this.#type = request.headers.get('content-type');
  }

  attempt(): Request {
    if (this.#isFirst) {
      this.#isFirst = false;
      return this.#request;
    }
    const headers = new Headers(this.#request.headers);
    if (this.#type !== null) headers.set('content-type', this.#type);
    const body = this.#known.make(this.#type);
    const init = { headers, body, duplex: 'half' };
    return new Request(this.#request, init as RequestInit);
  }

  commit(): void {}
}

class RecordedBody implements Replay {
  readonly #request: Request;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #limitBytes: number;
  /** What was read and may be needed again; once no attempt can follow, what the last one has yet to send. */
  #chunks: Uint8Array[] = [];
  /** How many chunks stood before the first of {@link #chunks}. */
  #dropped = 0;
  #recordedBytes = 0;
  #ended = false;
  #reading: Promise<void> | undefined;
  #attempts = 0;
  /** The last attempt whose consumer cancelled its body. */
  #cancelledAttempt = 0;
  #committed = false;
  #outgrown = false;
  #failed = false;

  constructor(request: Request, body: ReadableStream<Uint8Array>, limitBytes: number) {
    this.#request = request;
    this.#reader = body.getReader();
    this.#limitBytes = limitBytes;
  }

  get possible(): boolean {
    return !this.#outgrown && !this.#failed && !this.#committed;
  }

  get simultaneous(): boolean {
    return this.#ended && this.possible;
  }

  attempt(): Request {
    const attempt = ++this.#attempts;
    const isCurrent = (): boolean => attempt === this.#attempts || this.simultaneous;
    let position = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          // A read that an earlier attempt began brings this attempt's next chunk.
          while (isCurrent() && !this.#ended && this.#chunkAt(position) === undefined) {
            this.#reading ??= this.#read();
            await this.#reading;
          }
          const chunk = this.#chunkAt(position);
          if (!isCurrent()) {
            controller.error(new TypeError('A later attempt took over the body'));
          } else if (chunk === undefined) {
            controller.close();
          } else {
            position += 1;
            // A reader may change or transfer what it gets, and the next attempt must send the same bytes.
            controller.enqueue(this.possible ? chunk.slice() : chunk);
            if (!this.possible) this.#dropBefore(position);
          }
        },
        cancel: async (reason) => {
          this.#cancelledAttempt = attempt;
          // As long as another attempt can follow, it needs the rest.
          if (isCurrent() && !this.possible) await this.#reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
    // Bun forgets the type of the former body unless the headers are given; `keepalive` forbids streams; `duplex` is
    // unknown to the types of the DOM, and demanded by Node.
    const { headers } = this.#request;
    const init = { headers, body, duplex: 'half', keepalive: false };
    return new Request(this.#request, init as RequestInit);
  }

  commit(): void {
    this.#committed = true;
    if (this.#cancelledAttempt === this.#attempts) this.#reader.cancel().catch(ignore);
  }

  #chunkAt(position: number): Uint8Array | undefined {
    return this.#chunks[position - this.#dropped];
  }

  #dropBefore(position: number): void {
    this.#chunks.splice(0, position - this.#dropped);
    this.#dropped = position;
  }

  async #read(): Promise<void> {
    try {
      const { value, done } = await this.#reader.read();
      if (done) {
        this.#ended = true;
        return;
      }
      this.#chunks.push(value);
      this.#recordedBytes += value.byteLength;
      if (this.#recordedBytes > this.#limitBytes) this.#outgrown = true;
    } catch (error) {
      // The caller's own stream failed (BR-08): a further attempt would send half a body.
      this.#failed = true;
      throw error;
    } finally {
      this.#reading = undefined;
    }
  }
}
