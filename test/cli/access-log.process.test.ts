import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endAll, serve } from '../support/serving.ts';

let directory: string;
let rules: string;
const upstream = createServer((_, response) => response.end('served'));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-access-log-'));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  rules = join(directory, 'rules.yaml');
  await writeFile(
    rules,
    `services: { shop: "http://127.0.0.1:${(upstream.address() as AddressInfo).port}" }
telemetry: { service: edge, logs: {} }
routes: [{ name: shop, path: /shop/** }]
`,
  );
});

afterEach(endAll);

afterAll(async () => {
  upstream.close();
  upstream.closeAllConnections();
  await rm(directory, { recursive: true });
});

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  test('writes a line of JSON for each request, and all of them before it ends', async () => {
    const gateway = await serve(['-f', rules], runtime);
    let stdout = '';
    gateway.process.stdout?.on('data', (chunk: string) => {
      stdout += chunk;
    });
    for (const path of ['/shop/1?token=hush', '/other']) {
      await (await fetch(`${gateway.url}${path}`)).text();
    }
    gateway.process.kill('SIGTERM');
    expect(await gateway.exited()).toBe(0);
    const entries = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries).toMatchObject([
      {
        'service.name': 'edge',
        'url.path': '/shop/1',
        'http.route': '/shop/**',
        'fetchmesh.destination.service': 'shop',
        'client.address': '127.0.0.1',
        'http.response.status_code': 200,
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
      {
        'http.response.status_code': 404,
        'fetchmesh.response_flags': 'NR',
        'error.type': 'no_route',
      },
    ]);
    expect(stdout).not.toContain('hush');
  });
});
