/**
 * How long a reload of many routes keeps the serving thread from everything else, turn by turn of its event loop: by its own processor
 * time, which says nearly the same on a machine that is busy, and by the clock; and the pauses of the garbage collector in it. `node bench/slices.ts [ROUTES]`.
 */

import { PerformanceObserver } from 'node:perf_hooks';
import process from 'node:process';
import { jobFor, loadRulesAside, readCompiledAside } from '../src/cli/load-rules.ts';
import { putInForceGradually } from '../src/cli/rules-origin.ts';
import { systemClock } from '../src/core/clock.ts';
import { inSlices } from '../src/core/steps.ts';
import { createGateway } from '../src/gateway/gateway.ts';
import type { Rules } from '../src/rules/model.ts';
import { parseRules } from '../src/rules/parse.ts';
import { jsonPieces } from '../src/rules/sources/json-pieces.ts';
import { manyRoutes } from './many-routes.ts';

/** A turn of the event loop, in milliseconds. */
interface Turn {
  readonly phase: string;
  readonly cpu: number;
  readonly wall: number;
}

let phase = 'idle';
const turns: Turn[] = [];
const pauses: number[] = [];

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pauses.push(duration);
}).observe({ entryTypes: ['gc'] });

function ownTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

let [cpu, wall] = [ownTime(), performance.now()];
function watch(): void {
  const now = [ownTime(), performance.now()] as const;
  turns.push({ phase, cpu: now[0] - cpu, wall: now[1] - wall });
  [cpu, wall] = now;
  setImmediate(watch).unref();
}
watch();

async function during<T>(name: string, work: () => Promise<T>): Promise<T> {
  phase = name;
  try {
    return await work();
  } finally {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    phase = 'idle';
  }
}

function report(): void {
  for (const name of new Set(turns.map((turn) => turn.phase))) {
    const own = turns.filter((turn) => turn.phase === name);
    const by = (key: 'cpu' | 'wall'): string => {
      const sorted = own.map((turn) => turn[key]).sort((a, b) => b - a);
      const sum = sorted.reduce((total, each) => total + each, 0);
      const longest = sorted.slice(0, 5).map((each) => each.toFixed(1));
      return `${sum.toFixed(0)} ms, longest ${longest.join(' ')}`;
    };
    console.log(
      `${name.padEnd(22)} ${own.length} turns; own time ${by('cpu')}; clock ${by('wall')}`,
    );
  }
  const longest = [...pauses].sort((a, b) => b - a).slice(0, 8);
  console.log(
    `garbage collection: ${pauses.length} pauses, longest ${longest.map((each) => each.toFixed(1)).join(' ')}`,
  );
}

const count = Number(process.argv[2] ?? 10_000);
const texts = [200, 201].map((status) => manyRoutes(count, status));
const built = texts.map((text) => JSON.stringify(parseRules(text, { mode: 'gateway' }).rules));
const gateway = createGateway(JSON.parse(built[0] as string) as Rules, {
  transport: async () => new Response(null),
});
// What was made on the way is no part of a reload.
globalThis.gc?.();
await new Promise((resolve) => setTimeout(resolve, 500));
turns.length = 0;
pauses.length = 0;

for (let round = 0; round < 6; round++) {
  const index = (round + 1) % 2;
  const found = await during('file: thread', async () => {
    const job = jobFor({ file: 'rules.yaml', text: texts[index] as string }, undefined);
    return (await loadRulesAside(job)).found;
  });
  if (found === undefined) throw new Error('the rules of this benchmark are wrong');
  await during('file: compile', () =>
    putInForceGradually(gateway, { rules: found.rules, revision: `f${round}` }),
  );
}
for (let round = 0; round < 6; round++) {
  const text = built[(round + 1) % 2] as string;
  const rules = await during('URL: thread', () => readCompiledAside(text));
  await during('URL: digest', () =>
    inSlices(
      (function* () {
        for (const _ of jsonPieces(rules)) yield;
      })(),
      { clock: systemClock },
    ),
  );
  await during('URL: compile', () =>
    putInForceGradually(gateway, { rules, revision: `u${round}` }),
  );
}
report();
