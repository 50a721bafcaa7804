import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { folder } from './command-line.ts';

/** What is to be run in a terminal. */
export interface TerminalJob {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly columns: number;
  readonly keys: readonly Keys[];
}

/** What somebody at the terminal presses, once it shows a text. */
export interface Keys {
  readonly after: string;
  readonly press: string;
}

/** What a run in a terminal left. */
export interface TerminalRun {
  readonly code: number;
  /** Standard output and error, as the terminal got them. */
  readonly output: string;
}

/** How to run it. */
export interface InTerminalOptions {
  /** Default: an empty folder. */
  readonly cwd?: string;
  /** Default: 80. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly keys?: readonly Keys[];
  /** Shell in front of and behind the command line, such as `['cat a |', '2> errors']`. Default: nothing. */
  readonly shell?: readonly [before: string, after: string];
}

const entry = new URL('./cli.ts', import.meta.url).pathname;
const host = new URL('./terminal-host.ts', import.meta.url).pathname;

/** Runs the command line to its end in a pseudo-terminal, whose line ends are turned into newlines. */
export async function runInTerminal(
  args: readonly string[],
  options: InTerminalOptions = {},
): Promise<TerminalRun> {
  const { columns = 80, keys = [], shell } = options;
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...around } = process.env;
  const line = [process.execPath, entry, ...args];
  const job: TerminalJob = {
    command:
      shell === undefined ? line : ['sh', '-c', `${shell[0]} "$@" ${shell[1]}`, 'sh', ...line],
    cwd: options.cwd ?? (await folder()),
    env: { ...around, TERM: 'xterm-256color', ...options.env },
    columns,
    keys,
  };
  const { stdout } = await promisify(execFile)('bun', ['--no-install', host, JSON.stringify(job)]);
  const { code, output } = JSON.parse(stdout) as TerminalRun;
  return { code, output: output.replaceAll('\r\n', '\n') };
}
