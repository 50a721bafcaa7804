/** A stream that remembers what became of it. */
export interface TracedBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** How many chunks were asked for. */
  pulls: number;
  cancels: number;
  cancelReason: unknown;
}

/** Settings of {@link tracedBody}. */
export interface TracedBodyOptions {
  /** What the stream does after its last chunk. Default: `'close'`. */
  readonly end?: 'close' | 'hang' | Error;
}

/** A stream of the given chunks, each made when it is asked for. */
export function tracedBody(
  chunks: readonly (Uint8Array | string)[],
  { end = 'close' }: TracedBodyOptions = {},
): TracedBody {
  let position = 0;
  const traced: TracedBody = {
    pulls: 0,
    cancels: 0,
    cancelReason: undefined,
    stream: new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          traced.pulls += 1;
          const chunk = chunks[position++];
          if (chunk !== undefined) controller.enqueue(bytes(chunk));
          else if (end === 'close') controller.close();
          else if (end === 'hang') return new Promise(() => {});
          else controller.error(end);
          return undefined;
        },
        cancel(reason) {
          traced.cancels += 1;
          traced.cancelReason = reason;
        },
      },
      { highWaterMark: 0 },
    ),
  };
  return traced;
}

/** A PUT with a body that streams. */
export function streamingPut(stream: ReadableStream<Uint8Array>, init: RequestInit = {}): Request {
  // `duplex` is unknown to the types of the DOM, and demanded by Node.
  return new Request('http://shop.example/upload', {
    method: 'PUT',
    body: stream,
    duplex: 'half',
    ...init,
  } as RequestInit);
}

/**
 * What is left of a message, as bytes.
 *
 * Not `arrayBuffer()`: with a stream that fails, workerd reports an unhandled rejection besides the one that it returns.
 */
export async function bytesOf(message: Request | Response): Promise<Uint8Array> {
  const bytes: number[] = [];
  const reader = message.body?.getReader();
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    bytes.push(...(part.value as Uint8Array));
  }
  return new Uint8Array(bytes);
}

/** A fresh copy of the chunk: a stream may keep and change what it was given. */
function bytes(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk.slice();
}
