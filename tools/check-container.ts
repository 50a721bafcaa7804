/**
 * Checks the Dockerfile as far as that can be done without an engine: the linter's word; its steps, run in an empty folder; the
 * gateway that comes out, started as the image would start it, under the limits of `deploy/compose.yaml`: healthy, under load,
 * drained. Prints sizes and figures. Needs the registry, as the build of the image does.
 *
 * Usage: npm run check:container
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { fence } from './container/limits.ts';
import { drive } from './container/load.ts';
import { runSteps } from './container/steps.ts';

const megabyte = 1_000_000;
/** The image of the article that fetchmesh answers to, in megabytes. */
const articleMegabytes = 15;
const requests = 5_000;

const text = readFileSync('Dockerfile', 'utf8');
const findings = validate(text);
for (const { range, message } of findings) {
  console.error(`Dockerfile:${range.start.line + 1}: ${message}`);
}
if (findings.length > 0) process.exit(1);
console.log('Dockerfile: the linter has nothing to say');

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-container-'));
// Whoever the image runs as has to be able to read it.
chmodSync(directory, 0o755);
try {
  const context = join(directory, 'context');
  copyContext(context);
  const image = runSteps(text, {
    context,
    directory: join(directory, 'stages'),
    target: 'gateway',
  });
  for (const path of image.leftOut) console.log(`not run here: COPY of ${path}`);

  const ours = sizeOf(image.root);
  const node = statSync(process.execPath).size;
  console.log(
    `size: ${mb(ours)} of ours and ${mb(node)} of Node, before compression, where the article's image has ${articleMegabytes} MB; Alpine's 8 MB and two libraries were not there to be measured`,
  );
  await tryOut(image);
} finally {
  rmSync(directory, { recursive: true });
}

/** What `.dockerignore` lets through: all of its lines but the first take something back in. */
function copyContext(context: string): void {
  const lines = readFileSync('.dockerignore', 'utf8').split('\n').filter(Boolean);
  if (lines[0] !== '*') throw new Error('.dockerignore has to leave out everything at first');
  for (const line of lines.slice(1)) {
    if (!line.startsWith('!')) {
      for (const path of globSync(line, { cwd: context })) rmSync(join(context, path));
      continue;
    }
    const path = line.slice(1);
    mkdirSync(dirname(join(context, path)), { recursive: true });
    cpSync(path, join(context, path), { recursive: true });
  }
}

function sizeOf(root: string): number {
  const files = globSync('**', { cwd: root, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Starts the image's command as its user, under the limits of the compose file, and loads it. */
async function tryOut(image: ReturnType<typeof runSteps>): Promise<void> {
  const { services } = parse(readFileSync('deploy/compose.yaml', 'utf8'), { merge: true });
  const { mem_limit, cpus, pids_limit } = services.gateway;
  const memoryBytes = Number.parseInt(mem_limit, 10) * 1024 * 1024;
  const limits = { memoryBytes, processors: Number(cpus), processes: Number(pids_limit) };
  const upstream = createServer((_request, response) => response.end('{"users":[]}'));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const rules = join(directory, 'fetchmesh.yaml');
  writeFileSync(rules, `services: { users: "${upstreamUrl}" }\nroutes: [{ path: /** }]\n`);

  const fenced = fence(limits);
  // Ports of this machine may be taken, and the rules are elsewhere; the rest is the image's own command.
  const command = image.command.map((part) =>
    part === '/etc/fetchmesh/fetchmesh.yaml' ? rules : part,
  );
  const free = [
    '--port',
    '0',
    '--admin-port',
    '0',
    '--host',
    '127.0.0.1',
    '--admin-host',
    '127.0.0.1',
  ];
  const line = [...command, ...free].map((part) => `'${part}'`).join(' ');
  const [uid, gid] = image.user.split(':');
  const drop =
    process.getuid?.() === 0 ? `setpriv --reuid ${uid} --regid ${gid} --clear-groups ` : '';
  const child = spawn('sh', ['-c', `${fenced.enter} && exec ${drop}${line}`], {
    cwd: join(image.root, image.workdir),
    env: { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, ...image.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  try {
    const began = performance.now();
    while (!/readiness on/.test(said)) {
      const ended = await Promise.race([once(child.stderr, 'data'), exit.then(() => 'ended')]);
      if (ended === 'ended') throw new Error(`The gateway did not start:\n${said}`);
    }
    const startMs = Math.round(performance.now() - began);
    const traffic = /gateway on (\S+)/.exec(said)?.[1] as string;
    const health = /readiness on (\S+)/.exec(said)?.[1] as string;
    const asked = image.healthCheck.at(-1) as string;
    if (new URL(asked).pathname !== new URL(health).pathname) {
      throw new Error(`The image's health check asks ${asked}, the gateway answers at ${health}`);
    }
    const healthy = await fetch(health);
    if (healthy.status !== 200) throw new Error(`The gateway is not healthy: ${healthy.status}`);

    const load = await drive(traffic, { requests, connections: 64 });
    if (load.failed > 0) throw new Error(`${load.failed} of ${requests} requests failed`);
    const peak = fenced.peak(child.pid as number);
    if (peak > memoryBytes || fenced.outOfMemory()) {
      throw new Error(`The gateway took ${mb(peak)} of ${mb(memoryBytes)}`);
    }
    // The end under load, as a balancer brings it about: it sends until the gateway is not ready, and all of that is answered.
    let isReady = true;
    const last = drive(traffic, { requests, connections: 16, until: () => !isReady });
    child.kill('SIGTERM');
    while (isReady) {
      await setTimeout(10);
      isReady = await fetch(health).then(
        ({ status }) => status === 200,
        () => false,
      );
    }
    const { cut } = await last;
    const [code] = await exit;
    if (code !== 0 || cut > 0) {
      throw new Error(`The gateway drained with exit code ${code}, ${cut} requests cut:\n${said}`);
    }
    console.log(
      `gateway under ${mem_limit}, ${cpus} processors, ${pids_limit} processes (${fenced.enforced}): ready after ${startMs} ms; ${requests} requests over 64 connections, 0 failed, ${load.perSecond} a second; memory at most ${mb(peak)}; SIGTERM under load: 0 requests cut, exit code 0`,
    );
  } finally {
    child.kill('SIGKILL');
    await exit;
    fenced.remove();
    upstream.close();
    upstream.closeAllConnections();
  }
}

function mb(bytes: number): string {
  return `${(bytes / megabyte).toFixed(1)} MB`;
}
