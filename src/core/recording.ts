/**
 * A body that streams on to its reader while a copy of it is made.
 *
 * @module
 */

import { keepKnownBody, knownBodyOf } from './body-source.ts';
import { bodyOf, refuseUsed } from './own.ts';

/** A request on its way, and what its body held. */
export interface Recording {
  /** To be sent on in place of the given one, which it takes the body of. */
  readonly request: Request;
  /**
   * The whole body once its reader has read it: `null` where there is none. `undefined` where there will be no copy: it
   * was longer than the limit, it failed, its reader wanted no more of it, or the copy was given up.
   */
  readonly body: Promise<Uint8Array<ArrayBuffer> | null | undefined>;
  /** Frees what was copied so far; the reader goes on undisturbed. */
  giveUp(): void;
}

/**
 * Copies a body as it passes, up to a limit.
 *
 * Its reader sets the pace and never waits for the copy; nothing is read ahead of it. This is a tee that holds at most
 * `limitBytes`, where `ReadableStream.tee` holds whatever the slower branch has not read.
 */
export function record(request: Request, limitBytes: number): Recording {
  const body = bodyOf(request);
  if (body === null) return { request, body: Promise.resolve(null), giveUp() {} };
  refuseUsed(request);

  const reader = body.getReader();
  let chunks: Uint8Array[] | undefined = [];
  let bytes = 0;
  const copy = Promise.withResolvers<Uint8Array<ArrayBuffer> | undefined>();
  function giveUp(): void {
    chunks = undefined;
    copy.resolve(undefined);
  }
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await reader.read();
          if (done) {
            controller.close();
            if (chunks !== undefined) copy.resolve(joined(chunks, bytes));
            chunks = undefined;
            return;
          }
          bytes += value.byteLength;
          if (bytes > limitBytes) giveUp();
          // The reader may change or transfer what it gets.
          else chunks?.push(value.slice());
          controller.enqueue(value);
        } catch (error) {
          giveUp();
          controller.error(error);
        }
      },
      cancel(reason) {
        giveUp();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  // As for replays: Bun needs the headers once more, `keepalive` forbids streams, Node demands `duplex`.
  const init = { headers: request.headers, body: stream, duplex: 'half', keepalive: false };
  const sent = new Request(request, init as RequestInit);
  // A body that is made anew from the first try on would leave the copy unread.
  if (knownBodyOf(request)?.isAlike) keepKnownBody(request, sent);
  return { request: sent, body: copy.promise, giveUp };
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.byteLength;
  }
  return whole;
}
