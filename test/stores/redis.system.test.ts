import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import type { Limit } from '../../src/stores/contract.ts';
import { guardedStore } from '../../src/stores/guarded.ts';
import { ioredis, nodeRedis, redisStore } from '../../src/stores/redis.ts';
import { type RedisOverHttp, startRedisOverHttp } from '../support/redis-http.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const root = resolve(import.meta.dirname, '../..');
const bin = resolve(root, 'node_modules/.bin');
const run = promisify(execFile);

let server: RedisServer;
let overHttp: RedisOverHttp;

beforeAll(async () => {
  server = await startRedis();
  overHttp = await startRedisOverHttp(server.url);
});

afterAll(async () => {
  await overHttp.stop();
  await server.stop();
});

const limit: Limit = { quota: 10, windowMs: 1_000, burst: 5 };

describe('redisStore holds all that a store has to hold', () => {
  const runtimes: readonly [string, readonly string[]][] = [
    ['node', []],
    ['bun', []],
    ['deno', ['run', '-A', '--no-remote', '--node-modules-dir=manual']],
  ];
  const cases = runtimes.flatMap(([runtime, args]) =>
    ['node-redis', 'ioredis', '@upstash/redis'].map((client) => [client, runtime, args] as const),
  );
  test.each(cases)('through %s on %s', async (client, runtime, args) => {
    const script = resolve(root, 'test/fixtures/stores/check-redis.ts');
    // Over HTTP there is nothing to watch.
    const [url, checks] = client === '@upstash/redis' ? [overHttp.url, 18] : [server.url, 19];
    const { stdout } = await run(resolve(bin, runtime), [...args, script, client, url], {
      cwd: root,
    });
    expect(stdout.trim()).toBe(`${checks} held, 0 did not`);
  });

  test('through @upstash/redis on workerd', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fetchmesh-upstash-'));
    const path = (file: string) => JSON.stringify(resolve(root, file));
    const main = join(directory, 'main.ts');
    await writeFile(
      main,
      `import { Redis } from ${path('node_modules/@upstash/redis/cloudflare.mjs')};
import { storeChecks } from ${path('src/stores/conformance.ts')};
import { redisStore, upstashRedis } from ${path('src/stores/redis.ts')};

export default {
  async fetch() {
    const url = ${JSON.stringify(overHttp.url)};
    const client = new Redis({ url, token: 'none', automaticDeserialization: false });
    const complaints = [];
    const checks = storeChecks(redisStore(upstashRedis(client)));
    for (const { name, run } of checks) {
      await run().catch((error) => complaints.push(name + ': ' + error.message));
    }
    return Response.json({ checks: checks.length, complaints });
  },
};
`,
    );
    const platform = { compatibility_date: '2025-06-01', compatibility_flags: [] };
    const worker = createTestHarness({
      root: directory,
      workers: [{ config: { name: 'redis', main, ...platform } }],
    });
    try {
      await worker.listen();
      const answer = await (await worker.fetch('http://store.example/')).json();
      expect(answer).toEqual({ checks: 18, complaints: [] });
    } finally {
      await worker.close();
      await rm(directory, { recursive: true });
    }
  });
});

async function connected() {
  const client = createClient({ url: server.url });
  await client.connect();
  return { client, store: redisStore(nodeRedis(client)) };
}

