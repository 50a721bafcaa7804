/** The examples that are a gateway of their own: as processes on Node, Bun and Deno, and on workerd. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTestHarness, unstable_readConfig } from 'wrangler';
import { open as openAnywhere } from '../../examples/anywhere/node.ts';
import { open } from '../../examples/two-services/services.ts';
import jsr from '../../jsr.json' with { type: 'json' };
import { folder, run } from '../support/command-line.ts';
import { endAll, serve } from '../support/serving.ts';

/** The package by its name, from its sources. */
const alias = Object.fromEntries(
  Object.entries(jsr.exports).map(([entry, source]) => [
    `fetchmesh${entry.slice(1)}`,
    resolve(import.meta.dirname, '../..', source),
  ]),
);
const examples = resolve(import.meta.dirname, '../../examples');
const entry = resolve(import.meta.dirname, '../support/cli.ts');

afterEach(() => {
  endAll();
  vi.unstubAllEnvs();
});

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

describe.each(['node', 'bun', 'deno'] as const)('on %s', (runtime) => {
  test('two-services stands in front of both, and stands in for one', async () => {
    const servers = open(0, 0);
    onTestFinished(() => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    });
    await Promise.all(servers.map((server) => once(server, 'listening')));
    const [users, orders] = servers.map((server) => `http://127.0.0.1:${portOf(server)}`);
    vi.stubEnv('USERS_URL', users);
    vi.stubEnv('ORDERS_URL', orders);
    const { url } = await serve(['-f', `${examples}/two-services/rules.yaml`], runtime);
    const answer = async (path: string) => (await fetch(`${url}${path}`)).json();
    expect(await answer('/api/users/7')).toEqual({ user: '7' });
    expect(await answer('/api/orders/1')).toEqual({ order: '1' });
    await fetch(orders as string, { method: 'DELETE' });
    for (let call = 0; call < 5; call++) {
      expect(await answer('/api/orders/1')).toEqual({ orders: 'later' });
    }
    expect(await answer('/api/users/7')).toEqual({ user: '7' });
  });

  test('rules-in-git: a commit is in force after the next look, a wrong one is not published', async () => {
    const cwd = await folder();
    await cp(`${examples}/rules-in-git`, cwd, { recursive: true });
    const bin = join(cwd, 'bin');
    await mkdir(bin);
    // The command line of this tree, under the name that the script knows.
    await writeFile(
      join(bin, 'npx'),
      `#!/bin/sh\nshift\nexec '${process.execPath}' '${entry}' "$@"\n`,
    );
    await chmod(join(bin, 'npx'), 0o755);
    const publish = () =>
      promisify(execFile)('sh', ['publish.sh'], {
        cwd,
        env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
      });
    const overlay = join(cwd, 'rules.production.yaml');
    const commit = (text: string) => writeFile(overlay, text);

    await commit('routes: [{ name: shop, respond: { status: 201 }, to: null }]');
    await publish();
    const web = createServer(async (_, response) =>
      response.end(await readFile(join(cwd, 'public/rules.json'))),
    ).listen(0, '127.0.0.1');
    onTestFinished(() => {
      web.closeAllConnections();
      web.close();
    });
    await once(web, 'listening');
    const gateway = await serve(['-f', `http://127.0.0.1:${portOf(web)}/rules.json`], runtime);
    const status = async () => (await fetch(gateway.url)).status;
    expect(await status()).toBe(201);

    await commit('routes: [{ name: shop, respond: { status: 2020 }, to: null }]');
    await expect(publish()).rejects.toMatchObject({ code: 1 });
    await commit('routes: [{ name: shop, respond: { status: 202 }, to: null }]');
    await publish();
    gateway.process.kill('SIGHUP');
    await gateway.said(/revision \w+ is in force/);
    expect(await status()).toBe(202);
  });
});

test('rules-in-git sends a tenth to the next version, in production alone', async () => {
  const routes = async (...environment: string[]) =>
    (await run(['routes', '-f', 'rules.yaml', ...environment], { cwd: `${examples}/rules-in-git` }))
      .stdout;
  expect(await routes()).toMatch(/shop@v1/);
  expect(await routes()).not.toMatch(/shop@v2/);
  expect(await routes('--env', 'production')).toMatch(/shop@v2/);
});

test('anywhere answers on Node too, and limits', async () => {
  const server = openAnywhere(0);
  onTestFinished(() => server.close(true));
  await server.ready();
  const statuses = [];
  for (let call = 0; call < 6; call++) {
    const response = await fetch(new URL('/ada', server.url));
    statuses.push(response.status);
    if (response.ok) expect(await response.text()).toBe('hello ada');
    else await response.text();
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
});

describe('worker', () => {
  test('is built from its rules', async () => {
    const { stdout } = await run(['build', '-f', `${examples}/worker/rules.yaml`]);
    expect(JSON.parse(await readFile(`${examples}/worker/rules.json`, 'utf8'))).toEqual(
      JSON.parse(stdout),
    );
  });

  test('reaches its service, limits over all isolates, and adds up what they saw', async () => {
    const harness = createTestHarness({
      root: `${examples}/worker`,
      workers: ['wrangler.toml', 'wrangler.users.toml'].map((file) => {
        const config = `${examples}/worker/${file}`;
        const {
          name,
          main,
          compatibility_date,
          services,
          kv_namespaces,
          durable_objects,
          migrations,
        } = unstable_readConfig({ config }, { hideWarnings: true });
        return {
          config: {
            ...{ name, main, compatibility_date, services, kv_namespaces },
            ...{ durable_objects, migrations, alias },
          },
        };
      }),
    });
    onTestFinished(() => harness.close());
    await harness.listen();
    const ask = (client: string) =>
      harness.fetch('http://shop.example/users/7', { headers: { 'x-client': client } });
    expect(await (await ask('ada')).json()).toEqual({ user: '7' });
    const statuses = [];
    for (let call = 0; call < 3; call++) statuses.push((await ask('ada')).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await ask('grace')).status).toBe(200);
    const worker = harness.getWorker('example-gateway');
    expect(await worker.listDurableObjectIds('Limits')).not.toEqual([]);
    // Each isolate tells what it saw once a second at most, with a request.
    const counted = /http_server_duration_seconds_count\{[^}]*status="429"[^}]*\} 1/;
    for (let metrics = ''; !counted.test(metrics); ) {
      await (await harness.fetch('http://shop.example/nowhere')).text();
      metrics = await (await harness.fetch('http://shop.example/metrics')).text();
    }
  });
});
