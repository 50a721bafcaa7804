import { describe, expect, test } from 'vitest';
import { type Limit, type Store, StoreError } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { type GuardedStoreOptions, guardedStore } from '../../src/stores/guarded.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const limit = { quota: 1, windowMs: 1_000, burst: 100 };

/** A store that answers 5 ms later, does not answer, or refuses. */
function moody(clock: VirtualClock) {
  const memory = memoryStore({ clock });
  const mood = { now: 'well' as 'well' | 'frozen' | 'refusing', calls: 0 };
  function answer<T>(value: () => T): Promise<T> {
    mood.calls += 1;
    if (mood.now === 'refusing') return Promise.reject(new Error('ECONNREFUSED 10.0.0.7'));
    if (mood.now === 'frozen') return new Promise(() => {});
    return new Promise((resolve) => clock.schedule(() => resolve(value()), 5));
  }
  const store: Store = delegateTo(memory, {
    get: (key: string) => answer(() => memory.get(key)),
    set: (...args: Parameters<Store['set']>) => answer(() => memory.set(...args)),
    take: (key: string, ...rest: [Limit, number, number]) =>
      answer(() => memory.take(key, ...rest)),
  });
  return { store, mood };
}

function guarded(options: GuardedStoreOptions = {}) {
  const clock = new VirtualClock();
  const changes: boolean[] = [];
  const { store, mood } = moody(clock);
  const guard = guardedStore(store, {
    clock,
    random: () => 1 - Number.EPSILON,
    onChange: (available) => changes.push(available),
    ...options,
  });
  async function take(): Promise<string> {
    const call = Promise.resolve(guard.take?.('k', limit, 1, 1)).then(
      () => 'granted',
      (error: StoreError) => error.code,
    );
    await clock.advance(25);
    return await call;
  }
  return { clock, guard, mood, changes, take };
}

describe('guardedStore', () => {
  test('a call that misses the deadline rejects then, and leaves no timer behind', async () => {
    const { clock, mood, guard } = guarded();
    mood.now = 'frozen';
    let code = '';
    Promise.resolve(guard.get('k')).catch((error: StoreError) => {
      code = error.code;
    });
    await clock.advance(24);
    expect(code).toBe('');
    await clock.advance(1);
    expect(code).toBe('UNAVAILABLE');
    expect(clock.pending).toBe(0);
  });

  test('after three misses no caller pays the deadline again', async () => {
    const { clock, guard, mood, take, changes } = guarded();
    mood.now = 'frozen';
    for (let call = 0; call < 3; call++) expect(await take()).toBe('UNAVAILABLE');
    expect(guard.available).toBe(false);
    expect(changes).toEqual([false]);
    const { calls } = mood;
    for (let call = 0; call < 100; call++) {
      const code = await Promise.resolve(guard.get('k')).catch((error: StoreError) => error.code);
      expect(code).toBe('UNAVAILABLE');
    }
    expect(mood.calls).toBe(calls);
    expect(clock.pending).toBe(0);
  });

  test('looks by a read that nobody waits for, ever more rarely, and comes back at once', async () => {
    const { clock, guard, mood, take, changes } = guarded();
    mood.now = 'refusing';
    for (let call = 0; call < 3; call++) await take();
    const looks: number[] = [];
    let { calls } = mood;
    for (let elapsed = 25; elapsed <= 12_000; elapsed += 25) {
      await take();
      if (mood.calls > calls) looks.push(elapsed);
      calls = mood.calls;
    }
    expect(looks).toEqual([250, 750, 1_750, 3_750, 7_750]);
    mood.now = 'well';
    await clock.advance(5_000);
    await take();
    await take();
    expect(guard.available).toBe(true);
    expect(await take()).toBe('granted');
    expect(changes).toEqual([false, true]);
  });

  test('who reads when it is time for a look makes it, and has the answer', async () => {
    const { clock, guard, mood, take } = guarded();
    mood.now = 'refusing';
    for (let call = 0; call < 3; call++) await take();
    mood.now = 'well';
    await clock.advance(250);
    const answer = guard.get('k');
    await clock.advance(5);
    expect(await answer).toBe(null);
    expect(guard.available).toBe(true);
  });

  test('a look is given to the request that began it, and made anew where it died all the same', async () => {
    const system = new VirtualClock();
    let isDying = false;
    // What a request on Workers has begun ends with it, its timers too.
    const clock = {
      now: () => system.now(),
      monotonic: () => system.monotonic(),
      schedule: (...args: Parameters<VirtualClock['schedule']>) =>
        isDying ? () => {} : system.schedule(...args),
    };
    const { store, mood } = moody(system);
    const guard = guardedStore(store, { clock, random: () => 0, failures: 1 });
    const beyond: Promise<unknown>[] = [];
    const settings = { waitUntil: (work: Promise<unknown>) => void beyond.push(work) };
    const take = () =>
      Promise.resolve(guard.take?.('k', limit, 1, 1, settings)).catch(() => undefined);
    mood.now = 'refusing';
    await take();
    await system.advance(125);
    mood.now = 'frozen';
    isDying = true;
    mood.calls = 0;
    await take();
    expect([mood.calls, beyond.length]).toEqual([1, 1]);
    await system.advance(5_000);
    isDying = false;
    mood.now = 'well';
    await take();
    await system.advance(5);
    expect(guard.available).toBe(true);
  });

  test('a success in between starts the count anew', async () => {
    const { guard, mood, take } = guarded();
    for (let round = 0; round < 5; round++) {
      mood.now = 'refusing';
      await take();
      await take();
      mood.now = 'well';
      expect(await take()).toBe('granted');
    }
    expect(guard.available).toBe(true);
  });

  test('what a store cannot do, and contention, are no outage', async () => {
    const clock = new VirtualClock();
    const store = delegateTo(memoryStore({ clock }), {
      set: () => Promise.reject(new StoreError('CONTENTION', 'others were faster')),
    });
    const guard = guardedStore(store, { clock, failures: 1 });
    const code = await Promise.resolve(guard.set('k', 'v')).catch(
      (error: StoreError) => error.code,
    );
    expect(code).toBe('CONTENTION');
    expect(guard.available).toBe(true);
  });

  test('a store that throws at once rejects like any other', async () => {
    const guard = guardedStore(
      delegateTo(memoryStore(), {
        get: () => {
          throw new TypeError('The client is closed');
        },
      }),
    );
    const error = await Promise.resolve(guard.get('k')).catch((reason: StoreError) => reason);
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      cause: { message: 'The client is closed' },
    });
  });

  test('answers of a store in memory pass without a promise or a timer', () => {
    const clock = new VirtualClock();
    const guard = guardedStore(memoryStore({ clock }), { clock });
    expect(guard.take?.('k', limit, 1, 1)).toMatchObject({ granted: 1 });
    expect(clock.pending).toBe(0);
  });

  test.each<[GuardedStoreOptions, string]>([
    [{ deadline: '0ms' }, 'guardedStore.deadline: has to be longer than 0'],
    [{ deadline: 'soon' }, 'guardedStore.deadline: "soon" is not a duration'],
    [{ openFor: '0s' }, 'guardedStore.openFor: has to be longer than 0'],
    [{ openFor: '1s', maxOpenFor: '1ms' }, 'guardedStore.maxOpenFor: has to be at least as long'],
    [{ failures: 0 }, 'guardedStore.failures: 0 is not a whole number above 0'],
    [{ failures: Number.NaN }, 'guardedStore.failures: NaN is not a whole number above 0'],
  ])('refuses %j', (options, message) => {
    expect(() => guardedStore(memoryStore(), options)).toThrow(message);
  });
});
