/**
 * `npm run drill [-- NAME …]`: things go wrong on purpose; figures and a verdict for each. Exit code 1 where one failed.
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ownRuntime, runtimes } from '../../tools/runtimes.ts';
import { allDrills } from './all.ts';
import { type Drill, Stage } from './drill.ts';
import type { Platform } from './platform.ts';

/** Where the gateway is a Worker. */
const workerPlatforms = ['workerd', 'mixed'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: 'string', default: ownRuntime },
    restarts: { type: 'string', default: '20' },
    record: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const restarts = Number(values.restarts);
if (!Number.isInteger(restarts) || restarts < 1) {
  console.error(`--restarts: '${values.restarts}' is not a whole number above 0`);
  process.exit(2);
}
const drills = allDrills(restarts);
if (values.help) {
  console.log(`npm run drill [-- NAME …]

${drills.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`).join('\n')}

  --runtime NAME  node, bun, deno; workerd, where gateway and services are Workers; mixed, where the gateway is one and
                  the services are processes (default: ${ownRuntime})
  --restarts N    how many gateways restart brings down (default: 20)
  --record FILE   writes what was seen there, as a page`);
  process.exit(0);
}
const { runtime } = values;
refuseUnknown(
  'drill',
  positionals,
  drills.map(({ name }) => name),
);
refuseUnknown('runtime', [runtime], [...Object.keys(runtimes), ...workerPlatforms]);
const isOnWorkers = workerPlatforms.includes(runtime);
if (!isOnWorkers && runtime !== ownRuntime) {
  const [program, ...front] = runtimes[runtime as keyof typeof runtimes];
  const args = [...front, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error !== undefined) console.error(`cannot run ${program} (${error.message})`);
  process.exit(status ?? 1);
}

const open = await platformFor(runtime);
const load = loadavg()[0]?.toFixed(1);
const began = performance.now();
const lines: string[] = [];
let failed = 0;
let left = 0;
for (const drill of drills) {
  if (positionals.length > 0 && !positionals.includes(drill.name)) continue;
  say(`── ${drill.name}\n${drill.summary}\n`);
  if (isOnWorkers && drill.notOnWorkers !== undefined) {
    say(`  Not on Workers: ${drill.notOnWorkers}.\n`);
    left += 1;
  } else if (!(await carryOut(drill))) failed += 1;
}
const seconds = Math.round((performance.now() - began) / 1_000);
const verdict = failed === 0 ? 'All drills passed' : `${failed} drills FAILED`;
say(`${verdict} in ${seconds} s${left === 0 ? '' : `; ${left} mean nothing here`}.`);
if (values.record !== undefined) writeFileSync(values.record, page(values.record));
process.exit(failed === 0 ? 0 : 1);

/** What was seen, for the docs. */
function page(file: string): string {
  const given = runtime === 'node' ? '' : `--runtime ${runtime} `;
  return `# Drills${runtime === 'node' ? '' : ` on ${runtime}`}

What \`npm run drill\` says, as it was recorded by \`npm run drill -- ${given}--record ${file}\`: each drill breaks something on
purpose and reads from the gateway's own metrics what came of it. The machine has ${availableParallelism()} processors and had a load of ${load} before it
began: times say more of that than of a gateway.

\`\`\`text
${lines.join('\n')}
\`\`\`
`;
}

/** Opens a place for each drill. */
async function platformFor(name: string): Promise<() => Platform | Promise<Platform>> {
  if (!isOnWorkers) return (await import('./processes.ts')).onProcesses;
  const { onMixed, onWorkerd } = await import('./workerd.ts');
  return name === 'mixed' ? onMixed : onWorkerd;
}

async function carryOut({ run }: Drill): Promise<boolean> {
  const stage = new Stage(await open());
  try {
    await run(stage);
  } catch (error) {
    stage.expect('the drill itself', String(error), false);
  } finally {
    await stage.end();
  }
  for (const { what, figures, holds } of stage.findings) {
    say(`  ${holds ? '√' : '×'} ${what}: ${figures}`);
  }
  const holds = stage.findings.length > 0 && stage.findings.every((finding) => finding.holds);
  say(`\n  ${holds ? 'PASSED' : 'FAILED'}\n`);
  return holds;
}

function say(text: string): void {
  console.log(text);
  lines.push(text);
}

function refuseUnknown(kind: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  console.error(`There is no ${kind} ${unknown.join(', ')}; there are ${known.join(', ')}.`);
  process.exit(2);
}
