/** Gateways as processes, on each runtime that listens, that share the state of their breakers through a real Redis. */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { cli, endAll, type Serving, serve } from '../support/serving.ts';

/** Routes with a breaker of their own, beside that of most tests. */
const others = ['one', 'two', 'three', 'four', 'five'];

let directory: string;
let redis: RedisServer;
let isWell = true;
/** While set, requests wait here. */
let held: ServerResponse[] | undefined;
let calls = 0;
const upstream = createServer((_, response) => {
  calls += 1;
  if (held !== undefined) held.push(response);
  else response.writeHead(isWell ? 200 : 503).end();
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-breakers-'));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  redis = await startRedis();
  const { port } = upstream.address() as AddressInfo;
  await writeFile(
    join(directory, 'rules.yaml'),
    `services: { a: "http://127.0.0.1:${port}" }
defaults: { breaker: { failures: 4, open_for: 1s, half_open: { successes: 1, timeout: 5s } } }
routes:
${['main', ...others].map((name) => `  - { name: ${name}, path: /${name}, to: a }`).join('\n')}
`,
  );
});

afterAll(async () => {
  endAll();
  upstream.close();
  upstream.closeAllConnections();
  await redis.stop();
  await rm(directory, { recursive: true });
});

async function call({ url }: Serving, times = 1, route = 'main'): Promise<number[]> {
  const statuses: number[] = [];
  for (let call = 0; call < times; call++) {
    const response = await fetch(new URL(route, url));
    await response.text();
    statuses.push(response.status);
  }
  return statuses;
}

/** 1 open, 0.5 half open, 0 closed: seen without a call. */
async function openness({ admin }: Serving, route = 'main'): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const line = `^fetchmesh_circuit_breaker_open\\{[^}]*route="${route}"[^}]*\\} (\\S+)`;
  return Number(new RegExp(line, 'm').exec(text)?.[1]);
}

async function until(
  condition: () => Promise<boolean>,
  begun = performance.now(),
): Promise<number> {
  while (!(await condition())) {
    if (performance.now() - begun > 100_000) throw new Error('it never came about');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - begun;
}

describe('three gateways and one Redis', () => {
  let gateways: readonly [Serving, Serving, Serving];

  beforeAll(async () => {
    const args = ['-f', join(directory, 'rules.yaml'), '--store', redis.url];
    const runtimes = ['node', 'bun', 'deno'] as const;
    gateways = (await Promise.all(runtimes.map((runtime) => serve(args, runtime)))) as [
      Serving,
      Serving,
      Serving,
    ];
    for (const gateway of gateways) expect(await call(gateway)).toEqual([200]);
  });

  test('FT-20 one that fails opens no other one; a quorum opens all', async () => {
    const [one, two, three] = gateways;
    isWell = false;
    expect(await call(one, 5)).toEqual([503, 503, 503, 503, 503]);
    expect([await openness(one), await openness(three)]).toEqual([1, 0]);
    // Nothing shows from outside when a gateway has heard of a vote: longer than the news ever took.
    await new Promise((resolve) => setTimeout(resolve, 500));
    calls = 0;
    await call(two, 4);
    await until(async () => (await openness(three)) === 1);
    expect(await call(three)).toEqual([503]);
    // It has opened after half of its own failures, since another one had opened already.
    expect(calls).toBe(2);
  });

  test('FT-20 it is open in all within 50 ms', async () => {
    const [one, two, three] = gateways;
    const tookMs: number[] = [];
    for (const route of others) {
      isWell = true;
      expect(await call(three, 1, route)).toEqual([200]);
      isWell = false;
      await call(one, 4, route);
      let begun: number;
      do {
        begun = performance.now();
        await call(two, 1, route);
      } while ((await openness(two, route)) !== 1);
      tookMs.push(await until(async () => (await openness(three, route)) === 1, begun));
    }
    tookMs.sort((a, b) => a - b);
    console.log(
      `open in all ${tookMs.map((ms) => ms.toFixed(0)).join(', ')} ms after the call before`,
    );
    // The last call that failed and two looks from outside are in it, and what else a busy machine does meanwhile: where
    // gateways hear of each other by looking at the store alone, it is half a second or more.
    expect(tookMs[1]).toBeLessThanOrEqual(50);
  });

  test('FT-21 at half open one of them probes, with 24 callers, and closes it for all', async () => {
    isWell = true;
    held = [];
    calls = 0;
    let isOver = false;
    const callers = Array.from({ length: 24 }, async (_, at) => {
      while (!isOver) await call(gateways[at % 3] as Serving).catch(() => {});
    });
    // However the test ends, they do.
    onTestFinished(() => {
      isOver = true;
    });
    await until(async () => calls > 0);
    // True time, as the processes know no other: longer than circuits stay open, shorter than a probe may take.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(calls).toBe(1);
    const [probe] = held as [ServerResponse];
    held = undefined;
    probe.writeHead(200).end();
    const ms = await until(async () => {
      const states = await Promise.all(gateways.map((gateway) => openness(gateway)));
      return states.every((state) => state === 0);
    });
    console.log(`closed in all ${ms.toFixed(0)} ms after the probe`);
    isOver = true;
    await Promise.all(callers);
  });

  test('without the store each goes on alone', async () => {
    await redis.stop();
    isWell = false;
    const [one] = gateways;
    // Some of the first calls are turned away still: it was closed by another one just now.
    await until(async () => {
      await call(one);
      return (await openness(one)) === 1;
    });
    isWell = true;
    await until(async () => (await call(one)).includes(200));
    for (const gateway of gateways) gateway.process.kill('SIGTERM');
    expect(await Promise.all(gateways.map((gateway) => gateway.exited()))).toEqual([0, 0, 0]);
  });
});

test('--breakers has three words', async () => {
  const { exited, output } = cli(['serve', '--upstream', 'http://a', '--breakers', 'some']);
  expect(await exited()).toBe(2);
  expect(output()).toContain("--breakers: 'some' is not 'quorum', 'any' or 'alone'");
});
