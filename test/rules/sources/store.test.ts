import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { parseRules } from '../../../src/rules/parse.ts';
import { followRules } from '../../../src/rules/sources/follow.ts';
import { kvRules } from '../../../src/rules/sources/kv.ts';
import { InvalidRulesError } from '../../../src/rules/sources/source.ts';
import { publishRules, rollBackRules, storeRules } from '../../../src/rules/sources/store.ts';
import { memoryStore } from '../../../src/stores/memory.ts';

const { rules } = parseRules('routes: [{ path: /**, timeout: 3s }]');
if (rules === undefined) throw new Error('the rules of this test are wrong');
const signal = new AbortController().signal;

test('what is published is read, and what is published next is newer', async () => {
  const store = memoryStore();
  const source = storeRules(store, { name: 'shop' });
  expect(await source.latest(signal)).toBeUndefined();
  expect(await publishRules(store, rules, { name: 'shop' })).toBe(1);
  const first = await source.latest(signal);
  expect(first?.revision).toBe(1);
  expect(await first?.read(signal)).toEqual(rules);
  expect(await publishRules(store, rules, { name: 'shop' })).toBe(2);
  expect((await source.latest(signal))?.revision).toBe(2);
});

test('what is published is read as whoever asks for it wants', async () => {
  const store = memoryStore();
  await publishRules(store, rules);
  const source = storeRules(store, {
    read: async (json) => ({ ...JSON.parse(json), health: { path: '/own' } }),
  });
  const read = await (await source.latest(signal))?.read(signal);
  expect(read).toEqual({ ...rules, health: { path: '/own' } });
});

test('sets of another name do not meet', async () => {
  const store = memoryStore();
  await publishRules(store, rules, { name: 'a' });
  expect(await storeRules(store, { name: 'b' }).latest(signal)).toBeUndefined();
  expect(() => storeRules(store, { name: 'a/b' })).toThrow(RangeError);
});

test('those who publish at the same time get revisions of their own, and the highest is in force', async () => {
  const store = memoryStore();
  const revisions = await Promise.all(Array.from({ length: 8 }, () => publishRules(store, rules)));
  expect(new Set(revisions).size).toBe(8);
  expect((await storeRules(store).latest(signal))?.revision).toBe(Math.max(...revisions));
});

test('who says after which revision publishes no later than that', async () => {
  const store = memoryStore();
  expect(await publishRules(store, rules, { after: 0 })).toBe(1);
  await expect(publishRules(store, rules, { after: 0 })).rejects.toThrow(
    "revision 1 of 'default' is in force by now, not 0",
  );
  const both = await Promise.allSettled([1, 2].map(() => publishRules(store, rules, { after: 1 })));
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect(rollBackRules(store, { after: 1 })).rejects.toThrow(RangeError);
  expect(
    (
      await rollBackRules(store, {
        revision: 1,
        after: (await storeRules(store).latest(signal))?.revision ?? 0,
      })
    ).of,
  ).toBe(1);
});

test('rules that no gateway would take are not published', async () => {
  const store = memoryStore();
  const wrong = { ...rules, routes: [{ path: '/**' }] } as unknown as typeof rules;
  await expect(publishRules(store, wrong)).rejects.toThrow(InvalidRulesError);
  expect(await storeRules(store).latest(signal)).toBeUndefined();
});

test('a revision that somebody left half written is passed over', async () => {
  const store = memoryStore();
  await store.set('rules/default/r/1', 'half');
  expect(await publishRules(store, rules)).toBe(2);
});

test('a pointer that is none is not written over', async () => {
  const store = memoryStore();
  await store.set('rules/default/current', 'oops');
  await expect(publishRules(store, rules)).rejects.toThrow('does not hold');
});

test('the keys are those of rules in KV', async () => {
  const store = memoryStore();
  await publishRules(store, rules);
  const source = kvRules({ get: async (key) => (await store.get(key))?.value ?? null });
  const found = await source.latest(signal);
  expect(await found?.read(signal)).toEqual(rules);
});

test('followRules puts what is published in force', async () => {
  const store = memoryStore();
  const applied: number[] = [];
  const followed = followRules({
    source: storeRules(store),
    apply: (_, revision) => applied.push(revision),
    refreshMs: 1,
    retryMs: 1,
    onEvent() {},
    clock: systemClock,
  });
  await publishRules(store, rules);
  await followed.refresh();
  await publishRules(store, rules);
  await followed.refresh();
  expect(applied).toEqual([1, 2]);
});

test('going back publishes earlier rules anew, and needs some', async () => {
  const store = memoryStore();
  await expect(rollBackRules(store)).rejects.toThrow("no rules 'default' are published");
  const { rules: other } = parseRules('routes: [{ path: /**, timeout: 5s }]');
  await publishRules(store, rules);
  await expect(rollBackRules(store)).rejects.toThrow("revision 1 of 'default' is the first");
  await publishRules(store, other as typeof rules);
  expect(await rollBackRules(store)).toEqual({ revision: 3, of: 1 });
  const latest = await storeRules(store).latest(signal);
  expect([latest?.revision, await latest?.read(signal)]).toEqual([3, rules]);
  expect(await rollBackRules(store, { revision: 2 })).toEqual({ revision: 4, of: 2 });
  for (const revision of [4, 9]) {
    await expect(rollBackRules(store, { revision })).rejects.toThrow(`no revision ${revision}`);
  }
});
