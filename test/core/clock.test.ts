import { describe, expect, test } from 'vitest';
import { longestDelayMs, sleep, systemClock } from '../../src/core/clock.ts';
import { countListeners } from '../support/listeners.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('sleep', () => {
  test('resolves when the time has passed, not before, and leaves nothing behind', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    let awake = false;
    const sleeping = sleep(clock, 100, signal).then(() => {
      awake = true;
    });
    await clock.advance(99);
    expect(awake).toBe(false);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    await sleeping;
    expect(listeners).toEqual({ current: 0, highest: 1 });
    expect(clock.pending).toBe(0);
  });

  test('RT-06: rejects with the reason itself in the tick of the abort, and clears the timer', async () => {
    const clock = new VirtualClock();
    const caller = new AbortController();
    const reason = { left: true };
    const sleeping = sleep(clock, 100, caller.signal);
    caller.abort(reason);
    expect(clock.pending).toBe(0);
    await expect(sleeping).rejects.toBe(reason);
  });

  test('RT-06: sets neither timer nor listener where the signal is aborted already', async () => {
    const clock = new VirtualClock();
    const caller = new AbortController();
    caller.abort('gone');
    const listeners = countListeners(caller.signal);
    await expect(sleep(clock, 100, caller.signal)).rejects.toBe('gone');
    expect(listeners.highest).toBe(0);
    expect(clock.delays).toEqual([]);
  });

  test('an abort after the time changes nothing', async () => {
    const clock = new VirtualClock();
    const caller = new AbortController();
    const sleeping = sleep(clock, 0, caller.signal);
    await clock.advance(0);
    caller.abort();
    await expect(sleeping).resolves.toBeUndefined();
  });

  test('needs no signal', async () => {
    const clock = new VirtualClock();
    const sleeping = sleep(clock, 5, undefined);
    await clock.advance(5);
    await expect(sleeping).resolves.toBeUndefined();
  });
});

describe('systemClock', () => {
  test('tells the time of day and a time that does not run backwards', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000);
    const before = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
  });

  /** Until a timer that was set after all others has fired. */
  const nextTimer = () => new Promise<void>((resolve) => systemClock.schedule(resolve, 2));

  test('calls back once, and not at all where it was cancelled', async () => {
    const calls: string[] = [];
    const cancelFirst = systemClock.schedule(() => calls.push('first'), 0);
    const cancelSecond = systemClock.schedule(() => calls.push('second'), 0);
    cancelFirst();
    await nextTimer();
    cancelFirst();
    cancelSecond();
    await nextTimer();
    expect(calls).toEqual(['second']);
  });

  test('RA-07: a delay beyond what timers can hold does not fire at once', async () => {
    const calls: string[] = [];
    const cancel = systemClock.schedule(() => calls.push('fired'), 10 * longestDelayMs);
    await nextTimer();
    cancel();
    expect(calls).toEqual([]);
    expect(longestDelayMs).toBe(2 ** 31 - 1);
  });
});
