import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** What a run of the command line left. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run it. */
export interface RunOptions {
  /** Default: an empty folder. */
  readonly cwd?: string;
  /** Standard input. Default: none. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const entry = new URL('./cli.ts', import.meta.url).pathname;

/** Runs the command line to its end, its streams being pipes. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...around } = process.env;
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: options.cwd ?? (await folder()),
    env: { ...around, ...options.env },
    stdio: 'pipe',
  });
  child.stdin.on('error', () => {}).end(options.input ?? '');
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exit,
  ]);
  return { code, stdout, stderr };
}

/** Makes a folder with these files in it, for one test. */
export async function folder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fetchmesh-cli-'));
  onTestFinished(() => rm(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  return path;
}
