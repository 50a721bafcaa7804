/**
 * How much memory a process holds on to, and how that grows.
 */

import process from 'node:process';

/** In MB. */
export interface Memory {
  /** What the system has given to the process. */
  readonly resident: number;
  /** What the heap holds after a collection. */
  readonly live: number;
}

/** Looks after all garbage is gone. */
export async function memory(): Promise<Memory> {
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };
  // What is released when something else was collected is garbage one turn later.
  for (let times = 0; times < 10; times++) {
    gc?.();
    Bun?.gc(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss / 1_048_576, live: (heapUsed + external) / 1_048_576 };
}

/**
 * By how much equidistant values grow from one to the next: the median of the slopes of all pairs (Theil and Sen), which a
 * heap that takes or gives back a page at one moment does not move.
 */
export function growth(values: readonly number[]): number {
  const slopes = values
    .flatMap((value, index) =>
      values.slice(0, index).map((earlier, before) => (value - earlier) / (index - before)),
    )
    .toSorted((one, other) => one - other);
  const half = slopes.length / 2;
  return ((slopes[Math.ceil(half) - 1] ?? 0) + (slopes[Math.floor(half)] ?? 0)) / 2;
}
