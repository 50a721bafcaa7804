/** Rules in Redis: published by one command, followed by three gateways. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectStore } from '../../src/cli/connect-store.ts';
import { run as runPiped } from '../support/command-line.ts';
import { type RedisServer, startRedis, startRedisOn } from '../support/redis-server.ts';
import { cli, endAll, type Serving, serve } from '../support/serving.ts';
import { runInTerminal } from '../support/terminal.ts';

let directory: string;
let redis: RedisServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-rules-store-'));
  redis = await startRedis();
});

afterEach(async () => {
  endAll();
  await redis.stop();
  await rm(directory, { recursive: true });
});

interface Said {
  readonly code: number | null;
  readonly output: string;
}

async function run(...args: string[]): Promise<Said> {
  const { exited, output } = cli(args);
  return { code: await exited(), output: output() };
}

/** Publishes rules that answer everything with this body. */
async function publish(body: string, ...more: string[]): Promise<Said> {
  const file = join(directory, 'rules.yaml');
  await writeFile(file, `routes: [{ path: /**, respond: { status: 200, body: ${body} } }]\n`);
  return run('publish', '-y', '-f', file, '--to', redis.url, ...more);
}

const bodyOf = async ({ url }: Serving): Promise<string> => (await fetch(url)).text();

describe('three gateways that follow a store', () => {
  test('take each revision on, keep the last good one, and outlive the store', async () => {
    expect(await publish('one')).toMatchObject({ code: 0 });
    const gateways = await Promise.all([1, 2, 3].map(() => serve(['-f', redis.url])));
    const bodies = async () => Promise.all(gateways.map(bodyOf));
    const allSay = async (pattern: RegExp) =>
      Promise.all(gateways.map(({ said }) => said(pattern)));
    expect(await bodies()).toEqual(['one', 'one', 'one']);

    const { output } = await publish('two');
    expect(output).toMatch(
      /^revision 2 of 'default' in redis:\/\/127\.0\.0\.1:\d+ has these rules$/m,
    );
    await allSay(/revision 2 is in force/);
    expect(await bodies()).toEqual(['two', 'two', 'two']);

    // Nothing that is wrong is published …
    expect(await publish('{ one: 1 }')).toMatchObject({ code: 1 });
    expect(await bodies()).toEqual(['two', 'two', 'two']);

    const rolled = await run('rollback', '-y', '--to', redis.url);
    expect(rolled.output).toContain("revision 3 of 'default' in ");
    expect(rolled.output).toContain('has the rules of revision 1');
    await allSay(/revision 3 is in force/);
    expect(await bodies()).toEqual(['one', 'one', 'one']);

    const { port } = new URL(redis.url);
    await redis.stop();
    await allSay(/rules: redis:\S+ is out/);
    expect(await bodies()).toEqual(['one', 'one', 'one']);
    // … and an empty store empties no gateway.
    redis = await startRedisOn(Number(port));
    await allSay(/rules: redis:\S+ is back/);
    expect(await bodies()).toEqual(['one', 'one', 'one']);

    for (const { process } of gateways) process.kill('SIGTERM');
    for (const { exited } of gateways) expect(await exited()).toBe(0);
  });
});

test('a gateway that keeps the rules in a file starts without the store, and follows it once it is back', async () => {
  await publish('kept');
  const cache = join(directory, 'cache.json');
  const first = await serve(['-f', redis.url, '--rules-cache', cache]);
  expect(await bodyOf(first)).toBe('kept');
  await expect
    .poll(async () => readFile(cache, 'utf8').catch(() => ''), { timeout: 60_000 })
    .toContain('"revision":"1"');
  first.process.kill('SIGTERM');
  expect(await first.exited()).toBe(0);

  const { port } = new URL(redis.url);
  await redis.stop();
  const again = await serve(['-f', redis.url, '--rules-cache', cache]);
  expect(await bodyOf(again)).toBe('kept');
  expect(again.output()).toContain('rules: revision 1 of ');
  redis = await startRedisOn(Number(port));
  await publish('fresh');
  again.process.kill('SIGHUP');
  await again.said(/revision \d+ is in force\n/);
  await expect.poll(async () => bodyOf(again), { timeout: 60_000 }).toBe('fresh');
});

test('a gateway that cannot start ends, also where its connection to the store is open', async () => {
  await publish('one');
  const missing = join(directory, 'missing.pem');
  const certificate = await run(
    ...['serve', '-f', redis.url, '--tls-cert', missing, '--tls-key', missing],
  );
  expect(certificate).toMatchObject({ code: 2 });
  expect(certificate.output).toContain('cannot read the certificate');
  const { url } = await serve(['-f', redis.url]);
  const { port } = new URL(url);
  const taken = await run('serve', '-f', redis.url, '--store', redis.url, '--port', port);
  expect(taken).toMatchObject({ code: 2 });
  expect(taken.output).toContain(`port ${port} is taken`);
});

test('names keep sets of rules apart', async () => {
  await publish('shop', '--name', 'shop');
  await publish('bank', '--name', 'bank');
  const bank = await serve(['-f', redis.url, '--rules-name', 'bank']);
  expect(await bodyOf(bank)).toBe('bank');
});

