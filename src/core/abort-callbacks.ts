/**
 * Hearing of an abort, cheaply: all layers of a chain share one listener on a signal, since each listener costs a third of a
 * microsecond on Node and half of one on Bun.
 *
 * @module
 */

/** Whom a signal tells, in the order in which they came. */
class Callbacks implements EventListenerObject {
  readonly #isTold: boolean;
  /** In the order in which they came; a signal may have thousands, of calls that are under way at once. */
  readonly #callbacks = new Set<() => void>();

  /** @param isTold Whether somebody calls `handleEvent`, so that the signal need not. */
  constructor(isTold = false) {
    this.#isTold = isTold;
  }

  get size(): number {
    return this.#callbacks.size;
  }

  add(callback: () => void, signal: AbortSignal): void {
    this.#callbacks.add(callback);
    if (this.size === 1 && !this.#isTold) signal.addEventListener('abort', this, { once: true });
  }

  remove(callback: () => void, signal: AbortSignal): void {
    const wasThere = this.#callbacks.delete(callback);
    if (wasThere && this.size === 0 && !this.#isTold) signal.removeEventListener('abort', this);
  }

  /** Tells each once. One that throws keeps none of the others from hearing of it. */
  handleEvent(): void {
    const errors: unknown[] = [];
    const callbacks = [...this.#callbacks];
    this.#callbacks.clear();
    for (const callback of callbacks) {
      try {
        callback();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
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
 * @returns Tells; to be called right after the signal has aborted.
 */
export function tellsItself(signal: AbortSignal): () => void {
  const callbacks = new Callbacks(true);
  (signal as HoldingSignal)[held] = callbacks;
  return () => callbacks.handleEvent();
}

/** Calls back once when the signal aborts; never where it has aborted already. */
export function addAbortCallback(signal: AbortSignal, callback: () => void): void {
  if (signal.aborted) return;
  const holder = signal as HoldingSignal;
  holder[held] ??= new Callbacks();
  holder[held].add(callback, signal);
}

/** Takes back {@link addAbortCallback}; harmless once it was called. */
export function removeAbortCallback(signal: AbortSignal, callback: () => void): void {
  (signal as HoldingSignal)[held]?.remove(callback, signal);
}

/** How many a signal would call back: for tests. */
export function abortCallbacks(signal: AbortSignal): number {
  return (signal as HoldingSignal)[held]?.size ?? 0;
}
