/**
 * Runs the benchmarks on Node, Bun and Deno: `npm run bench [-- stack pairs]`.
 *
 * Figures move with the machine; ratios within one run are what counts.
 */

import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { runtimes } from '../tools/runtimes.ts';

const commands: Readonly<Record<string, readonly string[]>> = {
  Node: ['node', '--expose-gc'],
  Bun: ['bun', 'run'],
  Deno: [
    ...runtimes.deno,
    // A young generation of one size: else its pages come and go, 40 MB at a time.
    '--v8-flags=--expose-gc,--min-semi-space-size=16,--max-semi-space-size=16',
  ],
};

/** What there is, and where it runs. */
const benchmarks: Readonly<Record<string, readonly string[]>> = {
  stack: ['Node', 'Bun', 'Deno'],
  chain: ['Node', 'Bun', 'Deno'],
  pairs: ['Node', 'Bun', 'Deno'],
  shared: ['Node'],
  routing: ['Node', 'Bun', 'Deno'],
  import: ['Node'],
  soak: ['Node', 'Bun', 'Deno'],
  process: ['Node'],
  reload: ['Node'],
};

/** Too long to be run with the others, to be run after `npm run build`, or with needs of their own: `redis-server`. */
const onDemand = ['shared', 'soak', 'process', 'reload'];

const asked = process.argv.slice(2);
const usual = Object.keys(benchmarks).filter((benchmark) => !onDemand.includes(benchmark));
for (const benchmark of asked.length > 0 ? asked : usual) {
  const places = benchmarks[benchmark];
  if (places === undefined) {
    console.error(
      `There is no benchmark '${benchmark}', but ${Object.keys(benchmarks).join(', ')}.`,
    );
    process.exit(2);
  }
  for (const runtime of places) {
    console.log(`\n── ${benchmark} on ${runtime}`);
    const [command, ...args] = commands[runtime] as [string, ...string[]];
    const { status } = spawnSync(command, [...args, `bench/${benchmark}.ts`], { stdio: 'inherit' });
    if (status !== 0) process.exit(1);
  }
}
