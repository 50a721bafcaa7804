/**
 * Measuring small things fairly: fresh inputs, contestants interleaved round by round, the median of the rounds.
 */

import process from 'node:process';

/** Something to be measured, once per call. */
export interface Contestant {
  readonly name: string;
  readonly run: () => Promise<unknown> | unknown;
}

/** What a contestant took, in microseconds per call. */
export interface Result {
  readonly name: string;
  readonly median: number;
  readonly lowest: number;
  /** Round by round; the rounds of all contestants belong together. */
  readonly rounds: readonly number[];
}

/** Settings of {@link measure}. */
export interface MeasureOptions {
  readonly rounds?: number;
  /** How long a contestant runs within a round. */
  readonly sliceMs?: number;
}

/**
 * Runs all contestants in turn, `rounds` times; within a round each runs for some `sliceMs` milliseconds.
 *
 * The machine's moods hit all of them alike; ratios of medians are what to look at.
 */
export async function measure(
  contestants: readonly Contestant[],
  { rounds = 9, sliceMs = 60 }: MeasureOptions = {},
): Promise<readonly Result[]> {
  const samples = contestants.map((): number[] => []);
  // The first rounds warm the compilers up.
  for (let round = -2; round < rounds; round++) {
    for (const [index, { run }] of contestants.entries()) {
      const taken = await slice(run, sliceMs);
      if (round >= 0) samples[index]?.push(taken);
    }
  }
  return contestants.map(({ name }, index) => {
    const taken = samples[index] as number[];
    return { name, median: median(taken), lowest: Math.min(...taken), rounds: taken };
  });
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** Calls between two looks at the clock. */
const batch = 10;

async function slice(run: Contestant['run'], sliceMs: number): Promise<number> {
  const end = performance.now() + sliceMs;
  const start = cpuMicroseconds();
  let calls = 0;
  while (performance.now() < end) {
    for (let index = 0; index < batch; index++) await run();
    calls += batch;
  }
  return (cpuMicroseconds() - start) / calls;
}

/** On Node, CPU time of this thread, since others may use the machine meanwhile; Deno tells it in steps of 10 ms. */
function cpuMicroseconds(): number {
  if (!navigator.userAgent.startsWith('Node')) return performance.now() * 1_000;
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
