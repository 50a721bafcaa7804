/**
 * Ending an exchange before its time, in one way for all policies that do.
 *
 * @module
 */

import { abortSignal, type Follower, followCaller } from '../core/abort.ts';
import { call, type Next } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { discard, ignore } from '../core/discard.ts';
import { keepBrand } from '../core/rejection.ts';

/** When an exchange ends, and how. */
export interface Limit {
  /**
   * Begins to watch.
   *
   * @param pass To be called once the limit is passed.
   * @returns Ends the watch; harmless once `pass` was called, and once more. Gets the response, unless there is none.
   */
  watch(pass: () => void): (response?: Response) => void;
  /** Whether the limit goes on after the headers, until the body has been read. */
  readonly coversBody: boolean;
  /** What the work at hand is aborted with; the body fails with it too. */
  reason(): unknown;
  /** What the caller gets where no response had come. */
  answer(): Response;
}

/**
 * Runs an exchange within a limit. A caller that leaves first gets its own reason; a response that comes too late is
 * cancelled.
 */
export function withinLimit(
  next: Next,
  request: Request,
  context: Context,
  limit: Limit,
): Promise<Response> {
  return new LimitedExchange(limit, request, context).run(next, request, context);
}

/** A class, since closures of as many steps cost more than the limit. */
class LimitedExchange {
  readonly #limit: Limit;
  readonly #follower: Follower;
  #unwatch: (response?: Response) => void = ignore;
  #isPassed = false;
  #isAborted = false;
  /** Where to tell of an abort while the body is on its way. */
  #failBody: ((reason: unknown) => void) | undefined;
  #resolve!: (response: Response) => void;
  #reject!: (reason: unknown) => void;

  constructor(limit: Limit, request: Request, context: Context) {
    this.#limit = limit;
    this.#follower = followCaller(request, context, (reason) => this.#onAbort(reason));
  }

  run(next: Next, request: Request, context: Context): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#unwatch = this.#limit.watch(() => {
        this.#isPassed = true;
        this.#follower.abort(this.#limit.reason());
      });
      call(next, request, context.with(abortSignal, this.#follower.signal)).then(
        (response) => this.#onResponse(response),
        (error) => {
          this.#end(undefined);
          this.#reject(error);
        },
      );
    });
  }

  #onAbort(reason: unknown): void {
    this.#isAborted = true;
    if (this.#failBody !== undefined) {
      this.#failBody(reason);
      return;
    }
    this.#end(undefined);
    if (this.#isPassed) this.#resolve(this.#limit.answer());
    else this.#reject(reason);
  }

  #onResponse(response: Response): void {
    if (this.#isAborted) {
      discard(response);
    } else if (this.#limit.coversBody && canBeRebuilt(response)) {
      const limited = limitBody(response.body, () => this.#end(undefined));
      this.#failBody = limited.fail;
      this.#resolve(rebuild(response, limited.stream));
    } else {
      this.#end(response);
      this.#resolve(response);
    }
  }

  /** May be called again where what was aborted fails as well. */
  #end(response: Response | undefined): void {
    this.#unwatch(response);
    this.#follower.release(response);
  }
}

type WithBody = Response & { readonly body: ReadableStream<Uint8Array> };

/** An upgrade or an error cannot be made anew, and has no body to wait for. */
function canBeRebuilt(response: Response): response is WithBody {
  return response.body !== null && response.status >= 200 && response.status <= 599;
}

function rebuild(response: Response, body: ReadableStream<Uint8Array>): Response {
  const { status, statusText, headers } = response;
  return keepBrand(response, new Response(body, { status, statusText, headers }));
}

/** The same bytes, until they are told to fail. `onEnd` is called once, however it ends. */
function limitBody(
  body: WithBody['body'],
  onEnd: () => void,
): { readonly stream: ReadableStream<Uint8Array>; fail(reason: unknown): void } {
  const reader = body.getReader();
  let outlet: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        outlet = controller;
      },
      async pull(controller) {
        try {
          const { value, done } = await reader.read();
          if (!done) return controller.enqueue(value);
          onEnd();
          controller.close();
        } catch (error) {
          onEnd();
          controller.error(error);
        }
      },
      cancel(reason) {
        onEnd();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    fail(reason) {
      onEnd();
      outlet.error(reason);
      reader.cancel(reason).catch(ignore);
    },
  };
}
