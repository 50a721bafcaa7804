/**
 * What exchanges can leave behind, counted while they are under way.
 */

import { type Clock, systemClock } from '../../src/core/clock.ts';

/** Everything that is out at this moment. */
export const left = { timers: 0, bodies: 0, calls: 0, listeners: 0 };

/** The system's clock, whose timers are counted. */
export const countingClock: Clock = {
  ...systemClock,
  schedule(callback, delayMs) {
    left.timers += 1;
    let isOver = false;
    const over = (): void => {
      if (!isOver) left.timers -= 1;
      isOver = true;
    };
    const cancel = systemClock.schedule(() => {
      over();
      callback();
    }, delayMs);
    return () => {
      over();
      cancel();
    };
  },
};

/** Counts the listeners of every signal from now on. Those of a signal that has aborted are none any more. */
export function countListeners(): void {
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  const known = new WeakMap<AbortSignal, Set<unknown>>();

  function listenersOf(signal: AbortSignal): Set<unknown> {
    let listeners = known.get(signal);
    if (listeners === undefined) {
      const added = new Set<unknown>();
      listeners = added;
      known.set(signal, added);
      const clear = (): void => {
        left.listeners -= added.size;
        added.clear();
      };
      add.call(signal, 'abort', clear, { once: true });
    }
    return listeners;
  }

  Object.assign(AbortSignal.prototype, {
    addEventListener(
      this: AbortSignal,
      type: string,
      listener: EventListener,
      options?: AddEventListenerOptions,
    ) {
      add.call(this, type, listener, options);
      // Node takes off those of a Request when it is collected.
      if (type !== 'abort' || this.aborted || isPlatforms()) return;
      const listeners = listenersOf(this);
      if (!listeners.has(listener)) left.listeners += 1;
      listeners.add(listener);
    },
    removeEventListener(this: AbortSignal, type: string, listener: EventListener) {
      remove.call(this, type, listener);
      if (known.get(this)?.delete(listener)) left.listeners -= 1;
    },
  });
}

function isPlatforms(): boolean {
  return (new Error().stack ?? '').includes('node:internal/');
}
