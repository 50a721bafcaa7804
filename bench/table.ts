/**
 * How results are printed: ratios within one run, beside the goal that they were set.
 */

import { median, type Result } from './measure.ts';

/** What is to be reached: ours at most this share of theirs, and the share from which on it is a defect. */
export interface Goal {
  /** Such as `P1`. */
  readonly id: string;
  readonly atMost: number;
  readonly floor: number;
}

/** What {@link printRatio} compares. */
export interface Comparison {
  readonly ours: Result;
  readonly theirs: Result;
  /** What is taken off both. Default: nothing. */
  readonly bare?: Result | undefined;
  /** What is taken off theirs. Default: what is taken off ours. */
  readonly bareOfTheirs?: Result | undefined;
  readonly goal?: Goal | undefined;
}

/** Prints each result, and what it adds to the first. */
export function printAdded(results: readonly Result[]): void {
  const [bare] = results as readonly [Result, ...Result[]];
  for (const result of results) {
    const added = ratioOf(result.rounds, (taken, round) => taken - (bare.rounds[round] as number));
    console.log(
      `${result.name.padEnd(46)} ${result.median.toFixed(2).padStart(7)} µs   ${added >= 0 ? '+' : ''}${added.toFixed(2)} µs`,
    );
  }
}

/**
 * Prints how much of `theirs` `ours` is, both less what `bare` takes, and what was asked.
 *
 * The ratio is the median of the rounds' ratios: a round in which the machine was slow was slow for all.
 */
export function printRatio(name: string, compared: Comparison): void {
  const { ours, theirs, bare, bareOfTheirs = bare, goal } = compared;
  const ratio = ratioOf(ours.rounds, (taken, round) => {
    const added = taken - (bare?.rounds[round] ?? 0);
    return added / ((theirs.rounds[round] as number) - (bareOfTheirs?.rounds[round] ?? 0));
  });
  console.log(`${name.padEnd(64)} ${percent(ratio).padStart(8)}   ${verdict(ratio, goal)}`);
}

function verdict(ratio: number, goal: Goal | undefined): string {
  if (goal === undefined) return '';
  const { id, atMost, floor } = goal;
  const asked = `${id}: at most ${percent(atMost)}, floor ${percent(floor)}`;
  return `${asked}: ${ratio <= atMost ? 'reached' : ratio <= floor ? 'above the floor' : 'MISSED'}`;
}

function ratioOf(rounds: readonly number[], of: (taken: number, round: number) => number): number {
  return median(rounds.map(of));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
