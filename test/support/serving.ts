import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { type Runtime, runtimes } from '../../tools/runtimes.ts';

export type { Runtime };

/** A gateway as a process of its own, started from the sources. */
export interface Serving {
  readonly url: string;
  readonly admin: string;
  readonly process: ChildProcess;
  readonly output: () => string;
  /** Resolves when the process has written a line that matches. */
  said(pattern: RegExp): Promise<void>;
  /** Resolves to the exit code when the process has ended and all that it said is in `output`. */
  exited(): Promise<number | null>;
}

const running = new Set<ChildProcess>();
const entry = new URL('./cli.ts', import.meta.url).pathname;

/** Starts the command line with these arguments. */
export function cli(
  args: readonly string[],
  runtime: Runtime = 'node',
  flags: readonly string[] = [],
) {
  return startScript(entry, args, runtime, 'ignore', flags);
}

/** Starts a script as a process of its own. */
export function startScript(
  script: string,
  args: readonly string[],
  runtime: Runtime,
  stdin: 'ignore' | 'pipe' = 'ignore',
  flags: readonly string[] = [],
) {
  const [command, ...front] = runtimes[runtime];
  const child = spawn(command, [...front, ...flags, script, ...args], {
    // CI=1: some servers switch their graceful shutdown off where they see it.
    env: { ...process.env, CI: '1', NO_COLOR: '1' },
    stdio: [stdin, 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  const written = new EventEmitter();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      written.emit('data');
    });
  }
  // Not its exit: what it said last may still be in the pipes then.
  const end = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  async function said(pattern: RegExp): Promise<void> {
    while (!pattern.test(output)) {
      const ended = await Promise.race([
        once(written, 'data').then(() => false),
        end.then(() => true),
      ]);
      if (ended && !pattern.test(output)) throw new Error(`never said ${pattern}: ${output}`);
    }
  }
  return { process: child, output: () => output, said, exited: () => end };
}

/** Starts `fetchmesh serve` on free ports; resolves when it is ready. */
export async function serve(
  args: readonly string[],
  runtime: Runtime = 'node',
  flags: readonly string[] = [],
): Promise<Serving> {
  const child = cli(['serve', '--port', '0', '--admin-port', '0', ...args], runtime, flags);
  await child.said(/readiness on/);
  const found = (pattern: RegExp): string => pattern.exec(child.output())?.[1] as string;
  return { ...child, url: found(/gateway on (\S+)/), admin: found(/metrics on (\S+)\/metrics/) };
}

/** Ends whatever a test left running. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
