import { describe, expect, test } from 'vitest';
import { Context } from '../../../../src/core/context.ts';
import { Knowledge } from '../../../../src/policies/breaker/fleet/knowledge.ts';
import { readRegister } from '../../../../src/policies/breaker/fleet/register.ts';
import {
  RegisterSync,
  type RegisterSyncSettings,
} from '../../../../src/policies/breaker/fleet/register-sync.ts';
import type { Capabilities, SetOptions, Store } from '../../../../src/stores/contract.ts';
import { memoryStore } from '../../../../src/stores/memory.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const key = 'breakers/default';

function syncing(
  change: (store: Store) => Partial<Store> = () => ({}),
  settings: Partial<RegisterSyncSettings> = {},
) {
  const clock = new VirtualClock();
  const memory: Store = memoryStore({ clock });
  const writes: SetOptions[] = [];
  const store: Store = {
    ...memory,
    set(name, value, options = {}) {
      writes.push(options);
      return memory.set(name, value, options);
    },
    ...change(memory),
  };
  const knowledge = new Knowledge({ clock, silenceMs: 15_000, travelMs: 2_000 });
  const errors: unknown[] = [];
  const register = new RegisterSync({
    ...{ store, key, knowledge, clock, pollMs: 1_000, beatMs: 5_000, longestLookMs: 3_000 },
    ...{ isBeating: false, random: () => 0.5, onNews: () => {} },
    onError: (error) => errors.push(error),
    ...settings,
  });
  const say = (circuit: string, epoch = 1, openMs = 10_000) =>
    knowledge.say(circuit, { state: 'open', epoch, openMs, openedAt: 0 });
  const there = async () => readRegister((await memory.get(key))?.value);
  return { clock, memory, writes, knowledge, register, errors, say, there };
}

describe('a look at the store', () => {
  test('goes on until what was said meanwhile stands there as well', async () => {
    let isFirst = true;
    const { register, say, there } = syncing((memory) => ({
      async set(name, value, options) {
        if (isFirst) say('ship');
        isFirst = false;
        return memory.set(name, value, options);
      },
    }));
    say('pay');
    await register.now();
    expect([...(await there()).circuits.keys()]).toEqual(['pay', 'ship']);
  });

  test('takes in those who look at the same time', async () => {
    let reads = 0;
    const { register } = syncing((memory) => ({
      async get(name) {
        reads += 1;
        return memory.get(name);
      },
    }));
    await Promise.all([register.now(), register.now(), register.now()]);
    expect(reads).toBe(1);
  });

  test('that died with the request that began it is begun anew', async () => {
    let isHanging = true;
    const { clock, register, say, there } = syncing((memory) => ({
      get: (name) => (isHanging ? new Promise<never>(() => {}) : memory.get(name)),
    }));
    say('pay');
    void register.now();
    await clock.advance(3_000);
    isHanging = false;
    void register.now();
    await clock.advance(0);
    expect((await there()).circuits.size).toBe(0);
    await clock.advance(1);
    await register.now();
    expect((await there()).circuits.size).toBe(1);
  });

  test('is due again after half of the poll, at the latest after all of it', async () => {
    for (const [draw, ms] of [
      [0, 500],
      [0.998, 999],
    ] as const) {
      const { register } = syncing(undefined, { random: () => draw });
      expect(register.nextLookMs).toBe(Number.NEGATIVE_INFINITY);
      await register.now();
      expect(register.nextLookMs).toBe(ms);
    }
  });

  test('is begun by a request when it is due', async () => {
    let reads = 0;
    const { clock, register } = syncing((memory) => ({
      async get(name) {
        reads += 1;
        return memory.get(name);
      },
    }));
    const context = Context.background('inbound');
    register.touch(clock.monotonic(), context);
    register.touch(clock.monotonic(), context);
    await clock.advance(749);
    register.touch(clock.monotonic(), context);
    expect(reads).toBe(1);
    await clock.advance(1);
    register.touch(clock.monotonic(), context);
    expect(reads).toBe(2);
  });
});

describe('what is written', () => {
  test('is written once, where nobody wrote meanwhile, and outlives its votes', async () => {
    const { register, writes, say } = syncing();
    say('pay', 1, 3_600_000);
    await register.now();
    await register.now();
    expect(writes).toEqual([{ ttlMs: 10 * 5_000 + 2 * 3_600_000 + 2_000, if: null }]);
  });

  test('has what others wrote between the look and the write', async () => {
    const theirs =
      '{"circuits":{"pay":[{"id":"a","state":"open","epoch":1,"openMs":60000,"openedAt":1}]}}';
    let isFirst = true;
    const { clock, register, say, there, errors } = syncing((memory) => ({
      async set(name, value, options) {
        if (isFirst) await memory.set(name, theirs);
        isFirst = false;
        return memory.set(name, value, options);
      },
    }));
    say('pay');
    void register.now();
    await clock.advance(10);
    expect((await there()).circuits.get('pay')?.length).toBe(2);
    expect(errors).toEqual([]);
  });

  test('is tried eight times where others keep writing; that is told once, until it works again', async () => {
    let tries = 0;
    let isBusy = true;
    const { clock, register, say, errors } = syncing((memory) => ({
      set(name, value, options) {
        tries += 1;
        return isBusy ? false : memory.set(name, value, options);
      },
    }));
    say('pay');
    for (const look of [1, 2]) {
      void register.now();
      await clock.advance(1_000);
      expect(tries).toBe(8 * look);
    }
    expect(errors).toMatchObject([{ code: 'CONTENTION' }]);
    isBusy = false;
    await register.now();
    isBusy = true;
    say('pay', 2);
    void register.now();
    await clock.advance(1_000);
    expect(errors.length).toBe(2);
  });

  test('on an eventual store is written without a condition', async () => {
    const capabilities: Capabilities = {
      ...{ consistency: 'eventual', staleMs: 60_000, minWriteMs: 0, minTtlMs: 0 },
    };
    const { register, writes, say } = syncing(() => ({ capabilities }));
    say('pay');
    await register.now();
    expect(writes.map((options) => 'if' in options)).toEqual([false]);
  });

  test('are signs of life, every five looks', async () => {
    const { clock, register, there, knowledge } = syncing(undefined, { isBeating: true });
    const beats: (number | undefined)[] = [];
    for (let second = 0; second < 7; second++) {
      await register.now();
      beats.push((await there()).beats.get(knowledge.id));
      await clock.advance(1_000);
    }
    expect(beats).toEqual([1, 1, 1, 1, 1, 2, 2]);
  });
});

describe('listening', () => {
  test('is tried again after it failed, and ends with the register', async () => {
    const signals: AbortSignal[] = [];
    const { clock, register, errors } = syncing(() => ({
      watch(_, __, signal) {
        signals.push(signal);
        if (signals.length === 1) throw new Error('no subscription');
      },
    }));
    await register.now();
    await register.now();
    await clock.advance(0);
    await register.now();
    expect(signals.length).toBe(2);
    expect(errors.length).toBe(1);
    register.close();
    expect(signals[1]?.aborted).toBe(true);
    await register.now();
    expect(signals.length).toBe(2);
  });
});
