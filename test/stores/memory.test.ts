import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const perSecond = { quota: 1, windowMs: 1_000, burst: 1 };

function seeded(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe('memoryStore', () => {
  test('takes units of a limit, key by key, on its own clock', async () => {
    const clock = new VirtualClock();
    const store = memoryStore({ clock });
    expect(store.take('ada', perSecond, 1, 1).granted).toBe(1);
    expect(store.take('ada', perSecond, 1, 1)).toMatchObject({ granted: 0, retryMs: 1_000 });
    expect(store.take('bob', perSecond, 1, 1).granted).toBe(1);
    await clock.advance(1_000);
    expect(store.take('ada', perSecond, 1, 1).granted).toBe(1);
  });

  test('RL-06 writes nothing when it looks or refuses', () => {
    const store = memoryStore({ clock: new VirtualClock() });
    store.take('ada', perSecond, 0, 0);
    store.take('ada', perSecond, 2, 2);
    expect(store.size).toBe(0);
  });

  test('ST-03 does not mind a wall clock that steps back', async () => {
    const clock = new VirtualClock();
    const store = memoryStore({ clock });
    store.take('ada', perSecond, 1, 1);
    clock.jump(-3_600_000);
    await clock.advance(1_000);
    expect(store.take('ada', perSecond, 1, 1).granted).toBe(1);
  });

  test('FT-12 keeps no more limits than its capacity, and forgets no spent quota under a flood of keys', () => {
    const clock = new VirtualClock();
    const store = memoryStore({ clock, capacity: 1_000, random: seeded() });
    const perDay = { quota: 10, windowMs: 86_400_000, burst: 10 };
    const spenders = Array.from({ length: 50 }, (_, index) => `spent-${index}`);
    for (const key of spenders) store.take(key, perDay, 10, 10);
    for (let id = 0; id < 100_000; id++) store.take(`flood-${id}`, perSecond, 1, 1);
    expect(store.size).toBe(1_000);
    const forgotten = spenders.filter((key) => store.take(key, perDay, 1, 1).granted > 0);
    expect(forgotten).toEqual([]);
  });

  test('keeps values with versions, for as long as they were to last', async () => {
    const clock = new VirtualClock();
    const store = memoryStore({ clock });
    expect(store.get('rules')).toBeNull();
    const version = store.set('rules', 'one', { ttlMs: 500 });
    expect(store.get('rules')).toMatchObject({ value: 'one', version });
    await clock.advance(500);
    expect(store.get('rules')).toBeNull();
    expect(store.size).toBe(0);
  });

  test('sets a value only where the version is the one that was read', () => {
    const store = memoryStore();
    const first = store.set('vote', 'a', { if: null }) as string;
    expect(store.set('vote', 'b', { if: null })).toBe(false);
    const second = store.set('vote', 'b', { if: first }) as string;
    expect(store.set('vote', 'c', { if: first })).toBe(false);
    expect(second).not.toBe(first);
    expect(store.set('vote', null, { if: second })).toBe('');
    expect(store.get('vote')).toBeNull();
  });

  test('makes room for a value by the one written longest ago', () => {
    const store = memoryStore({ capacity: 2 });
    for (const key of ['a', 'b', 'c']) store.set(key, key);
    expect(['a', 'b', 'c'].map((key) => store.get(key)?.value)).toEqual([undefined, 'b', 'c']);
  });

  test('tells those who watch, one that throws apart, until they stop', () => {
    const store = memoryStore();
    const watching = new AbortController();
    const seen: (string | undefined)[] = [];
    store.watch(
      'rules',
      () => {
        throw new Error('of the listener');
      },
      watching.signal,
    );
    store.watch('rules', (entry: Entry | null) => seen.push(entry?.value), watching.signal);
    store.set('rules', 'one');
    store.set('rules', null);
    store.set('other', 'x');
    watching.abort();
    store.set('rules', 'two');
    expect(seen).toEqual(['one', undefined]);
  });

  test.each([0, -1, 1.5, Number.NaN])('refuses a capacity of %s', (capacity) => {
    expect(() => memoryStore({ capacity })).toThrow(
      `memoryStore.capacity: ${capacity} is not a whole number above 0`,
    );
  });
});
