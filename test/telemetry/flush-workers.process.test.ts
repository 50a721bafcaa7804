/** Spans leave a Worker after its response: real workerd, and a collector that answers when it is told to. */

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { decodeTraces } from '../support/otlp-decoder.ts';

/** Exports whose answer the collector keeps back. */
const held: { readonly paths: unknown[]; readonly response: ServerResponse }[] = [];
let collector: Server;
let worker: ReturnType<typeof createTestHarness>;

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const spans = decodeTraces(await text(request));
    const paths = spans.map(({ attributes }) => {
      return attributes?.find(({ key }) => key === 'url.path')?.value.stringValue;
    });
    held.push({ paths, response });
    collector.emit('held');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  worker = createTestHarness({
    root: resolve(import.meta.dirname, '../fixtures/flushing'),
    workers: [
      {
        config: {
          name: 'flushing',
          main: resolve(import.meta.dirname, '../fixtures/flushing/worker.ts'),
          compatibility_date: '2025-06-01',
          compatibility_flags: [],
          vars: { COLLECTOR: `http://127.0.0.1:${port}` },
        },
      },
    ],
  });
  await worker.listen();
});

afterAll(async () => {
  await worker?.close();
  collector?.closeAllConnections();
  collector?.close();
});

async function get(path: string): Promise<string> {
  return await (await worker.fetch(`http://shop.example${path}`)).text();
}

async function heldAre(count: number): Promise<void> {
  while (held.length < count) await once(collector, 'held');
}

test('a response is there before the collector has answered, and its span arrives', async () => {
  expect(await get('/first')).toBe('answered');
  await heldAre(1);
  expect(held[0]?.paths).toEqual(['/first']);
});

test('no request waits for the export of another, and each span arrives once', async () => {
  const paths = Array.from({ length: 8 }, (_, index) => `/overlapping/${index}`);
  // The export of /first has no answer yet.
  expect(await Promise.all(paths.map(get))).toEqual(paths.map(() => 'answered'));
  const arrived = () => held.flatMap((request) => request.paths);
  while (arrived().length < 9) await heldAre(held.length + 1);
  expect(arrived().sort()).toEqual(['/first', ...paths]);
});

test('has logged nothing: no error, no work that was cut off', () => {
  for (const { response } of held) response.end('{}');
  expect(worker.getLogs()).toEqual([]);
});
