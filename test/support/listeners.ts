import { abortCallbacks } from '../../src/core/abort-callbacks.ts';

/** Counts who hears of a signal's abort at this moment. */
export interface ListenerCount {
  readonly current: number;
  /** The most that there were at once, as far as anybody looked: at each listener that was added, and at each count. */
  readonly highest: number;
}

/**
 * Watches the listeners of a signal from now on. Those who share one listener are counted one by one; that of a request which
 * Node has made from another one, and takes off when the request is collected, is not.
 */
export function countListeners(signal: AbortSignal): ListenerCount {
  const listeners = new Set<unknown>();
  const add = signal.addEventListener;
  const remove = signal.removeEventListener;
  let highest = 0;
  function count(): number {
    const own = [...listeners].filter((listener) => typeof listener === 'function').length;
    const current = own + abortCallbacks(signal);
    highest = Math.max(highest, current);
    return current;
  }
  Object.defineProperty(signal, 'addEventListener', {
    value(type: string, listener: EventListener, options?: AddEventListenerOptions) {
      add.call(signal, type, listener, options);
      if (isOfRequest()) return;
      listeners.add(listener);
      if (options?.once) add.call(signal, type, () => listeners.delete(listener), { once: true });
      count();
    },
  });
  Object.defineProperty(signal, 'removeEventListener', {
    value(type: string, listener: EventListener) {
      remove.call(signal, type, listener);
      if (type === 'abort') listeners.delete(listener);
    },
  });
  return {
    get current() {
      return count();
    },
    get highest() {
      count();
      return highest;
    },
  };
}

function isOfRequest(): boolean {
  return (new Error().stack ?? '').includes('node:internal/deps/undici');
}
