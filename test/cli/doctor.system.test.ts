/** What `doctor` says of a Redis that the rules name. */

import { afterEach, expect, test } from 'vitest';
import { run } from '../support/command-line.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

let redis: RedisServer | undefined;

afterEach(async () => {
  await redis?.stop();
});

async function ask(server: RedisServer, state = '', timeout = '60s') {
  redis = server;
  const { code, stdout } = await run(['doctor', '-f', '-', '--timeout', timeout], {
    input: `state: { store: { env: STORE }${state} }
routes: [{ path: /**, respond: { status: 204 } }]
`,
    env: { STORE: server.url.replace('//', '//:hunter2@') },
  });
  expect(stdout).not.toContain('hunter2');
  return { code, said: stdout.replace(server.url, 'redis:…').split('\n').slice(1).join('\n') };
}

const password = ['--requirepass', 'hunter2'];

test.each([
  ['', 'leased, breakers quorum'],
  [', mode: exact, breakers: any', 'exact, breakers any'],
  [', breakers: alone', 'leased'],
])('state: { store%s } of one that is well', async (state, does) => {
  expect(await ask(await startRedis(...password), state)).toEqual({
    code: 0,
    said: `√ state.store: redis:…: takes and answers, ${does}\n`,
  });
});

test('FT-11 one that forgets spent limits under a flood works, and should be set otherwise', async () => {
  const server = await startRedis(
    ...password,
    ...['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'],
  );
  expect(await ask(server)).toEqual({
    code: 0,
    said: `√ state.store: redis:…: takes and answers, leased, breakers quorum
! state.store: maxmemory-policy allkeys-lru: it forgets limits that are spent once its memory is full
    set it to volatile-ttl, or give the gateways a server of their own
`,
  });
});

test('one that takes no writes cannot do it, in no mode', async () => {
  for (const mode of ['leased', 'exact']) {
    const { code, said } = await ask(
      await startRedis(...password, '--maxmemory', '1'),
      `, mode: ${mode}`,
    );
    expect(code).toBe(1);
    expect(said).toMatch(/^× state\.store: redis:…: .*OOM.*\n {4}until it answers limits do as/);
    await redis?.stop();
  }
});

test('one that wants another password says so', async () => {
  const { code, said } = await ask(await startRedis('--requirepass', 'another'));
  expect(code).toBe(1);
  expect(said).toMatch(/^× state\.store: redis:…: /);
});

test('one that is frozen is given up on', async () => {
  const server = await startRedis(...password);
  server.process.kill('SIGSTOP');
  const { code, said } = await ask(server, '', '2s');
  expect(code).toBe(1);
  expect(said).toMatch(/^× state\.store: redis:…: .*\n {4}until it answers limits do as/);
});
