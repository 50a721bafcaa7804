/** Processes that share a limit through a real Redis. */

import type { ChildProcess } from 'node:child_process';
import type { Limit } from '../../src/stores/contract.ts';
import { startScript } from './serving.ts';

/** What each process does. */
export interface LimitedRun {
  readonly url: string;
  readonly mode: 'leased' | 'exact';
  readonly instances: number;
  readonly limit: Limit;
  /** How many requests come to it in a second. */
  readonly perSecond: number;
  readonly runMs: number;
  /** Of the store. */
  readonly deadline: string;
  readonly onStoreError: 'local' | 'closed';
}

/** What it has seen. Moments are of the wall clock, in milliseconds. */
export interface LimitedTally {
  readonly asked: number;
  readonly answered: number;
  readonly admitted: number;
  readonly limited: number;
  readonly unavailable: number;
  readonly slowestMs: number;
  readonly p99Ms: number;
  /** How late its own timer was at worst: what the machine adds to each latency. */
  readonly worstLagMs: number;
  /** How long it got no time for 20 ms or more, in all. */
  readonly stalledMs: number;
  /** When it began to ask. */
  readonly firstAt: number;
  /** When it admitted last. */
  readonly lastAt: number;
  readonly isOver: boolean;
}

/** A process that is ready to begin. */
export interface LimitedProcess {
  readonly process: ChildProcess;
  begin(): void;
  /** The last that it has said. */
  tally(): LimitedTally;
  ended(): Promise<LimitedTally>;
}

const script = new URL('../fixtures/stores/limited-process.ts', import.meta.url).pathname;

/** Starts so many of them; resolves when all are ready. */
export async function limitedProcesses(
  run: LimitedRun,
  count: number,
): Promise<readonly LimitedProcess[]> {
  const started = Array.from({ length: count }, () =>
    startScript(script, [JSON.stringify(run)], 'node', 'pipe'),
  );
  await Promise.all(started.map(({ said }) => said(/^ready$/m)));
  return started.map(({ process, output, exited }) => {
    const tally = (): LimitedTally => {
      // The last whole line: a process that is killed may have begun another one.
      const lines = output().split('\n').slice(1, -1);
      return JSON.parse(lines.at(-1) ?? 'null') as LimitedTally;
    };
    return {
      process,
      begin: () => void process.stdin?.write('go\n'),
      tally,
      ended: async () => {
        await exited();
        return tally();
      },
    };
  });
}

/** All of them as one. */
export function together(tallies: readonly LimitedTally[]) {
  const sum = (of: (tally: LimitedTally) => number): number =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const firstAt = Math.min(...tallies.map((tally) => tally.firstAt));
  const lastAt = Math.max(...tallies.map((tally) => tally.lastAt));
  return {
    asked: sum(({ asked }) => asked),
    answered: sum(({ answered }) => answered),
    admitted: sum(({ admitted }) => admitted),
    limited: sum(({ limited }) => limited),
    unavailable: sum(({ unavailable }) => unavailable),
    slowestMs: Math.max(...tallies.map(({ slowestMs }) => slowestMs)),
    p99Ms: Math.max(...tallies.map(({ p99Ms }) => p99Ms)),
    worstLagMs: Math.max(...tallies.map(({ worstLagMs }) => worstLagMs)),
    // Of each: what one holds while it gets no time is lost to all.
    stalledMs: sum(({ stalledMs }) => stalledMs),
    seconds: (lastAt - firstAt) / 1_000,
  };
}
