import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Grant, Limit } from '../../src/stores/contract.ts';
import { type Waiter, Waiters } from '../../src/stores/waiters.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const limit: Limit = { quota: 1, windowMs: 1_000, burst: 9 };
const question = { key: 'k', limit, n: 1, min: 1 };
const grant: Grant = { granted: 1, remaining: 0, retryMs: 0, resetMs: 0 };

let clock: VirtualClock;
/** Rounds that were begun, each ended by the test. */
let rounds: { readonly size: number; end(error?: Error): void }[];
let waiters: Waiters;

beforeEach(() => {
  clock = new VirtualClock();
  rounds = [];
  waiters = new Waiters(
    (round: readonly Waiter[]) =>
      new Promise((resolve, reject) => {
        rounds.push({
          size: round.length,
          end(error) {
            if (error !== undefined) reject(error);
            for (const waiter of round) waiter.resolve(grant);
            resolve();
          },
        });
      }),
    clock,
  );
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

/** A caller, and whether it has its answer. */
function ask(signal?: AbortSignal) {
  const caller = { state: 'waits' };
  waiters.wait('k', question, signal && { signal }).then(
    () => {
      caller.state = 'granted';
    },
    (error: { code?: string }) => {
      caller.state = error.code ?? String(error);
    },
  );
  return caller;
}

test('one round at a time, for all who wait', async () => {
  const first = [ask(), ask()];
  await settled();
  const second = [ask(), ask(), ask()];
  await settled();
  expect(rounds.map(({ size }) => size)).toEqual([2]);
  rounds[0]?.end();
  await settled();
  expect(rounds.map(({ size }) => size)).toEqual([2, 3]);
  expect(first.map(({ state }) => state)).toEqual(['granted', 'granted']);
  rounds[1]?.end();
  await settled();
  expect(second.map(({ state }) => state)).toEqual(['granted', 'granted', 'granted']);
});

test('whoever leaves while others wait for the same leaves the turn to them', async () => {
  const leaving = new AbortController();
  const first = ask();
  await settled();
  const [gone, stays] = [ask(leaving.signal), ask()];
  leaving.abort('gone');
  rounds[0]?.end();
  await settled();
  expect(rounds.map(({ size }) => size)).toEqual([1, 1]);
  rounds[1]?.end();
  await settled();
  expect([first.state, gone.state, stays.state]).toEqual(['granted', 'gone', 'granted']);
});

test('FT-24 a call that died keeps nobody for ever, and whoever comes then makes another one', async () => {
  const dead = ask();
  await settled();
  const waiting = ask();
  await clock.advance(5_000);
  expect([dead.state, waiting.state]).toEqual(['waits', 'UNAVAILABLE']);
  await clock.advance(1);
  const next = ask();
  await settled();
  rounds[1]?.end();
  await settled();
  expect(next.state).toBe('granted');
  // Where it was only late, its own caller is answered.
  rounds[0]?.end();
  await settled();
  expect([dead.state, rounds.length]).toEqual(['granted', 2]);
});

test('one whose turn comes as another begins anew is answered by that one', async () => {
  const first = ask();
  await settled();
  await clock.advance(1_000);
  let another: ReturnType<typeof ask> | undefined;
  let isEnding = false;
  const looked = {
    // Asked for as the turn is given: what is queued here comes before it is taken.
    get aborted(): boolean {
      if (isEnding) {
        queueMicrotask(() => {
          another ??= ask();
        });
      }
      return false;
    },
    addEventListener() {},
    removeEventListener() {},
  };
  const second = ask(looked as unknown as AbortSignal);
  await clock.advance(4_500);
  isEnding = true;
  rounds[0]?.end();
  await settled();
  for (const { end } of rounds) end();
  await settled();
  expect([first.state, second.state, another?.state]).toEqual(['granted', 'granted', 'granted']);
});
