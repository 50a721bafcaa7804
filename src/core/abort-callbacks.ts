/**
 * Hearing of an abort, cheaply: all layers of a chain share one listener on a signal, since each listener costs a third of a
 * microsecond on Node and half of one on Bun.
 *
 * @module
 */

/**
 * Whom a signal tells, in the order in which they came: one as a rule, thousands where as many calls are under way at once.
 */
export class Callbacks implements EventListenerObject {
  /** Whether somebody calls `handleEvent`, so that the signal need not. */
  isTold = false;
  /** Whether the signal was made for one request, and is garbage with that. */
  endsWithRequest = false;
  #first: (() => void) | undefined;
  /** Made for the second. */
  #others: Set<() => void> | undefined;
  #kept: (() => void)[] | undefined;

  get size(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  add(callback: () => void): void {
    if (this.size === 0) {
      this.#first = callback;
    } else if (callback !== this.#first) {
      this.#others ??= new Set();
      this.#others.add(callback);
    }
  }

  /** One that is never taken back, and counts for none of them. */
  keep(callback: () => void): void {
    this.#kept ??= [];
    this.#kept.push(callback);
  }

  /** Whether nobody is to be told any more. */
  get isIdle(): boolean {
    return this.size === 0 && this.#kept === undefined;
  }

  /** Whether it was one of them. */
  delete(callback: () => void): boolean {
    if (callback !== this.#first) return this.#others?.delete(callback) ?? false;
    this.#first = undefined;
    return true;
  }

  /** Tells each once. One that throws keeps none of the others from hearing of it. */
  handleEvent(): void {
    let failure: { readonly error: unknown } | undefined;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      try {
        next();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }

  #take(): (() => void) | undefined {
    const next = this.#first ?? this.#others?.values().next().value;
    if (next === undefined) return this.#kept?.shift();
    this.delete(next);
    return next;
  }
}

// A property and no WeakMap, which keeps the garbage collector busy.
const held = Symbol('fetchmesh.abort callbacks');

interface HoldingSignal extends AbortSignal {
  [held]?: Callbacks;
}

/**
 * Takes over the telling for a signal of one's own, which then costs no listener at all.
 *
 * @param callbacks To be told, by `handleEvent`, right after the signal has aborted.
 */
export function tellsItself(signal: AbortSignal, callbacks: Callbacks): void {
  callbacks.isTold = true;
  callbacks.endsWithRequest = true;
  (signal as HoldingSignal)[held] = callbacks;
}

/** Says that a signal was made for one request and is garbage with that, so that {@link mayKeep} holds of it. */
export function endsWithRequest(signal: AbortSignal): void {
  callbacksOf(signal).endsWithRequest = true;
}

/** Calls back once when the signal aborts; never where it has aborted already. */
export function addAbortCallback(signal: AbortSignal, callback: () => void): void {
  if (signal.aborted) return;
  const callbacks = callbacksOf(signal);
  const isFirst = callbacks.isIdle;
  callbacks.add(callback);
  if (isFirst) listen(signal, callbacks);
}

/** The same for what is there for as long as the signal, and not to be counted. */
export function keepAbortCallback(signal: AbortSignal, callback: () => void): void {
  if (signal.aborted) return;
  const callbacks = callbacksOf(signal);
  const isFirst = callbacks.isIdle;
  callbacks.keep(callback);
  if (isFirst) listen(signal, callbacks);
}

function listen(signal: AbortSignal, callbacks: Callbacks): void {
  // Not `once`, which costs as much again: a signal aborts once.
  if (!callbacks.isTold) signal.addEventListener('abort', callbacks);
}

function callbacksOf(signal: AbortSignal): Callbacks {
  const holder = signal as HoldingSignal;
  holder[held] ??= new Callbacks();
  return holder[held];
}

/** Takes back {@link addAbortCallback}; harmless once it was called. */
export function removeAbortCallback(signal: AbortSignal, callback: () => void): void {
  const callbacks = (signal as HoldingSignal)[held];
  if (callbacks?.delete(callback) && callbacks.isIdle && !callbacks.isTold) {
    signal.removeEventListener('abort', callbacks);
  }
}

/** As many as the tries of a request have, which keep nothing alive that would not be there anyway. */
const few = 4;

/** Whether a signal ends with the request that it was made for, and calls back hardly anyone. */
export function mayKeep(signal: AbortSignal): boolean {
  const callbacks = (signal as HoldingSignal)[held];
  return callbacks?.endsWithRequest === true && callbacks.size <= few;
}

/** How many a signal would call back. */
export function abortCallbacks(signal: AbortSignal): number {
  return (signal as HoldingSignal)[held]?.size ?? 0;
}
