/**
 * Ending an exchange before its time, in one way for all policies that do.
 *
 * @module
 */

import { abortSignal, type Follower, follow, signalOf } from '../core/abort.ts';
import type { Next } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { discard, ignore } from '../core/discard.ts';
import { keepBrand } from '../core/rejection.ts';

/** When an exchange ends, and how. */
export interface Limit {
  /**
   * Begins to watch.
   *
   * @param pass To be called once the limit is passed.
   * @returns Ends the watch; harmless once `pass` was called. Gets the response, unless there is none.
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
  const caller = signalOf(request, context);
  return new Promise<Response>((resolve, rejectWith) => {
    let isPassed = false;
    let isSettled = false;
    /** Where to tell of an abort while the body is on its way. */
    let failBody: ((reason: unknown) => void) | undefined;

    const follower = follow(caller, onAbort);
    const unwatch = limit.watch(() => {
      isPassed = true;
      follower.abort(limit.reason());
    });

    function onAbort(reason: unknown): void {
      if (failBody !== undefined) failBody(reason);
      else if (!settle(undefined)) return;
      else if (isPassed) resolve(limit.answer());
      else rejectWith(reason);
    }
    function settle(response: Response | undefined): boolean {
      if (isSettled) return false;
      isSettled = true;
      unwatch(response);
      follower.release(response);
      return true;
    }
    function onResponse(response: Response): void {
      if (isSettled) {
        discard(response);
      } else if (limit.coversBody && canBeRebuilt(response)) {
        isSettled = true;
        const limited = limitBody(response.body, () => end(follower, unwatch));
        failBody = limited.fail;
        resolve(rebuild(response, limited.stream));
      } else {
        settle(response);
        resolve(response);
      }
    }

    const inside = context.with(abortSignal, follower.signal);
    // Async, so that a middleware that throws at once rejects like any other.
    const exchange = async () => await next(request, inside);
    exchange().then(onResponse, (error) => {
      if (settle(undefined)) rejectWith(error);
    });
  });
}

function end(follower: Follower, unwatch: () => void): void {
  unwatch();
  follower.release(undefined);
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
