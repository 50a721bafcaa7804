/**
 * Who may end an attempt, and why it ended.
 *
 * @module
 */

import {
  addAbortCallback,
  Callbacks,
  endsWithRequest,
  mayKeep,
  removeAbortCallback,
  tellsItself,
} from './abort-callbacks.ts';
import { isServed } from './address.ts';
import { type Context, type Key, key } from './context.ts';

/**
 * The signal that ends the work at hand, where a policy put one of its own in front of the request's. The end of the
 * chain hands it to `fetch` or to the app.
 */
export const abortSignal: Key<AbortSignal | undefined> = key<AbortSignal>('abort signal');

/**
 * When the caller stops waiting: a moment on {@link Clock.monotonic} of the clock that set it, in milliseconds.
 * A policy that waits (backoff, queues) gives up at once where the wait would end later.
 */
export const deadline: Key<number> = key('deadline', Number.POSITIVE_INFINITY);

/** The signal that work for this request has to follow: the nearest policy's, or the request's own. */
export function signalOf(request: Request, context: Context): AbortSignal {
  return context.get(abortSignal) ?? request.signal;
}

/** A signal of one's own that also aborts when its parent does. */
export interface Follower {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /**
   * Ends the following once the response needs it no more: at once where it has no body, else when the body is garbage,
   * since the parent's abort must still reach a body that is being read. (The response around it may be long gone.) A
   * parent that is a follower itself, or that ends with its request, keeps the first few for as long as it is there.
   *
   * @param response `undefined` where there is none, because the attempt failed or was given up.
   */
  release(response: Response | undefined): void;
}

/** Made at the first use: Workers before 2025-05-05 have none, and there a request's signal dies with the request. */
let releases: FinalizationRegistry<() => void> | undefined;

/**
 * Makes a signal that follows another one and can be aborted apart from it.
 *
 * Unlike `AbortSignal.any` it can be released, so a long-lived parent keeps nothing of the calls that ended.
 *
 * @param onAbort Called when the signal has aborted, unless it was released before or the parent had aborted already.
 */
export function follow(parent: AbortSignal, onAbort?: (reason: unknown) => void): Follower {
  return new FollowingSignal(parent, onAbort);
}

/**
 * Follows the signal that work for this request has to follow. What a server made for one request keeps its few followers:
 * to hear of garbage costs a tenth of all that a gateway does for it.
 */
export function followCaller(
  request: Request,
  context: Context,
  onAbort?: (reason: unknown) => void,
): Follower {
  const caller = signalOf(request, context);
  if (caller === request.signal && isServed(request, context)) endsWithRequest(caller);
  return follow(caller, onAbort);
}

class FollowingSignal extends Callbacks implements Follower {
  readonly signal: AbortSignal;
  readonly #controller: AbortController;
  readonly #parent: AbortSignal;
  #tell: ((reason: unknown) => void) | undefined;

  constructor(parent: AbortSignal, tell: ((reason: unknown) => void) | undefined) {
    super();
    const controller = new AbortController();
    this.#controller = controller;
    this.signal = controller.signal;
    this.#parent = parent;
    this.#tell = tell;
    tellsItself(this.signal, this);
    if (parent.aborted) controller.abort(parent.reason);
    else addAbortCallback(parent, this.#onParentAbort);
  }

  /** An own property, to be taken off again. */
  readonly #onParentAbort = (): void => this.abort(this.#parent.reason);

  abort(reason: unknown): void {
    const { signal } = this;
    if (signal.aborted) return;
    this.#controller.abort(reason);
    try {
      this.handleEvent();
    } finally {
      // Not the one given: without a reason the platform makes one.
      this.#tell?.(signal.reason);
    }
  }

  release(response: Response | undefined): void {
    // Whoever is told knows the response: what is kept until its body is garbage must not lead there.
    this.#tell = undefined;
    // First: to ask for a body may be what makes a stream of it.
    if (response !== undefined && mayKeep(this.#parent)) return;
    const body = response?.body ?? undefined;
    if (body === undefined) {
      removeAbortCallback(this.#parent, this.#onParentAbort);
    } else if (typeof FinalizationRegistry === 'function') {
      // To hear of garbage costs as much as all else that is done for an attempt.
      releases ??= new FinalizationRegistry((release) => release());
      releases.register(body, () => removeAbortCallback(this.#parent, this.#onParentAbort));
    }
  }
}

/** What the work comes to; rejects with the reason of the signal as soon as that aborts, also where the work never ends. */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    addAbortCallback(signal, onAbort);
    work.then(resolve, reject).finally(() => removeAbortCallback(signal, onAbort));
  });
}

/** The reason with which a time limit aborts: what `AbortSignal.timeout` uses. */
export function timeoutError(message: string): DOMException {
  return new DOMException(message, 'TimeoutError');
}

/** Whether an abort reason or a rejection speaks of a time limit and not of a caller that left. */
export function isTimeoutError(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && (reason as Error).name === 'TimeoutError';
}
