/**
 * Measuring small things fairly: fresh inputs, contestants interleaved round by round, the median of the rounds.
 */

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
}

/**
 * Runs all contestants in turn, `rounds` times; within a round each runs for some `sliceMs` milliseconds.
 *
 * The machine's moods hit all of them alike; ratios of medians are what to look at.
 */
export async function measure(
  contestants: readonly Contestant[],
  { rounds = 9, sliceMs = 60 }: { readonly rounds?: number; readonly sliceMs?: number } = {},
): Promise<readonly Result[]> {
  const samples = contestants.map((): number[] => []);
  for (let round = -2; round < rounds; round++) {
    for (const [index, { run }] of contestants.entries()) {
      const taken = await slice(run, sliceMs);
      // The first rounds warm the compilers up.
      if (round >= 0) samples[index]?.push(taken);
    }
  }
  return contestants.map(({ name }, index) => {
    const sorted = (samples[index] as number[]).toSorted((a, b) => a - b);
    return {
      name,
      median: sorted[Math.floor(sorted.length / 2)] as number,
      lowest: sorted[0] as number,
    };
  });
}

async function slice(run: Contestant['run'], sliceMs: number): Promise<number> {
  const start = performance.now();
  let calls = 0;
  while (performance.now() - start < sliceMs) {
    for (let index = 0; index < 50; index++) await run();
    calls += 50;
  }
  return ((performance.now() - start) * 1_000) / calls;
}
