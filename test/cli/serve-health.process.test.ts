import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endAll, serve } from '../support/serving.ts';

let directory: string;
let upstream: Server;
let url: string;
let checks = 0;
let status = 200;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-health-'));
  upstream = createServer((request, response) => {
    if (request.url === '/healthz') checks += 1;
    response.writeHead(status).end();
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(async () => {
  endAll();
  upstream.close();
  upstream.closeAllConnections();
  await rm(directory, { recursive: true });
});

test.each(['node', 'bun', 'deno'] as const)(
  'HC-09: on %s serve checks without any request, shows what it found, and ends',
  async (runtime) => {
    const file = join(directory, 'rules.yaml');
    await writeFile(
      file,
      `services:
  a: { url: "${url}", health: { path: /healthz, interval: 100ms, down_after: 1, up_after: 1 } }
routes: [{ path: /**, to: a }]
`,
    );
    status = 500;
    const gateway = await serve(['-f', file], runtime);
    /** Asks until the gateway says so, however long this machine takes. */
    async function healthy(count: number): Promise<void> {
      const line = `envoy_cluster_membership_healthy{envoy_cluster_name="a"} ${count}`;
      for (;;) {
        const text = await (await fetch(`${gateway.admin}/metrics`)).text();
        if (text.split('\n').includes(line)) return;
      }
    }
    await healthy(0);
    status = 200;
    await healthy(1);
    expect(checks).toBeGreaterThan(1);
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited()).toBe(0);
  },
);
