/**
 * Runs the benchmarks on Node, Bun and Deno: `npm run bench [-- chain routing]`.
 *
 * Figures move with the machine; ratios within one run are what counts.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

const runtimes: Readonly<Record<string, readonly string[]>> = {
  Node: ['node'],
  Bun: ['bun', 'run'],
  Deno: ['deno', 'run', '-A', '--no-remote', '--node-modules-dir=manual'],
};

const asked = process.argv.slice(2);
const benchmarks = asked.length > 0 ? asked : ['chain', 'routing'];
for (const benchmark of benchmarks) {
  const file = `bench/${benchmark}.ts`;
  if (!existsSync(file)) {
    console.error(`There is no ${file}.`);
    process.exit(2);
  }
  for (const [runtime, [command, ...args]] of Object.entries(runtimes)) {
    console.log(`\n── ${benchmark} on ${runtime}`);
    const { status } = spawnSync(command as string, [...args, file], { stdio: 'inherit' });
    if (status !== 0) process.exit(1);
  }
}
