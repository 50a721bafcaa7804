/**
 * A gateway as a process, beside the least that a proxy on the runtime's `fetch` does and beside the stack that people
 * assemble: processor time for each request, on Node, Bun and Deno. `node bench/process.ts [Node Bun Deno]`, on Linux, after
 * `npm run build`.
 *
 * All three run at the same time and are asked in turn, so that the machine's moods hit all of them alike.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { gatewayRules } from './canary.ts';
import { median, type Result } from './measure.ts';
import { commands, gateway, type Running, type Runtime, script } from './process/contestants.ts';
import { load } from './process/load.ts';
import { headers } from './request.ts';
import { printRatio } from './table.ts';

const connections = 32;
const rounds = 9;
const sliceMs = 1_000;

/** What the gateway is held to: at most this share of the other's processor time for a request, and the floor. */
const goals: Readonly<Record<Runtime, { readonly bare: Goal; readonly peers: Goal }>> = {
  Node: { bare: [1 / 0.95, 1 / 0.8], peers: [1 / 2, 1 / 1.5] },
  Bun: { bare: [1 / 0.87, 1 / 0.7], peers: [1 / 4, 1 / 3] },
  Deno: { bare: [1 / 0.85, 1 / 0.65], peers: [1 / 2.5, 1 / 2] },
};
type Goal = readonly [atMost: number, floor: number];

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-process-'));
const upstream = await script('Bun', 'upstream.ts');
const rules = join(directory, 'fetchmesh.yaml');
writeFileSync(rules, gatewayRules({ stable: upstream.url, canary: upstream.url }));

try {
  const asked = process.argv.slice(2);
  for (const runtime of Object.keys(commands) as Runtime[]) {
    if (asked.length === 0 || asked.includes(runtime)) await compare(runtime);
  }
} finally {
  upstream.end();
  rmSync(directory, { recursive: true });
}

async function compare(runtime: Runtime): Promise<void> {
  console.log(`\n── a process on ${runtime}, ${connections} connections`);
  const running: Readonly<Record<string, Running>> = {
    'pass-through on fetch': await script(runtime, 'server.ts', 'bare', upstream.url),
    'peer stack, spans recorded': await script(runtime, 'server.ts', 'peers', upstream.url),
    'fetchmesh serve': await gateway(runtime, rules),
  };
  const [bare, peers, ours] = await measured(running);
  for (const { end } of Object.values(running)) end();
  const theirs = { bare: bare as Result, peers: peers as Result };
  for (const key of ['bare', 'peers'] as const) {
    const [atMost, floor] = goals[runtime][key];
    const goal = { id: key === 'bare' ? 'P7' : 'P8', atMost, floor };
    printRatio(`fetchmesh serve / ${theirs[key].name}`, {
      ...{ ours: ours as Result, theirs: theirs[key], goal },
    });
  }
}

/** Microseconds of processor time for each request, round by round. */
async function measured(running: Readonly<Record<string, Running>>): Promise<readonly Result[]> {
  const taken = Object.entries(running).map(([name, process]) => ({
    ...{ name, process, rounds: [] as number[], perSecond: [] as number[], p99: [] as number[] },
  }));
  for (let round = -3; round < rounds; round++) {
    for (const { process, ...of } of taken) {
      const before = process.processorTime();
      const { count, latencies } = await load(`${process.url}/api/users`, headers, {
        ...{ connections, forMs: sliceMs },
      });
      if (round < 0) continue;
      of.rounds.push((process.processorTime() - before) / count);
      of.perSecond.push((count / sliceMs) * 1_000);
      of.p99.push(latencies[Math.floor(0.99 * (count - 1))] as number);
    }
  }
  return taken.map(({ name, rounds, perSecond, p99 }) => {
    const figures = [
      `${median(rounds).toFixed(0).padStart(5)} µs of processor time`,
      `${median(perSecond).toFixed(0).padStart(6)} requests/s`,
      `p99 ${median(p99).toFixed(1)} ms`,
    ];
    console.log(`${name.padEnd(30)} ${figures.join('   ')}`);
    return { name, rounds, median: median(rounds), lowest: Math.min(...rounds) };
  });
}
