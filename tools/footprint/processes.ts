/**
 * `fetchmesh serve` on Node, Bun and Deno, as a process of its own.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import process from 'node:process';
import { runtimes } from '../runtimes.ts';

/** A gateway that was started. */
export interface Started {
  residentBytes(): number;
  end(): void;
}

/** Something that a gateway runs on. */
export interface Candidate {
  readonly name: string;
  readonly version: string;
  /** Starts one that sends everything to a target. */
  start(port: number, target: string): Started;
}

/** The command line on the runtimes that have one. */
export const processes: readonly Candidate[] = (
  [
    ['Node', runtimes.node],
    ['Bun', runtimes.bun],
    ['Deno', runtimes.deno],
  ] as const
).map(([name, [program, ...front]]) => ({
  name,
  version: versionOf(program),
  start(port, target) {
    const args = ['serve', '--port', String(port), '--admin-port', '0', '--upstream', target];
    return started(program, [...front, 'bin/fetchmesh.mjs', ...args]);
  },
}));

/** Starts a process whose memory can be read. */
export function started(command: string, args: readonly string[]): Started {
  const child = spawn(command, args, { stdio: 'ignore' });
  return { residentBytes: () => residentBytesOf(child), end: () => child.kill('SIGKILL') };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** The first number in what a command says of its version. */
export function versionOf(command: string): string {
  const said = execFileSync(command, ['--version'], { encoding: 'utf8' });
  return /\d+[.-][\w.-]+/.exec(said)?.[0] ?? said.trim();
}

function residentBytesOf({ pid }: ChildProcess): number {
  if (process.platform === 'linux') {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
  }
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)])) * 1_024;
}
