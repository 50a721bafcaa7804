/**
 * No Node compatibility is needed on Workers: every portable module is loaded by real workerd without any flag. (The
 * isolate in which the portable tests run always has Node compatibility switched on.)
 */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';

const root = resolve(import.meta.dirname, '../..');

/** The rooms that touch a platform, as `tsconfig.json` excludes them. */
const platformRooms = ['runtimes', 'cli'];

/** Every module of the portable rooms, so that none is forgotten, and the gateway as a Worker. */
const entries = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(
    (file) =>
      file.endsWith('.ts') &&
      (!platformRooms.includes(file.split(sep)[0] as string) ||
        file === join('runtimes', 'workers.ts')),
  )
  .map((file) => `src/${file.replaceAll(sep, '/')}`)
  .sort();

describe('a portable module', () => {
  test('is there at all', () => {
    expect(entries).toContain('src/index.ts');
    expect(entries).toContain('src/policies/retry.ts');
  });

  // An IIFE cannot wait: a top-level await fails here. So does an import from Node, which nothing provides.
  test.each(entries)(
    '%s awaits nothing at module scope and imports nothing from Node',
    async (entry) => {
      const { outputFiles, warnings } = await build({
        entryPoints: [join(root, entry)],
        bundle: true,
        write: false,
        format: 'iife',
        platform: 'neutral',
        mainFields: ['module', 'main'],
        conditions: ['workerd', 'worker', 'browser'],
        logLevel: 'silent',
      });
      expect(warnings).toEqual([]);
      expect(outputFiles).toHaveLength(1);
    },
  );
});

describe('a Worker with compatibility_date = "2025-06-01" and no flags', () => {
  let directory: string;
  let server: Server;
  let worker: ReturnType<typeof createTestHarness>;

  beforeAll(async () => {
    server = createServer(answerOrder).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const { port } = server.address() as AddressInfo;

    directory = mkdtempSync(join(tmpdir(), 'fetchmesh-flagless-'));
    const main = join(directory, 'main.ts');
    writeFileSync(main, mainModule());
    worker = createTestHarness({
      root: directory,
      workers: [
        {
          config: {
            name: 'flagless',
            main,
            compatibility_date: '2025-06-01',
            compatibility_flags: [],
            vars: { UPSTREAM: `http://127.0.0.1:${port}` },
          },
        },
      ],
    });
    await worker.listen();
  });

  afterAll(async () => {
    await worker?.close();
    server?.closeAllConnections();
    server?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const get = async (path: string) => await worker.fetch(`http://shop.example${path}`);

  test('has no process and no Buffer', async () => {
    expect(await (await get('/process')).json()).toEqual({
      process: 'undefined',
      buffer: 'undefined',
    });
  });

  test('has loaded every portable module', async () => {
    expect(await (await get('/entries')).json()).toEqual(entries);
  });

  test('hands the app what the platform passed', async () => {
    expect(await (await get('/context')).json()).toBe(2);
  });

  test('ends what takes too long', async () => {
    const response = await get('/slow');
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ reason: 'timeout' });
  });

  test('calls the real fetch: retries, replays the body, sends the edited headers', async () => {
    const response = await worker.fetch('http://shop.example/', {
      method: 'PUT',
      body: 'a pair of shoes',
      headers: { 'content-type': 'text/plain', 'x-order': '7' },
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      tries: 2,
      body: 'a pair of shoes',
      type: 'text/plain',
      order: '7',
      requestId: 'r-1',
    });
  });

  test('BR-02 replays a body whose first try was answered before it was sent', async () => {
    const response = await worker.fetch('http://shop.example/early', {
      method: 'PUT',
      body: 'x'.repeat(200_000),
    });
    const { tries, body } = (await response.json()) as { tries: number; body: string };
    expect(tries).toBe(2);
    expect(body === 'x'.repeat(200_000)).toBe(true);
  });

  test('rejects with the reason of a caller that left', async () => {
    expect(await (await get('/gone')).text()).toBe('changed my mind');
  });

  test('has logged nothing: no error, no unhandled rejection', () => {
    expect(worker.getLogs()).toEqual([]);
  });
});

/** The Worker of the fixture, and all entries beside it. */
function mainModule(): string {
  const imports = entries.map(
    (entry, index) => `import * as entry${index} from ${JSON.stringify(join(root, entry))};`,
  );
  const loaded = entries.map((entry, index) => `  ${JSON.stringify(entry)}: entry${index},`);
  const fixture = join(root, 'test/fixtures/flagless/worker.ts');
  return [
    ...imports,
    `import worker from ${JSON.stringify(fixture)};`,
    'const entries = {',
    ...loaded,
    '};',
    'export default {',
    '  async fetch(request, ...platform) {',
    "    if (new URL(request.url).pathname !== '/entries') return worker.fetch(request, ...platform);",
    "    return Response.json(Object.keys(entries).filter((name) => typeof entries[name] === 'object'));",
    '  },',
    '};',
  ].join('\n');
}

const tries = new Map<string, number>();

/** 503 the first time, then an account of what arrived; `/stalled` never answers. */
function answerOrder(
  request: import('node:http').IncomingMessage,
  response: import('node:http').ServerResponse,
): void {
  if (request.url === '/stalled') return;
  const made = (tries.get(request.url ?? '') ?? 0) + 1;
  tries.set(request.url ?? '', made);
  if (request.url === '/early' && made === 1) {
    // A server that leaves a body unread has to close (RFC 9112 §9.3): workerd would write on in the same connection.
    response.writeHead(503, { connection: 'close' }).end();
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const { 'content-type': type, 'x-order': order, 'x-request-id': requestId } = request.headers;
    response.writeHead(made === 1 ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ tries: made, body, type, order, requestId }));
  });
}
