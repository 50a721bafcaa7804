import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endAll, type Serving, serve } from '../support/serving.ts';

let upstream: Server;
let upstreamUrl: string;
let directory: string;
const waiting: (() => void)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-runtimes-'));
  upstream = createServer((request, response) => {
    if (request.url === '/wait') waiting.push(() => response.end('waited'));
    else response.writeHead(request.url === '/gone' ? 503 : 200).end('ok');
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(endAll);

afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await rm(directory, { recursive: true });
});

describe.each(['bun', 'deno'] as const)('fetchmesh serve on %s', (runtime) => {
  test('serves, takes new rules, refuses bad ones, and drains', async () => {
    const file = join(directory, `${runtime}.yaml`);
    await writeFile(file, 'routes: [{ path: /one }, { path: /wait }]');
    const gateway = await serve(['-f', file, '--upstream', upstreamUrl, '--watch'], runtime);
    const statusOf = async (path: string): Promise<number> => {
      const response = await fetch(gateway.url + path);
      await response.text();
      return response.status;
    };
    expect(await statusOf('/one')).toBe(200);
    expect(await statusOf('/two')).toBe(404);
    expect((await fetch(`${gateway.admin}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${gateway.admin}/metrics`)).text()).toContain('gateway_request');

    await writeFile(file, 'routes: [{ path: /two, timout: 3s }]');
    await gateway.said(/FM001[\s\S]*rules not loaded/);
    expect(await statusOf('/one')).toBe(200);
    await writeFile(file, 'routes: [{ path: /two }, { path: /wait }]');
    await gateway.said(/is in force\n/);
    expect([await statusOf('/one'), await statusOf('/two')]).toEqual([404, 200]);

    const slow = fetch(`${gateway.url}/wait`);
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    gateway.process.kill('SIGTERM');
    await gateway.said(/draining 1 requests/);
    for (const answer of waiting.splice(0)) answer();
    expect(await (await slow).text()).toBe('waited');
    expect(await gateway.exited()).toBe(0);
  });
});

test('gateways on Deno share a limit and what their breakers found through Deno KV', async () => {
  const file = join(directory, 'shared.yaml');
  await writeFile(
    file,
    `services: { a: "${upstreamUrl}" }
routes:
  - { path: /gone, to: a, breaker: { failures: 4, open_for: 1m } }
  - { path: /**, to: a, rate_limit: { limit: 3, per: 1h, mode: exact, on_store_error: closed } }
`,
  );
  const start = (path: string) =>
    serve(['-f', file, '--store', `deno-kv:${path}`, '--breakers', 'any'], 'deno', [
      '--unstable-kv',
    ]);
  const database = join(directory, 'kv.sqlite');
  /** What the limit says; a busy machine may miss the deadline of the store now and then. */
  const decisionOf = async ({ url }: Serving): Promise<number> => {
    for (;;) {
      const response = await fetch(url);
      await response.text();
      if (response.status !== 503) return response.status;
    }
  };
  const [one, other] = await Promise.all([start(database), start(database)]);
  let admitted = 0;
  while ((await decisionOf(one)) === 200) admitted += 1;
  expect(admitted).toBeLessThanOrEqual(3);
  expect(await decisionOf(other)).toBe(429);

  const gone = async ({ url }: Serving): Promise<string> => {
    const response = await fetch(`${url}/gone`);
    await response.text();
    return response.headers.get('x-fetchmesh-reason') ?? '';
  };
  // Once, so that it has a breaker: it takes four failures to open it.
  await gone(other);
  for (let failure = 0; failure < 4; failure++) await gone(one);
  await expect
    .poll(async () => (await fetch(`${other.admin}/metrics`)).text(), { timeout: 60_000 })
    .toMatch(/^fetchmesh_circuit_breaker_open\{[^}]*\} 1$/m);
  expect(await gone(other)).toBe('circuit_breaker_open');

  for (const gateway of [one, other]) gateway.process.kill('SIGTERM');
  expect([await one.exited(), await other.exited()]).toEqual([0, 0]);

  await expect(start(join(directory, 'nowhere', 'kv.sqlite'))).rejects.toThrow(
    /--store: deno-kv: cannot be opened: unable to open/,
  );
});

describe.each(['node', 'bun', 'deno'] as const)('--watch on %s', (runtime) => {
  /** A gateway on this file, and what it answers. */
  async function watching(file: string) {
    const gateway = await serve(['-f', file, '--upstream', upstreamUrl, '--watch'], runtime);
    const serves = async (path: string): Promise<boolean> => {
      const response = await fetch(gateway.url + path);
      await response.text();
      return response.ok;
    };
    let reloads = 0;
    /** Resolves at the next reload. */
    const reloaded = () => {
      reloads += 1;
      return gateway.said(new RegExp(`(?:is in force\\n[^]*){${reloads}}`));
    };
    return { serves, reloaded };
  }

  const rulesFor = (path: string): string => `routes: [{ path: ${path} }]`;

  test('sees a file that an editor saves by renaming, again and again', async () => {
    const file = join(directory, `${runtime}-renamed.yaml`);
    await writeFile(file, rulesFor('/0'));
    const { serves, reloaded } = await watching(file);
    for (const path of ['/1', '/2', '/3']) {
      await writeFile(`${file}.new`, rulesFor(path));
      await rename(`${file}.new`, file);
      await reloaded();
      expect(await serves(path), path).toBe(true);
    }
    expect(await serves('/0')).toBe(false);
  });

  test('sees a ConfigMap change: a symbolic link to a folder, swapped', async () => {
    const volume = join(directory, `${runtime}-volume`);
    async function write(version: number): Promise<void> {
      const folder = `..version_${version}`;
      await mkdir(join(volume, folder), { recursive: true });
      await writeFile(join(volume, folder, 'rules.yaml'), rulesFor(`/${version}`));
      await symlink(folder, join(volume, '..data_tmp'));
      await rename(join(volume, '..data_tmp'), join(volume, '..data'));
      if (version > 0) await rm(join(volume, `..version_${version - 1}`), { recursive: true });
    }
    await write(0);
    await symlink('..data/rules.yaml', join(volume, 'rules.yaml'));
    const { serves, reloaded } = await watching(join(volume, 'rules.yaml'));
    for (const version of [1, 2, 3]) {
      await write(version);
      await reloaded();
      expect(await serves(`/${version}`), String(version)).toBe(true);
    }
    expect(await serves('/0')).toBe(false);
  });

  test('keeps what is in force while the file is away', async () => {
    const file = join(directory, `${runtime}-away.yaml`);
    await writeFile(file, rulesFor('/0'));
    const { serves, reloaded } = await watching(file);
    await rm(file);
    expect(await serves('/0')).toBe(true);
    await writeFile(file, rulesFor('/1'));
    await reloaded();
    expect(await serves('/1')).toBe(true);
  });
});
