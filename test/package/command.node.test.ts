/** The command line as it is published: in a bundle, which is not what the other tests run. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { command } from '../../tools/command.ts';

let directory: string;
let entry: string;

beforeAll(async () => {
  // Where what is not bundled is found.
  directory = await mkdtemp(join('node_modules', '.fetchmesh-command-'));
  for (const part of command) await build({ ...part, outdir: directory, logLevel: 'error' });
  entry = join(directory, 'run.mjs');
  await writeFile(
    entry,
    "const { runProcess } = await import('./main.js');\nawait runProcess();\n",
  );
  await writeFile(
    join(directory, 'rules.yaml'),
    'routes: [{ path: /**, respond: { status: 204 } }]\n',
  );
});

afterAll(() => rm(directory, { recursive: true }));

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

test('checks', async () => {
  const child = start('check', join(directory, 'rules.yaml'));
  expect(await text(child.stdout)).toContain('rules.yaml: no problems');
});

test('verbs come in bundles of their own, and one line says what is wrong all the same', async () => {
  const child = start('check', '--stirct');
  expect(await text(child.stderr)).toBe(
    'fetchmesh check: unknown option --stirct; did you mean --strict?\n',
  );
});

test('ends when all that it says has been read', async () => {
  const routes = Array.from(
    { length: 1_000 },
    (_, index) => `  - { path: /${index}, timeout: 3 }\n`,
  );
  await writeFile(join(directory, 'wrong.yaml'), `routes:\n${routes.join('')}`);
  const child = start('check', '--json', join(directory, 'wrong.yaml'));
  // More than a pipe holds.
  await once(child.stdout, 'readable');
  const found: unknown = JSON.parse(await text(child.stdout));
  expect(found).toHaveLength(1_000);
});

test('serves, and sends its traces', async () => {
  const paths: (string | undefined)[] = [];
  const collector = createServer((request, response) => {
    paths.push(request.url);
    request
      .resume()
      .on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  onTestFinished(() => {
    collector.closeAllConnections();
    collector.close();
  });
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const child = start(
    ...['serve', '-f', join(directory, 'rules.yaml'), '--port', '0', '--admin-port', '0'],
    ...['--otlp-endpoint', endpoint],
  );
  let said = '';
  child.stderr.setEncoding('utf8');
  for await (const chunk of child.stderr) {
    said += chunk;
    const url = /gateway on (\S+)/.exec(said)?.[1];
    if (url === undefined || !said.includes('readiness on') || child.killed) continue;
    expect((await fetch(url)).status).toBe(204);
    child.kill('SIGTERM');
  }
  expect(said).toContain('gateway on http://127.0.0.1:');
  expect(paths).toEqual(['/v1/traces']);
});