describe('redisStore', () => {
  test('FT-07 goes on after the server has forgotten its scripts', async () => {
    const { client, store } = await connected();
    await store.take('flushed', limit, 1, 1);
    await client.scriptFlush();
    expect((await store.take('flushed', limit, 1, 1)).granted).toBe(1);
    client.destroy();
  });

  test('keeps a limit for as long as it has something to remember, and no longer', async () => {
    const { client, store } = await connected();
    const hourly: Limit = { quota: 10, windowMs: 3_600_000, burst: 5 };
    await store.take('short', hourly, 1, 1);
    const ttlMs = await client.pTTL('fm:t:{short}');
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(360_000);
    await store.take('short', hourly, -1, 0);
    expect(await client.exists('fm:t:{short}')).toBe(0);
    client.destroy();
  });

  test('FT-09 measures time by the server: a client whose clock is wrong takes no more than others', async () => {
    const { client, store } = await connected();
    const wrong = Date.now;
    Date.now = () => wrong() + 60_000;
    try {
      // A minute is worth half of the burst.
      const slow: Limit = { quota: 150, windowMs: 3_600_000, burst: 5 };
      for (let call = 0; call < 5; call++) await store.take('skewed', slow, 1, 1);
      expect((await store.take('skewed', slow, 1, 1)).granted).toBe(0);
    } finally {
      Date.now = wrong;
    }
    client.destroy();
  });

  test.each([
    ['text', 'no version in front'],
    ['a number', '7'],
    ['an empty line', '\nx'],
    ['nothing', ''],
  ])('a value that somebody else wrote, %s, can be read and replaced', async (_, foreign) => {
    const { client, store } = await connected();
    await client.set('fm:{foreign}', foreign);
    const entry = await store.get('foreign');
    expect(entry?.value ?? '').toBe(foreign);
    expect(await store.set('foreign', 'x', { if: '1' })).toBe(false);
    const version = await store.set('foreign', 'mine', { if: entry?.version ?? null });
    expect(version).toMatch(/^\d+$/);
    expect(await store.get('foreign')).toEqual({ value: 'mine', version });
    // No version is none of an absent value.
    await store.set('foreign', null);
    expect(await store.set('foreign', 'x', { if: '' })).toBe(false);
    client.destroy();
  });

  test('FT-08 what it wrote before its clock stepped back by an hour keeps nobody waiting for long', async () => {
    const { client, store } = await connected();
    const slow: Limit = { quota: 1, windowMs: 2_000, burst: 5 };
    await store.take('stepped', slow, 5, 5);
    const key = 'fm:t:{stepped}';
    const [fullAt, depthMs] = ((await client.get(key)) as string).split(' ').map(Number) as [
      number,
      number,
    ];
    expect(depthMs).toBe(10_000);
    await client.set(key, `${fullAt + 3_600_000} ${depthMs}`);
    const refused = await store.take('stepped', slow, 1, 1);
    expect(refused).toMatchObject({ granted: 0, remaining: 0 });
    expect(refused.retryMs).toBeLessThanOrEqual(2_000);
    await expect
      .poll(async () => (await store.take('stepped', slow, 1, 1)).granted, { timeout: 60_000 })
      .toBe(1);
    client.destroy();
  });

  test('FT-23 has keys of one slot for what belongs together, under a prefix of its own', async () => {
    const { client } = await connected();
    const store = redisStore(nodeRedis(client), { prefix: 'shop' });
    await store.set('rules', 'x');
    await store.take('rules', limit, 1, 1);
    expect((await client.keys('shop:*')).sort()).toEqual(['shop:t:{rules}', 'shop:{rules}']);
    client.destroy();
  });

  test.each(['node-redis', 'ioredis'])(
    'FT-02 a frozen server keeps nobody waiting, through %s',
    async (name) => {
      const frozen = await startRedis();
      const client = createClient({ url: frozen.url });
      client.on('error', () => {});
      const other = new Redis(frozen.url, { enableOfflineQueue: true, maxRetriesPerRequest: 0 });
      other.on('error', () => {});
      if (name === 'node-redis') await client.connect();
      const commands = name === 'node-redis' ? nodeRedis(client) : ioredis(other);
      const store = guardedStore(redisStore(commands), { deadline: '50ms' });
      const take = async (): Promise<string> =>
        await Promise.resolve(store.take?.('k', limit, 1, 1)).then(
          () => 'granted',
          (error: { code: string }) => error.code,
        );
      // The first call brings the script, and a busy machine misses the deadline now and then.
      while ((await take()) !== 'granted');
      frozen.process.kill('SIGSTOP');
      for (let call = 0; call < 3; call++) expect(await take()).toBe('UNAVAILABLE');
      expect(store.available).toBe(false);
      frozen.process.kill('SIGCONT');
      await expect
        .poll(async () => [await take(), store.available], { timeout: 60_000 })
        .toEqual(['granted', true]);
      client.destroy();
      other.disconnect();
      await frozen.stop();
    },
  );
});
