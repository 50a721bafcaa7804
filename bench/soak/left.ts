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

/** Who listens to one signal. */
class Listeners {
  readonly #added = new Set<unknown>();
  /** Of its own: a listener may lead to the signal, and what waits for the signal to be garbage must not. */
  readonly tally = { count: 0 };

  add(listener: unknown): void {
    if (this.#added.has(listener)) return;
    this.#added.add(listener);
    this.tally.count += 1;
    left.listeners += 1;
  }

  delete(listener: unknown): void {
    if (!this.#added.delete(listener)) return;
    this.tally.count -= 1;
    left.listeners -= 1;
  }

  clear(): void {
    this.#added.clear();
    forget(this.tally);
  }
}

function forget(tally: Listeners['tally']): void {
  left.listeners -= tally.count;
  tally.count = 0;
}

/** Counts the listeners of every signal from now on. Those of a signal that has aborted or is garbage are none any more. */
export function countListeners(): void {
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  const known = new WeakMap<AbortSignal, Listeners>();
  const garbage = new FinalizationRegistry(forget);

  function listenersOf(signal: AbortSignal): Listeners {
    let listeners = known.get(signal);
    if (listeners === undefined) {
      const made = new Listeners();
      listeners = made;
      known.set(signal, made);
      garbage.register(signal, made.tally);
      add.call(signal, 'abort', () => made.clear(), { once: true });
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
      if (type === 'abort' && !this.aborted && !isPlatforms()) listenersOf(this).add(listener);
    },
    removeEventListener(this: AbortSignal, type: string, listener: EventListener) {
      remove.call(this, type, listener);
      known.get(this)?.delete(listener);
    },
  });
}

function isPlatforms(): boolean {
  return (new Error().stack ?? '').includes('node:internal/');
}
