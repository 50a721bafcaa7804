import type { Clock } from '../../src/core/clock.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until told otherwise. Wall-clock and monotonic time have different origins, so that code
 * which takes one for the other is found out.
 */
export class VirtualClock implements Clock {
  #elapsedMs = 0;
  #wallMs: number;
  readonly #originMs: number;
  readonly #turn: () => Promise<void>;
  readonly #timers = new Set<Timer>();
  /** The delays of all timers ever set, in milliseconds. */
  readonly delays: number[] = [];

  /** @param turn What to wait for between timers: {@link promisesTurn} is quicker on workerd. */
  constructor(wallMs: number = Date.UTC(2025, 0, 1), originMs = 5_000, turn = immediateTurn) {
    this.#wallMs = wallMs;
    this.#originMs = originMs;
    this.#turn = turn;
  }

  now(): number {
    return this.#wallMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#originMs + this.#elapsedMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    if (Number.isNaN(delayMs) || delayMs < 0) throw new RangeError(`A timer of ${delayMs} ms`);
    this.delays.push(delayMs);
    const timer = { at: this.#elapsedMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass: fires what falls due, in order, and lets the consequences of each timer settle before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsedMs + ms;
    await settled(this.#turn);
    for (let timer = this.#nextUntil(end); timer !== undefined; timer = this.#nextUntil(end)) {
      this.#timers.delete(timer);
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.at);
      timer.callback();
      // Between timers that fall due together a runtime runs promises, and nothing else.
      if (this.#nextUntil(this.#elapsedMs) === undefined) await settled(this.#turn);
      else await this.#turn();
    }
    this.#elapsedMs = end;
  }

  /** Sets the wall clock forward or back, as an administrator or NTP would; monotonic time goes on. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }
}

/** Lets everything that waits for nothing but promises and streams run to its end. */
export async function settled(turn = immediateTurn): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await turn();
}

/** Enough for what waits for nothing but promises. An immediate takes a millisecond on workerd, a thousand are a second. */
export async function promisesTurn(): Promise<void> {
  for (let hops = 0; hops < 30; hops++) await undefined;
}

function immediateTurn(): Promise<void> {
  // Immediates take microseconds where timers take a millisecond; all runtimes but browsers have them.
  const defer: (callback: () => void) => unknown = globalThis.setImmediate ?? setTimeout;
  return new Promise((resolve) => {
    defer(resolve);
  });
}
