/** R1, R10: whatever Redis holds or does, the last good rules stay in force, a line says why, and the process lives. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectedStore, connectStore } from '../../src/cli/connect-store.ts';
import { publishRules } from '../../src/rules/sources/store.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { rulesFrom } from '../support/rules.ts';
import { endAll, type Serving, serve } from '../support/serving.ts';

let redis: RedisServer;
let opened: ConnectedStore;
let gateway: Serving;

const rulesOf = (status: number) =>
  rulesFrom(`routes: [{ path: /**, respond: { status: ${status} } }]`);
const statusOf = async ({ url }: Serving): Promise<number> => (await fetch(url)).status;

beforeAll(async () => {
  redis = await startRedis();
  opened = await connectStore(redis.url, { say() {} });
  await publishRules(opened.store, rulesOf(201));
  await publishRules(opened.store, rulesOf(202));
  gateway = await serve(['-f', redis.url]);
  expect(await statusOf(gateway)).toBe(202);
});

afterAll(async () => {
  endAll();
  await opened.close();
  await redis.stop();
});

/** Has the gateway look at what was changed, unless it has seen it by itself, and waits for what it says of it. */
async function look(change: () => unknown, says: RegExp): Promise<void> {
  const heard = gateway.output().length;
  await change();
  gateway.process.kill('SIGHUP');
  await gateway.said(new RegExp(`^[^]{${heard},}(?:${says.source})`));
}

const pointTo = (revision: number, ref: string) =>
  opened.store.set('rules/default/current', JSON.stringify({ revision, ref }));

describe('the last good rules outlive', () => {
  test.each<[what: string, change: () => unknown, says: RegExp]>([
    [
      'a pointer that goes back',
      () => pointTo(1, 'rules/default/r/1'),
      /revision 1 is older; revision 2 stays in force/,
    ],
    [
      'a pointer to what is not there yet',
      () => pointTo(3, 'rules/default/r/3'),
      /revision 3: cannot be read: 'rules\/default\/r\/3' is not there, or not there yet; revision 2 stays/,
    ],
    [
      'rules that somebody has written half of',
      async () => {
        const text = JSON.stringify(rulesOf(500));
        await opened.store.set('rules/default/r/4', text.slice(0, text.length / 2));
        await pointTo(4, 'rules/default/r/4');
      },
      /revision 4: refused: the text is not JSON; revision 2 stays in force/,
    ],
    [
      'a pointer to somebody else',
      () => pointTo(5, 'passwords'),
      /points outside of its rules: "passwords"; revision 2 stays in force/,
    ],
    [
      'a pointer that is none',
      () => opened.store.set('rules/default/current', '\u001b[2J{'),
      /refused: 'rules\/default\/current' does not hold .*; revision 2 stays in force/,
    ],
    [
      'an empty store',
      () => opened.store.set('rules/default/current', null),
      /nothing is published; revision 2 stays in force/,
    ],
  ])('%s', async (_, change, says) => {
    await look(change, says);
    expect(await statusOf(gateway)).toBe(202);
  });

  test('two who publish at once: both get a revision, and the later one is in force', async () => {
    const others = await Promise.all([1, 2].map(() => connectStore(redis.url, { say() {} })));
    await pointTo(9, 'rules/default/r/1');
    const revisions = await Promise.all(
      others.map(({ store }, index) => publishRules(store, rulesOf(210 + index))),
    );
    expect(new Set(revisions).size).toBe(2);
    const last = Math.max(...revisions);
    await gateway.said(new RegExp(`revision ${last} is in force`));
    expect(await statusOf(gateway)).toBe(210 + revisions.indexOf(last));
    await Promise.all(others.map(({ close }) => close()));
  });
});

test('a Redis that freezes in the middle of a reload holds up no request and no end', async () => {
  const before = await statusOf(gateway);
  const other = await serve(['-f', redis.url]);
  redis.process.kill('SIGSTOP');
  try {
    gateway.process.kill('SIGHUP');
    other.process.kill('SIGHUP');
    expect([await statusOf(gateway), await statusOf(other)]).toEqual([before, before]);
    other.process.kill('SIGTERM');
    expect(await other.exited()).toBe(0);
    await gateway.said(/no answer within 10000 ms; revision \d+ stays in force|cannot be read: /);
    expect(await statusOf(gateway)).toBe(before);
  } finally {
    redis.process.kill('SIGCONT');
  }
  const revision = await publishRules(opened.store, rulesOf(230));
  gateway.process.kill('SIGHUP');
  await gateway.said(new RegExp(`revision ${revision} is in force`));
  expect(await statusOf(gateway)).toBe(230);
});
