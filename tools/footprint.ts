/**
 * What a gateway takes up on each runtime: how long it is until its first answer, its memory before and under load, and how
 * much there is to load. Everything is measured here and now, with the package as it is published.
 *
 * Usage: npm run footprint [-- --requests N] [-- --record docs/footprint.md]
 */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { drive } from './container/load.ts';
import { freePort, processes, type Started } from './footprint/processes.ts';
import { workerdProcess } from './footprint/workerd.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    record: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(`npm run footprint: what a gateway takes up on each runtime

  --requests N    under which its memory is read (default: 20000)
  --record FILE   writes the table there, as a page`);
  process.exit(0);
}
const requests = Number(values.requests);
if (!Number.isInteger(requests) || requests < 1) {
  console.error(`--requests: '${values.requests}' is not a whole number above 0`);
  process.exit(2);
}

/** How many starts the median is of. */
const starts = 5;
const connections = 32;
const load = loadavg()[0]?.toFixed(1);

execFileSync(process.execPath, ['tools/build.ts'], { stdio: 'inherit' });
const upstream = createServer((_, response) => response.end('hello'));
upstream.listen(0, '127.0.0.1');
await once(upstream, 'listening');
const target = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

/** What `serve` without options loads: the command line, and the server that it listens with. */
const commandLine = sizeOf(
  globSync('dist/cli/**/*.js', { exclude: ['dist/cli/check.js'] }).map((file) =>
    readFileSync(file),
  ),
);
const workerd = await workerdProcess(target);
const candidates = [
  ...processes.map((candidate) => ({ ...candidate, size: commandLine })),
  { ...workerd, size: sizeOf([workerd.code]) },
];

const header = ['runtime', 'first answer', 'memory at rest', 'under load', 'to load'];
const rows: string[][] = [];
for (const { name, version, size, start } of candidates) {
  const times: number[] = [];
  let started: Started | undefined;
  for (let round = 0; round < starts; round++) {
    started?.end();
    const port = await freePort();
    const began = performance.now();
    started = start(port, target);
    await answered(port);
    times.push(performance.now() - began);
    if (round === starts - 1)
      rows.push(await measured(started, port, { name, version, size, times }));
  }
  started?.end();
}
upstream.close();
upstream.closeAllConnections();
workerd.clear();

const table = [header, header.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
  .map((cells) => `| ${cells.join(' | ')} |`)
  .join('\n');
const page = `# Footprint

What \`npm run footprint\` says, as it was recorded by \`npm run footprint -- --record docs/footprint.md\`, on ${cpus().length} cores
(${cpus()[0]?.model.trim()}) that had a load of ${load} before it began: a gateway in front of one upstream, with metrics, and its memory under ${requests} requests over ${connections}
connections. *First answer* is the median of ${starts} starts, from the start of the process; *memory* is the resident set, the runtime's
own with it; *to load* is what is loaded of fetchmesh and what it depends on, compressed: the command line with the parser
of rules, on workerd the gateway with compiled rules.

${table}
`;
if (values.record === undefined) console.log(page);
else writeFileSync(values.record, page);

interface Measured {
  readonly name: string;
  readonly version: string;
  readonly size: number;
  readonly times: readonly number[];
}

async function measured(
  { residentBytes }: Started,
  port: number,
  { name, version, size, times }: Measured,
): Promise<string[]> {
  const url = `http://127.0.0.1:${port}/`;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const atRest = residentBytes();
  let most = atRest;
  const timer = setInterval(() => {
    most = Math.max(most, residentBytes());
  }, 20);
  const { failed, perSecond } = await drive(url, { requests, connections });
  clearInterval(timer);
  if (failed > 0) throw new Error(`${name}: ${failed} of ${requests} requests failed`);
  const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
  console.error(`${name}: ${perSecond} requests/s`);
  return [
    `${name} ${version}`,
    `${median.toFixed(0)} ms`,
    `${megabytes(atRest)} MB`,
    `${megabytes(most)} MB`,
    `${(size / 1_000).toFixed(0)} KB`,
  ];
}

/** Resolves when a request is answered, asked again and again. */
async function answered(port: number): Promise<void> {
  const endsAt = performance.now() + 20_000;
  while (performance.now() < endsAt) {
    if (await isOpen(port)) {
      const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
      await response?.text();
      if (response?.status === 200) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('the gateway never answered');
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function sizeOf(files: readonly Uint8Array[]): number {
  return files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).byteLength, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0);
}
