/** Gateways as processes that share their breakers through a real Redis; the one that probes is killed or stopped. */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';
import { endAll, type Serving, serve } from '../../../support/serving.ts';

const probeMs = 2_000;

let directory: string;
let redis: RedisServer;
let upstream: Server;
let isWell = true;
/** Calls that wait for their answer, and when each one came. */
let held: ServerResponse[] | undefined;
let calls: number[] = [];

beforeEach(async () => {
  isWell = true;
  held = undefined;
  calls = [];
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-probes-'));
  upstream = createServer((_, response) => {
    calls.push(performance.now());
    if (held !== undefined) held.push(response);
    else response.writeHead(isWell ? 200 : 503).end();
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  redis = await startRedis();
  const { port } = upstream.address() as AddressInfo;
  await writeFile(
    join(directory, 'rules.yaml'),
    `services: { a: "http://127.0.0.1:${port}" }
routes:
  - name: all
    path: /**
    to: a
    breaker: { failures: 4, open_for: 1s, half_open: { successes: 1, timeout: ${probeMs}ms } }
`,
  );
});

afterEach(async () => {
  endAll();
  upstream.close();
  upstream.closeAllConnections();
  await redis.stop();
  await rm(directory, { recursive: true });
});

async function call({ url }: Serving): Promise<void> {
  await (await fetch(url)).text();
}

/** 1 open, 0.5 half open, 0 closed: seen without a call. */
async function openness({ admin }: Serving): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return Number(/^fetchmesh_circuit_breaker_open\{[^}]*\} (\S+)/m.exec(text)?.[1]);
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'FT-21 64 callers, four gateways: one probes; it gets %s, and another one does within twice the time of a probe',
  async (signal) => {
    const args = ['-f', join(directory, 'rules.yaml'), '--store', redis.url, '--breakers', 'any'];
    const gateways = await Promise.all([1, 2, 3, 4].map(() => serve(args)));
    for (const gateway of gateways) await call(gateway);
    isWell = false;
    const [first] = gateways as [Serving];
    for (let failure = 0; failure < 4; failure++) await call(first);
    await until(async () =>
      (await Promise.all(gateways.map(openness))).every((open) => open === 1),
    );

    held = [];
    calls = [];
    let isOver = false;
    const callers = Array.from({ length: 64 }, async (_, at) => {
      while (!isOver) await call(gateways[at % 4] as Serving).catch(() => sleep(50));
    });
    await until(() => calls.length > 0);
    let prober: Serving | undefined;
    await until(async () => {
      const states = await Promise.all(gateways.map(openness));
      prober = gateways[states.indexOf(0.5)];
      return prober !== undefined;
    });
    expect(calls.length).toBe(1);
    prober?.process.kill(signal);
    await until(() => calls.length > 1);
    const [died, next] = calls as [number, number];
    console.log(
      `FT-21 ${signal}: the next probe ${(next - died).toFixed(0)} ms after the one that died`,
    );
    expect(calls.length).toBe(2);
    // One is elected in that time; it makes its probe a moment later, with its next request.
    expect(next - died).toBeGreaterThanOrEqual(probeMs / 2);
    // And what a busy machine takes.
    expect(next - died).toBeLessThanOrEqual(2 * probeMs + 2_000);

    const waiting = held as ServerResponse[];
    held = undefined;
    isWell = true;
    for (const response of waiting) response.writeHead(200).end();
    const living = gateways.filter((gateway) => gateway !== prober);
    await until(async () => (await Promise.all(living.map(openness))).every((open) => open === 0));
    if (signal === 'SIGSTOP') {
      // It hears of it when it goes on.
      prober?.process.kill('SIGCONT');
      await until(async () => (await openness(prober as Serving)) === 0);
    }
    isOver = true;
    await Promise.all(callers);
  },
);
