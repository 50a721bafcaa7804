/**
 * What an upstream has answered Node's HTTP client, as a `Response`.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { ignore } from '../core/discard.ts';
import { undecoded } from '../core/transport.ts';

/** What was asked. */
interface Asked {
  readonly method: string;
  /** What fails the body. */
  readonly signal: AbortSignal | undefined;
}

/** What srvx takes from a response of its own kind. */
interface NodeParts {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: ReadableStream<Uint8Array> | PipedBody | null;
}

interface PipedBody {
  pipe(to: ServerResponse): void;
  /** Called in place of `pipe` where the client has gone. */
  destroy(): void;
}

/** Statuses of responses without a body (Fetch §2.2.3). */
const bodiless: ReadonlySet<number | undefined> = new Set([101, 103, 204, 205, 304]);

type Body = ReadableStream<Uint8Array<ArrayBuffer>> | null;

/**
 * A response that makes a stream of the web of its body when somebody asks for one. Where nobody does, srvx, which serves it,
 * has it piped into the connection of the client.
 */
export class PipedResponse extends Response {
  readonly #message: IncomingMessage;
  readonly #asked: Asked;
  readonly #isBodiless: boolean;
  #headers: Headers | undefined;
  #body: Body | undefined;
  /** Of those who read the body as a whole. */
  #whole: Response | undefined;

  static {
    Object.defineProperty(PipedResponse.prototype, undecoded, { value: true });
  }

  constructor(message: IncomingMessage, asked: Asked) {
    super(null);
    this.#message = message;
    this.#asked = asked;
    this.#isBodiless = asked.method === 'HEAD' || bodiless.has(message.statusCode);
    // Only what was read to its end leaves the connection free.
    if (this.#isBodiless) message.resume();
  }

  override get status(): number {
    return this.#message.statusCode as number;
  }

  override get statusText(): string {
    return this.#message.statusMessage ?? '';
  }

  override get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  override get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = new Headers();
      const { rawHeaders } = this.#message;
      for (let index = 0; index < rawHeaders.length; index += 2) {
        this.#headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
      }
    }
    return this.#headers;
  }

  override get body(): Body {
    if (this.#body === undefined) {
      this.#body = this.#isBodiless ? null : streamOf(this.#message, this.#asked.signal);
    }
    return this.#body;
  }

  override get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? false;
  }

  override clone(): Response {
    const { status, statusText, headers, body } = this;
    const [own, other] = body?.tee() ?? [null, null];
    this.#body = own;
    return new Response(other, { status, statusText, headers });
  }

  override arrayBuffer(): ReturnType<Response['arrayBuffer']> {
    return this.#asWhole().arrayBuffer();
  }

  override blob(): ReturnType<Response['blob']> {
    return this.#asWhole().blob();
  }

  override bytes(): ReturnType<Response['bytes']> {
    return this.#asWhole().bytes();
  }

  override formData(): ReturnType<Response['formData']> {
    return this.#asWhole().formData();
  }

  override json(): ReturnType<Response['json']> {
    return this.#asWhole().json();
  }

  override text(): Promise<string> {
    return this.#asWhole().text();
  }

  #asWhole(): Response {
    this.#whole ??= new Response(this.body, { headers: this.headers });
    return this.#whole;
  }

  /** Asked by srvx, in whose `FastResponse` it goes by this name. */
  _toNodeResponse(): NodeParts {
    const { status, statusText } = this;
    const headers: string[] = [];
    for (const [name, value] of this.headers) headers.push(name, value);
    const message = this.#message;
    const piped: PipedBody = { pipe: (to) => pipe(message, to), destroy: () => giveUp(message) };
    const body = this.#isBodiless ? null : (this.#body ?? piped);
    return { status, statusText, headers, body };
  }
}

function streamOf(message: IncomingMessage, signal: AbortSignal | undefined): Body {
  let chunks: AsyncIterator<Uint8Array<ArrayBuffer>> | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          chunks ??= message[Symbol.asyncIterator]();
          const { value, done } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          const isLeft = signal?.aborted === true;
          controller.error(isLeft ? signal.reason : new TypeError('terminated', { cause: error }));
        }
      },
      cancel() {
        giveUp(message);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Leaves the connection free where all has come, and ends it where something has not. */
function giveUp(message: IncomingMessage): void {
  if (message.complete) message.resume();
  else message.destroy();
}

/** Hands a body on at the pace of whoever reads; either side that breaks off ends the other. */
function pipe(message: IncomingMessage, to: ServerResponse): void {
  if (message.destroyed && !message.readableEnded) {
    to.destroy();
    return;
  }
  if (message.complete) {
    to.end(message.read() ?? undefined);
    message.resume();
    return;
  }
  to.once('close', () => giveUp(message));
  to.on('error', ignore);
  message.once('error', () => to.destroy());
  // Whoever waits for events hears that there will be some.
  if (message.readableLength === 0) to.flushHeaders();
  message.pipe(to);
}
