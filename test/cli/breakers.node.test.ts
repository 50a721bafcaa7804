import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { shareBreakers } from '../../src/cli/breakers.ts';
import { readRegister } from '../../src/policies/breaker/fleet/register.ts';
import { newInstanceId, placeOf } from '../../src/policies/breaker/fleet/votes.ts';
import { type Store, StoreError } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';

/** A gateway on a store that others share, and what it says. */
function shared(members: Partial<Store> = {}, port = 8080, tellsOutages = true) {
  const memory = memoryStore();
  const store: Store = {
    ...memory,
    capabilities: { ...memory.capabilities, consistency: 'linearizable' },
    ...members,
  };
  const said: string[] = [];
  const fleet = shareBreakers(
    { store, plain: store, tellsOutages, close: async () => {} },
    { breakers: 'quorum', port, say: (message) => said.push(message) },
  );
  const ids = async () => {
    await fleet?.sync();
    const entry = await store.get('breakers/default');
    return [...readRegister(entry?.value).beats.keys()];
  };
  return { fleet, said, ids };
}

test('there is nobody to share them with without a store, and where nobody wants to', () => {
  const opened = { store: memoryStore(), close: async () => {} };
  const options = { breakers: 'quorum', port: 0, say: () => {} } as const;
  expect(shareBreakers(undefined, options)).toBeUndefined();
  expect(shareBreakers(opened, options)).toBeUndefined();
  expect(
    shareBreakers({ ...opened, plain: opened.store }, { ...options, breakers: 'alone' }),
  ).toBeUndefined();
});

test('ST-08 a gateway that starts anew on its host and port is the same instance', async () => {
  const place = placeOf(newInstanceId(`${hostname()}:8080`));
  expect((await shared().ids()).map(placeOf)).toEqual([place]);
  // Of a port that is free now nobody knows whose it was before.
  const [id = ''] = await shared({}, 0).ids();
  expect(placeOf(id)).toBe(id);
});

test('that others keep writing is told once, until it works again', async () => {
  let isContended = true;
  const memory = memoryStore();
  const { fleet, said } = shared({
    get: (key) => memory.get(key),
    set: (...args) => (isContended ? false : memory.set(...args)),
  });
  for (let look = 0; look < 2; look++) await fleet?.sync();
  expect(said).toEqual([
    "breakers decide alone: 'breakers/default' in the store 'memory': others keep writing",
  ]);
  isContended = false;
  await fleet?.sync();
  expect(said.length).toBe(1);
});

test.each([
  [true, []],
  [false, ["breakers decide alone: the store 'memory' failed"]],
])('that the store is out is told by whoever watches it (%s), or here', async (watched, lines) => {
  const out = {
    get: () => Promise.reject(new StoreError('UNAVAILABLE', "the store 'memory' failed")),
  };
  const { fleet, said } = shared(out, 8080, watched);
  await fleet?.sync();
  expect(said).toEqual(lines);
});
