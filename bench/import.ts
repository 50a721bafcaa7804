/**
 * What an import costs: CPU time over an empty process, built modules, each in processes of its own. Run by bench/run.ts on
 * Node.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { median } from './measure.ts';

const core = 'dist/index.js';
if (!existsSync(core)) execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });

const built = (file: string): string => pathToFileURL(file).href;
const subjects: Readonly<Record<string, readonly string[]>> = {
  'an empty process': [],
  fetchmesh: [built(core)],
  'fetchmesh, a whole chain': [
    core,
    ...['gateway/governance', 'policies/retry', 'policies/timeout', 'telemetry/metrics'].map(
      (file) => `dist/${file}.js`,
    ),
    'dist/telemetry/tracing.js',
  ].map(built),
  'fetchmesh/rules': [built('dist/rules/index.js')],
  hono: ['hono'],
  cockatiel: ['cockatiel'],
  'prom-client': ['prom-client'],
  'the peer stack': [
    ...['hono', '@hono/otel', '@hono/prometheus', 'hono-rate-limiter', 'cockatiel'],
    'hono/timeout',
  ],
};

/** In milliseconds. */
function cpuOf(modules: readonly string[]): number {
  const imports = modules.map((name) => `await import(${JSON.stringify(name)});`).join('');
  const program = `${imports}const { user, system } = process.cpuUsage(); console.log(user + system);`;
  const args = ['--input-type=module', '--eval', program];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' })) / 1_000;
}

const samples = new Map(Object.keys(subjects).map((name): [string, number[]] => [name, []]));
for (let round = 0; round < 11; round++) {
  for (const [name, modules] of Object.entries(subjects)) samples.get(name)?.push(cpuOf(modules));
}
const empty = median(samples.get('an empty process') as number[]);
for (const [name, taken] of samples) {
  const goal = name === 'fetchmesh' ? '   P9: at most 10 ms' : '';
  console.log(`${name.padEnd(28)} +${(median(taken) - empty).toFixed(1).padStart(6)} ms${goal}`);
}
