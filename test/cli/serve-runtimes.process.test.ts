import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endAll, serve } from '../support/serving.ts';

let upstream: Server;
let upstreamUrl: string;
let directory: string;
const waiting: (() => void)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-runtimes-'));
  upstream = createServer((request, response) => {
    if (request.url === '/wait') waiting.push(() => response.end('waited'));
    else response.end('ok');
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
