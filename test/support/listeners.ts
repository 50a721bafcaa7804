/** Counts the `abort` listeners that a signal has at this moment. */
export interface ListenerCount {
  readonly current: number;
  /** The most that there were at once. */
  readonly highest: number;
}

/** Watches the listeners that are added to a signal and removed from it, from now on. */
export function countListeners(signal: AbortSignal): ListenerCount {
  const listeners = new Set<unknown>();
  const count = { current: 0, highest: 0 };
  const update = (): void => {
    count.current = listeners.size;
    count.highest = Math.max(count.highest, listeners.size);
  };
  const add = signal.addEventListener;
  const remove = signal.removeEventListener;
  Object.defineProperty(signal, 'addEventListener', {
    value(type: string, listener: EventListener, options?: AddEventListenerOptions) {
      add.call(signal, type, listener, options);
      listeners.add(listener);
      update();
    },
  });
  Object.defineProperty(signal, 'removeEventListener', {
    value(type: string, listener: EventListener) {
      remove.call(signal, type, listener);
      listeners.delete(listener);
      update();
    },
  });
  return count;
}
