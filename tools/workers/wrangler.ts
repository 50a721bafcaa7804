/**
 * Running wrangler, the one of this project.
 */

import { spawnSync } from 'node:child_process';
import process from 'node:process';

/** A step that ended badly; the message is for people. */
export class StepError extends Error {
  override readonly name = 'StepError';
}

/** Nothing is asked of the network but what a command is for. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
};

/** Settings of {@link wrangler}. */
export interface WranglerOptions {
  /** What wrangler reads from its standard input: secrets go this way, never through arguments or files. */
  readonly input?: string;
  /** Whether what it prints is kept and returned rather than shown. */
  readonly quiet?: boolean;
}

/** Runs wrangler and returns what it printed. @throws {StepError} where it fails. */
export function wrangler(args: readonly string[], { input, quiet }: WranglerOptions = {}): string {
  const { status, signal, stdout, error } = spawnSync('wrangler', args, {
    env: environment,
    encoding: 'utf8',
    stdio: [input === undefined ? 'inherit' : 'pipe', quiet ? 'pipe' : 'inherit', 'inherit'],
    ...(input !== undefined && { input }),
    // npm's commands are scripts there.
    shell: process.platform === 'win32',
  });
  if (error !== undefined) {
    throw new StepError(`cannot run wrangler (${error.message}); use npm run, after npm ci`);
  }
  if (status !== 0) {
    if (quiet) process.stderr.write(stdout);
    throw new StepError(`'wrangler ${args.join(' ')}' ended with ${signal ?? status}`);
  }
  return stdout ?? '';
}

/** Runs wrangler and reads the JSON that it prints, whatever it prints around it. */
export function wranglerJson<T>(args: readonly string[]): T {
  const printed = wrangler(args, { quiet: true });
  try {
    return JSON.parse(printed.slice(printed.search(/^[[{]/m))) as T;
  } catch {
    throw new StepError(`'wrangler ${args.join(' ')}' printed no JSON: ${printed.slice(0, 200)}`);
  }
}
