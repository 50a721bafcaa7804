/**
 * Gateways as processes on Node, Bun and Deno, whose processor time can be read.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** A process that answers. */
export interface Running {
  readonly url: string;
  /** What it has taken of the processors since its start, in microseconds. */
  processorTime(): number;
  end(): void;
}

export const commands = {
  Node: [process.execPath],
  Bun: ['bun', '--bun', '--no-install'],
  Deno: ['deno', 'run', '-A', '--no-remote', '--node-modules-dir=manual'],
} as const;

/** What runs a process. */
export type Runtime = keyof typeof commands;

/** Starts a script of this folder. */
export function script(runtime: Runtime, name: string, ...args: string[]): Promise<Running> {
  const path = new URL(name, import.meta.url).pathname;
  return started(runtime, [path, ...args], 'stdout', /^(\d+)$/m);
}

/** Starts the command line as it is published: after `npm run build`. */
export function gateway(runtime: Runtime, rules: string): Promise<Running> {
  const path = new URL('../../bin/fetchmesh.mjs', import.meta.url).pathname;
  const args = ['serve', '-f', rules, '--port', '0', '--admin-port', '0'];
  return started(runtime, [path, ...args], 'stderr', /gateway on \S+:(\d+)/);
}

async function started(
  runtime: Runtime,
  args: readonly string[],
  channel: 'stdout' | 'stderr',
  port: RegExp,
): Promise<Running> {
  const [command, ...front] = commands[runtime];
  const child = spawn(command, [...front, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8');
  child.stderr.on('data', (chunk: string) => {
    if (channel === 'stderr') said += chunk;
    else process.stderr.write(chunk);
  });
  child.stdout.on('data', (chunk: string) => {
    if (channel === 'stdout') said += chunk;
  });
  while (!port.test(said)) {
    if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended: ${said}`);
    await Promise.race([once(child[channel], 'data'), once(child, 'exit')]);
  }
  return {
    url: `http://127.0.0.1:${port.exec(said)?.[1]}`,
    processorTime: () => processorTimeOf(child),
    end: () => child.kill('SIGKILL'),
  };
}

/** In user and in kernel mode, which Linux tells in hundredths of a second. */
function processorTimeOf({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