describe('what cannot be is said, without a password', () => {
  const secret = 'redis://:hunter2@127.0.0.1:1';
  test.each<[args: readonly string[], message: RegExp]>([
    [['publish', '--to', secret], /redis:\/\/127\.0\.0\.1:1 cannot be used: /],
    [['publish'], /--to is missing/],
    [['publish', '--to', 'memory:'], /--to: memory: ends with this command/],
    [['publish', '--to', 'postgres://:hunter2@db'], /--to: not the URL of a store/],
    [['rollback', '--to', secret], /redis:\/\/127\.0\.0\.1:1 cannot be used: /],
    [['rollback', '--to', secret, '--revision', '0'], /--revision: '0' is not a whole number/],
    [['serve', '-f', secret], /no rules 'default' in redis:\/\/127\.0\.0\.1:1 within 10 s/],
  ])('%j', async (args, message) => {
    const file = join(directory, 'rules.yaml');
    await writeFile(file, 'routes: [{ path: /**, respond: { status: 204 } }]\n');
    const rules = args[0] === 'publish' ? ['-f', file] : [];
    const all = args[0] === 'serve' ? args : [...args, '-y', ...rules];
    const { code, output } = await run(...all);
    expect(code).toBe(2);
    expect(output).toMatch(message);
    expect(output).not.toContain('hunter2');
  });

  test('of a rollback', async () => {
    const back = async (...more: string[]) => run('rollback', '-y', '--to', redis.url, ...more);
    expect(await back()).toMatchObject({
      code: 2,
      output: expect.stringContaining("no rules 'default' are published; nothing was changed"),
    });
    await publish('one');
    expect((await back()).output).toContain("revision 1 of 'default' is the first");
    expect((await back('--revision', '5')).output).toContain('has no revision 5 before 1');
  });
});

describe('C5: what changes is shown, and asked about', () => {
  const timeouts = (
    users: string,
    web: string,
  ): string => `services: { web: "http://127.0.0.1:${web}" }
routes:
  - { name: users, path: /users/**, timeout: ${users}, retries: 0 }
  - { name: rest, path: /** }
`;
  const args = (...more: string[]) => ['publish', '-f', '-', '--to', redis.url, ...more];

  test('publish and rollback say before and after, the revision, and how to go back', async () => {
    const place = redis.url;
    const first = await runPiped(args('-y'), { input: timeouts('2s', '3000') });
    expect(first).toEqual({
      code: 0,
      stdout: `the first rules of 'default':
+ route users
+ route rest
+ service web
3 added
revision 1 of 'default' in ${place} has these rules
`,
      stderr: '',
    });
    const second = await runPiped(args('-y'), { input: timeouts('3s', '3001') });
    expect(second).toEqual({
      code: 0,
      stdout: `~ route users
    timeout       2s → 3s
~ service web
    versions.urls http://127.0.0.1:3000 → http://127.0.0.1:3001
2 changed
revision 2 of 'default' in ${place} has these rules
back to what was before: npx fetchmesh rollback --to ${place} --revision 1
`,
      stderr: '',
    });
    const back = await runPiped(['rollback', '--to', redis.url, '-y', '--json'], {});
    expect(back.code).toBe(0);
    expect(JSON.parse(back.stdout)).toEqual({
      name: 'default',
      store: place,
      before: 2,
      after: 3,
      of: 1,
      changes: [
        {
          subject: 'route users',
          kind: 'changed',
          changes: [{ key: 'timeout', before: '3s', after: '2s' }],
        },
        {
          subject: 'service web',
          kind: 'changed',
          changes: [
            {
              key: 'versions.urls',
              before: 'http://127.0.0.1:3001',
              after: 'http://127.0.0.1:3000',
            },
          ],
        },
      ],
      undo: `npx fetchmesh rollback --to ${place} --revision 2`,
    });
  });

  test('rules that are in force already are not published again', async () => {
    await runPiped(args('-y'), { input: timeouts('2s', '3000') });
    const again = await runPiped(args('-y'), { input: `# the same\n${timeouts('2s', '3000')}` });
    expect(again).toEqual({
      code: 0,
      stdout: `no difference\nrevision 1 of 'default' in ${redis.url} has these rules already\n`,
      stderr: '',
    });
  });

  test('--dry-run changes nothing; without it somebody has to agree', async () => {
    await runPiped(args('-y'), { input: timeouts('2s', '3000') });
    const dry = await runPiped(args('--dry-run'), { input: timeouts('3s', '3000') });
    expect(dry).toEqual({
      code: 0,
      stdout: '~ route users\n    timeout       2s → 3s\n1 changed\n',
      stderr: '',
    });
    for (const verb of [args(), ['rollback', '--to', redis.url]]) {
      expect(await runPiped(verb, { input: timeouts('3s', '3000') })).toEqual({
        code: 2,
        stdout: '',
        stderr: `fetchmesh ${verb[0]}: nobody can be asked here: give -y, or --dry-run to see what would change\n`,
      });
    }
  });

  test.each([
    ['n\r', 1],
    ['\r', 1],
    ['\u0003', 130],
    ['y\r', 0],
  ])('on a terminal it asks: %j is answered with %i', async (press, code) => {
    await publish('one');
    const file = join(directory, 'other.yaml');
    await writeFile(file, timeouts('3s', '3000'));
    const asked = await runInTerminal(['publish', '-f', file, '--to', redis.url], {
      keys: [{ after: '[y/N]', press }],
    });
    expect(asked.code).toBe(code);
    expect(asked.output).toContain('+ route users\n');
    expect(asked.output).toContain(code === 0 ? 'revision 2 of' : 'nothing was changed');
  });

  test('rules of another version, which cannot be read, keep no better ones out', async () => {
    const revision = await publish('one');
    expect(revision.code).toBe(0);
    const { store, close } = await connectStore(redis.url, { say() {} });
    await store.set('rules/default/r/1', '{"version":9}');
    await close();
    const { code, stdout } = await runPiped(args('-y'), { input: timeouts('3s', '3000') });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^what differs from revision 1 cannot be said: .+\nrevision 2 of 'default'/,
    );
  });
});
