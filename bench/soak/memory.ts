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

/** How values grow from one to the next. */
export interface Growth {
  /** The median of the slopes of all pairs, which a heap that takes or gives back a page at one moment does not move. */
  readonly median: number;
  /** With 95 % confidence it is at least this. */
  readonly least: number;
  /** And at most this. */
  readonly most: number;
}

/**
 * How equidistant values grow: the estimate of Theil and Sen, and its confidence interval by Kendall's statistic. What comes and
 * goes makes the interval wide; what leaks leaves it narrow.
 */
export function growth(values: readonly number[]): Growth {
  const slopes = values
    .flatMap((value, index) =>
      values.slice(0, index).map((earlier, before) => (value - earlier) / (index - before)),
    )
    .toSorted((one, other) => one - other);
  const count = values.length;
  const spread = 1.96 * Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18);
  const at = (rank: number): number =>
    slopes[Math.min(slopes.length, Math.max(1, rank)) - 1] ?? Number.NaN;
  const half = slopes.length / 2;
  return {
    median: (at(Math.ceil(half)) + at(Math.floor(half) + 1)) / 2,
    least: at(Math.round((slopes.length - spread) / 2)),
    most: at(Math.round((slopes.length + spread) / 2) + 1),
  };
}
