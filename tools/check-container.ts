/**
 * Checks the Dockerfile as far as that can be done without an engine: the linter's word; its steps, run in an empty folder; the
 * images that come out, started as their commands would be, under the limits of `deploy/compose.yaml`: healthy, asked, drained.
 * Prints sizes and figures. Needs the registry, as the build of the images does.
 *
 * Usage: npm run check:container
 */

import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { copyContext } from './container/context.ts';
import type { Limits } from './container/limits.ts';
import { runSteps } from './container/steps.ts';
import { tryGateway } from './container/try-gateway.ts';
import { tryShop } from './container/try-shop.ts';

/** The image of the article that fetchmesh answers to, in megabytes. */
const articleMegabytes = 15;

const text = readFileSync('Dockerfile', 'utf8');
const findings = validate(text);
for (const { range, message } of findings) {
  console.error(`Dockerfile:${range.start.line + 1}: ${message}`);
}
if (findings.length > 0) process.exit(1);
console.log('Dockerfile: the linter has nothing to say');

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-container-'));
// Whoever the images run as has to be able to read them.
chmodSync(directory, 0o755);
try {
  const context = join(directory, 'context');
  copyContext(context);
  const imageOf = runSteps(text, { context, directory: join(directory, 'stages') });
  const [gateway, shop] = [imageOf('gateway'), imageOf('shop')];
  for (const path of gateway.leftOut) console.log(`not run here: COPY of ${path}`);
  const node = statSync(process.execPath).size;
  console.log(
    `size: ${mb(sizeOf(gateway.root))} of ours and ${mb(node)} of Node, before compression, where the article's image has ${articleMegabytes} MB; Alpine's 8 MB and two libraries were not there to be measured`,
  );

  const { mem_limit, cpus, pids_limit } = composeService('gateway');
  const { enforced, startMs, requests, perSecond, peakBytes } = await tryGateway(
    gateway,
    limitsOf('gateway'),
    directory,
  );
  console.log(
    `gateway under ${mem_limit}, ${cpus} processors, ${pids_limit} processes (${enforced}): ready after ${startMs} ms; ${requests} requests over 64 connections, 0 failed, ${perSecond} a second; memory at most ${mb(peakBytes)}; SIGTERM under load: 0 requests cut, exit code 0`,
  );
  const shopBytes = await tryShop(shop, limitsOf('inventory'));
  console.log(
    `inventory of the shop, under the same: healthy, memory at most ${mb(shopBytes)}, exit code 0`,
  );
} finally {
  rmSync(directory, { recursive: true });
}

function composeService(name: string): {
  readonly mem_limit: string;
  readonly cpus: number;
  readonly pids_limit: number;
} {
  return parse(readFileSync('deploy/compose.yaml', 'utf8'), { merge: true }).services[name];
}

function limitsOf(name: string): Limits {
  const { mem_limit, cpus, pids_limit } = composeService(name);
  const memoryBytes = Number.parseInt(mem_limit, 10) * 1024 * 1024;
  return { memoryBytes, processors: cpus, processes: pids_limit };
}

function sizeOf(root: string): number {
  const files = globSync('**', { cwd: root, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

function mb(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
