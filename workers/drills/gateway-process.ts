/**
 * `fetchmesh serve` as a process of its own, on the runtime that the drill runs on.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ownRuntime, runtimes } from '../../tools/runtimes.ts';
import type { Backend } from './balancer.ts';
import { sumOf } from './platform.ts';

const command = fileURLToPath(new URL('../../bin/fetchmesh.mjs', import.meta.url));

/** What it is to do. */
export interface GatewaySettings {
  /** `service.instance.id` on its spans. */
  readonly id: string;
  readonly upstream: string;
  readonly otlpEndpoint: string;
  /** How long it takes new connections once it is not ready, in seconds. */
  readonly drainDelaySeconds: number;
  /** A folder in which processes of Node leave to later ones what compiling the sources brought. */
  readonly compileCache: string;
}

/** A gateway that listens. */
export interface GatewayProcess extends Backend {
  readonly id: string;
  /** Tells it to end, as a platform does, and waits until it has. */
  end(): Promise<GatewayEnd>;
  /** Ends it at once. */
  kill(): void;
}

/** How a gateway ended. */
export interface GatewayEnd {
  readonly id: string;
  /** Since 1970. */
  readonly toldAtMs: number;
  /** How many requests it had answered by then, by its own metrics. */
  readonly answeredBefore: number;
  /** How many it had when its metrics could last be read. */
  readonly answeredAtLast: number;
  readonly exitCode: number | null;
}

export async function startGatewayProcess(settings: GatewaySettings): Promise<GatewayProcess> {
  const { id, upstream, otlpEndpoint, drainDelaySeconds, compileCache } = settings;
  const [program, ...front] = runtimes[ownRuntime];
  const child = spawn(
    program,
    [
      ...[...front, command, 'serve', '--upstream', upstream, '--port', '0', '--admin-port', '0'],
      ...['--otlp-endpoint', otlpEndpoint, '--drain-delay', String(drainDelaySeconds)],
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        NODE_COMPILE_CACHE: compileCache,
        ...process.env,
        OTEL_RESOURCE_ATTRIBUTES: `service.instance.id=${id}`,
      },
    },
  );
  const exit = once(child, 'exit') as Promise<[number | null]>;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!/readiness on/.test(said)) {
    const ended = await Promise.race([
      once(child.stderr, 'data').then(() => false),
      exit.then(() => true),
    ]);
    if (ended) throw new Error(`The gateway did not start: ${said}`);
  }
  const admin = /metrics on (\S+)\/metrics/.exec(said)?.[1] as string;
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;

  async function answered(): Promise<number> {
    const text = await (await fetch(`${admin}/metrics`)).text();
    return sumOf(text, 'http_server_duration_seconds_count', {});
  }

  return {
    id,
    url: new URL(/gateway on (\S+)/.exec(said)?.[1] as string),
    readyUrl: `${admin}/readyz`,
    get isRunning() {
      return isRunning();
    },
    async end() {
      const answeredBefore = await answered();
      const toldAtMs = Date.now();
      // By its id: Deno's own kill takes the process for dead at once.
      process.kill(child.pid as number, 'SIGTERM');
      let answeredAtLast = answeredBefore;
      while (isRunning()) {
        answeredAtLast = await answered().catch(() => answeredAtLast);
        await setTimeout(50);
      }
      const [exitCode] = await exit;
      return { id, toldAtMs, answeredBefore, answeredAtLast, exitCode };
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}
