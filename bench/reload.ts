/**
 * What a reload of many routes, from a file and from a URL, costs the requests meanwhile (P10), how long a save takes until it is in force (R3), and how
 * long `check` takes from start to end (C10). `node bench/reload.ts`, after `npm run build` for the last of them.
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { parseRules } from '../src/rules/parse.ts';
import { manyRoutes } from './many-routes.ts';
import { commands, type Runtime } from './process/contestants.ts';

const directory = await mkdtemp(join(tmpdir(), 'fetchmesh-reload-'));
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

interface Gateway {
  readonly url: string;
  look(): void;
  end(): void;
}

/** @param from A file or a URL. */
async function serve(from: string, runtime: Runtime = 'Node'): Promise<Gateway> {
  const entry = new URL('../bin/fetchmesh.mjs', import.meta.url).pathname;
  const [command, ...front] = commands[runtime];
  const child = spawn(
    command,
    [...front, entry, 'serve', '-f', from, '--watch', '--port', '0', '--admin-port', '0'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  while (!/readiness on/.test(said)) await once(child.stderr, 'data');
  const url = /gateway on (\S+)/.exec(said)?.[1] as string;
  return {
    url,
    look: () => child.kill('SIGHUP'),
    end: () => child.kill('SIGKILL'),
  };
}

function ask(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}

function quantile(sorted: readonly number[], share: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return `${value.toFixed(1)} ms`;
}

/** One request each millisecond or so; latencies until `until`. */
async function load(url: string, until: () => boolean): Promise<number[]> {
  const taken: number[] = [];
  const pending = new Set<Promise<void>>();
  while (!until()) {
    const began = performance.now();
    const one = ask(`${url}/anything`).then(() => {
      taken.push(performance.now() - began);
      pending.delete(one);
    });
    pending.add(one);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  return taken.sort((a, b) => a - b);
}

/** Where rules are published. */
interface Place {
  readonly from: string;
  /** What is published of a rules file: done beforehand, since it keeps this process from asking. */
  build(text: string): string;
  publish(built: string): Promise<void>;
  close(): void;
}

function inFile(name: string): Place {
  const from = join(directory, name);
  return {
    from,
    build: (text) => text,
    publish: (text) => writeFile(from, text),
    close() {},
  };
}

async function behindUrl(): Promise<Place> {
  const server = new Worker(new URL('./rules-server.ts', import.meta.url));
  const [port] = await once(server, 'message');
  return {
    from: `http://127.0.0.1:${port}/rules.json`,
    build: (text) => JSON.stringify(parseRules(text, { mode: 'gateway' }).rules),
    async publish(built) {
      server.postMessage(built);
      await once(server, 'message');
    },
    close: () => void server.terminate(),
  };
}

async function measureReload(count: number, what: string, place: Place): Promise<void> {
  const { from, build, publish } = place;
  const texts = [build(manyRoutes(count, 200)), build(manyRoutes(count, 201))] as const;
  await publish(texts[0]);
  const { url, look, end } = await serve(from);
  const warmEnd = performance.now() + 3_000;
  await load(url, () => performance.now() > warmEnd);
  const calmEnd = performance.now() + 5_000;
  const calm = await load(url, () => performance.now() > calmEnd);
  let reloads = 0;
  const times: number[] = [];
  const reloading = (async () => {
    for (let round = 0; round < 5; round++) {
      const status = round % 2 === 0 ? 201 : 200;
      await publish(texts[status === 200 ? 0 : 1]);
      const began = performance.now();
      if (from.startsWith('http')) look();
      while ((await ask(`${url}/rest`)) !== status) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      times.push(performance.now() - began);
    }
    reloads = 5;
  })();
  const busy = await load(url, () => reloads === 5);
  await reloading;
  times.sort((a, b) => a - b);
  console.log(
    `${count} routes from ${what}: without a reload p99.9 ${quantile(calm, 0.999)}, max ${quantile(calm, 1)} of ${calm.length};`,
    `during 5 reloads p99.9 ${quantile(busy, 0.999)}, max ${quantile(busy, 1)} of ${busy.length};`,
    `save to in force p50 ${quantile(times, 0.5)}`,
  );
  end();
  place.close();
}

/** @param how The file system reports what happens in the directory of a link, and nothing of what the link leads to. */
async function measureSave(
  runtime: Runtime,
  how: 'native watching' | 'polling',
  rounds: number,
): Promise<void> {
  const place = await mkdtemp(join(directory, 'save-'));
  await mkdir(join(place, 'elsewhere'));
  const [file, seen] = [join(place, 'elsewhere', 'small.yaml'), join(place, 'linked.yaml')];
  await writeFile(file, manyRoutes(20, 200));
  await symlink(file, seen);
  const { url, end } = await serve(how === 'polling' ? seen : file, runtime);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const status = round % 2 === 0 ? 201 : 200;
    // At no moment of the polling in particular.
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 300));
    const began = performance.now();
    await writeFile(file, manyRoutes(20, status));
    while ((await ask(`${url}/rest`)) !== status);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const p95 = times[Math.floor(times.length * 0.95)] ?? 0;
  const goalMs = how === 'polling' ? 1_200 : 50;
  console.log(
    `20 routes on ${runtime}, ${how}: save to in force p50 ${quantile(times, 0.5)}, p95 ${quantile(times, 0.95)} of ${rounds};`,
    `at most ${goalMs} ms: ${p95 <= goalMs ? 'reached' : 'MISSED'}`,
  );
  end();
}

async function measureCheck(): Promise<void> {
  const built = new URL('../dist/cli/main.js', import.meta.url);
  if (!existsSync(built)) {
    console.log('check: not measured, there is no dist/; npm run build makes it');
    return;
  }
  const file = join(directory, 'hundred.yaml');
  await writeFile(file, manyRoutes(100, 200));
  const entry = new URL('../bin/fetchmesh.mjs', import.meta.url).pathname;
  const times = Array.from({ length: 10 }, () => {
    const began = performance.now();
    execFileSync(process.execPath, [entry, 'check', file], { stdio: 'ignore' });
    return performance.now() - began;
  }).sort((a, b) => a - b);
  console.log(
    `check of 100 routes: best ${quantile(times, 0)}, median ${quantile(times, 0.5)} of 10`,
  );
}

try {
  await measureCheck();
  for (const runtime of ['Node', 'Bun', 'Deno'] as const) {
    await measureSave(runtime, 'native watching', 40);
    await measureSave(runtime, 'polling', 20);
  }
  for (const count of [1_000, 10_000]) {
    await measureReload(count, 'a file', inFile(`${count}.yaml`));
    await measureReload(count, 'a URL', await behindUrl());
  }
} finally {
  agent.destroy();
  await rm(directory, { recursive: true });
}
