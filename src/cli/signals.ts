/**
 * The signals that end a process, caught from its first moment on.
 *
 * @module
 */

import process from 'node:process';

/** The signals that came. */
export interface StopSignals {
  /** Resolves at the next SIGTERM or SIGINT; at once where one came that nobody has waited for. */
  next(): Promise<void>;
  /** Catches them no more: they end the process again. */
  release(): void;
}

const caught = ['SIGTERM', 'SIGINT'] as const;

/** Catches SIGTERM and SIGINT. Loads nothing: a process can call it before it has loaded what it runs. */
export function catchStopSignals(): StopSignals {
  let kept = 0;
  let waiting: (() => void)[] = [];
  function stop(): void {
    if (waiting.length === 0) kept += 1;
    for (const resolve of waiting) resolve();
    waiting = [];
  }
  for (const signal of caught) process.on(signal, stop);
  return {
    next() {
      if (kept > 0) {
        kept -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    release() {
      for (const signal of caught) process.off(signal, stop);
    },
  };
}
