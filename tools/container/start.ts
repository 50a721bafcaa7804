/**
 * An image's command as a process of this machine: as the image's user, within a container's limits.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Collector } from '../../workers/drills/collector.ts';
import { fence, type Limits } from './limits.ts';
import type { Image } from './steps.ts';

/** What the image leaves open. */
export interface StartOptions {
  readonly limits: Limits;
  /** Behind the arguments of the image. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** A process that runs. */
export interface StartedImage {
  /** Such as `memory by a control group`. */
  readonly enforced: string;
  /** Resolves when it has written something like that, on its standard error; rejects where it ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** The most memory that it took so far, in bytes. @throws {Error} where that is more than it may. */
  peak(): number;
  /** Sends SIGTERM. */
  terminate(): void;
  /** Resolves when it has ended. Rejects where its exit code is not 0. */
  ended(): Promise<void>;
  /** Ends it at once, if it runs, and takes its limits away. */
  remove(): Promise<void>;
}

export function startImage(
  image: Image,
  { limits, args, environment }: StartOptions,
): StartedImage {
  const fenced = fence(limits);
  const line = [...image.command, ...args].map((part) => `'${part}'`).join(' ');
  const [uid, gid] = image.user.split(':');
  const drop =
    process.getuid?.() === 0 ? `setpriv --reuid ${uid} --regid ${gid} --clear-groups ` : '';
  const child = spawn('sh', ['-c', `${fenced.enter} && exec ${drop}${line}`], {
    cwd: join(image.root, image.workdir),
    env: {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      ...image.env,
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  return {
    enforced: fenced.enforced,
    async said(pattern) {
      for (;;) {
        const found = pattern.exec(output);
        if (found !== null) return found;
        const ended = await Promise.race([once(child.stderr, 'data'), exit.then(() => 'ended')]);
        if (ended === 'ended') throw new Error(`It never said ${pattern}:\n${output}`);
      }
    },
    peak() {
      const peak = fenced.peak(child.pid as number);
      if (peak > limits.memoryBytes || fenced.outOfMemory()) {
        throw new Error(`It took ${peak} of ${limits.memoryBytes} bytes`);
      }
      return peak;
    },
    terminate() {
      child.kill('SIGTERM');
    },
    async ended() {
      const [code, signal] = await exit;
      if (code !== 0) throw new Error(`It ended with ${signal ?? code}:\n${output}`);
    },
    async remove() {
      child.kill('SIGKILL');
      await exit;
      fenced.remove();
    },
  };
}

/**
 * What the image's health check asks, at a port that it has here. Resolves to the URL.
 *
 * @throws {Error} where the answer is no 200.
 */
export async function healthOf(image: Image, origin: string): Promise<string> {
  const asked = new URL(image.healthCheck.at(-1) as string);
  const url = new URL(asked.pathname, origin).href;
  const { status } = await fetch(url);
  if (status !== 200) throw new Error(`The health check ${asked.pathname} is answered ${status}`);
  return url;
}

/** @throws {Error} where none came: the image lacks something that makes them. */
export function checkSpans({ spans }: Collector): void {
  if (spans.length === 0) throw new Error('No span came to the collector');
}
