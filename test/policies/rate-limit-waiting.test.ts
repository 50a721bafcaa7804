/** Requests that wait for their turn in place of being refused: `maxWait`. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import type { RateLimit, RateLimitOptions } from '../../src/policies/rate-limit.ts';
import { byUser, limitedApp } from '../support/limited-app.ts';
import { countListeners } from '../support/listeners.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const limited = (limits: RateLimit | readonly RateLimit[], options: RateLimitOptions = {}) =>
  limitedApp(limits, { clock, ...options });

const paced = { limit: 10, per: '1s', burst: 1, by: byUser, maxWait: '200ms' };

test('takes requests that come too early in their order, as far as maxWait', async () => {
  const { get, events } = limited(paced);
  const done: number[] = [];
  const calls = [0, 1, 2, 3].map((index) =>
    get().then(({ status }) => done.push(status === 200 ? index : -1)),
  );
  await settled();
  expect(done).toEqual([-1, 0]);
  await clock.advance(100);
  expect(done).toEqual([-1, 0, 1]);
  await clock.advance(100);
  expect(done).toEqual([-1, 0, 1, 2]);
  await Promise.all(calls);
  expect(events.filter(({ name }) => name === 'rate_limit_wait')).toEqual([
    { name: 'rate_limit_wait', attributes: { delay_ms: 100 } },
    { name: 'rate_limit_wait', attributes: { delay_ms: 200 } },
  ]);
});

test('RL-03 a wait beyond the deadline is refused at once, and takes nothing', async () => {
  const { get, context } = limited(paced);
  await get();
  const hurried = context.with(deadline, clock.monotonic() + 50);
  const refused = await get('ada', {}, hurried);
  expect(refused.status).toBe(429);
  const next = get();
  await clock.advance(100);
  expect((await next).status).toBe(200);
});

test('RL-04 whoever leaves gives its place back, in that tick and with its own reason', async () => {
  const { get } = limited(paced);
  await get();
  const controller = new AbortController();
  const waiting = get('ada', { signal: controller.signal });
  await settled();
  controller.abort('gone');
  expect(clock.pending).toBe(0);
  await expect(waiting).rejects.toBe('gone');
  const next = get();
  await clock.advance(100);
  expect((await next).status).toBe(200);
});

test('leaves no listener behind when its turn has come', async () => {
  const { get, context } = limited(paced);
  await get();
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  const call = get('ada', {}, context.with(abortSignal, signal));
  await settled();
  expect(listeners.current).toBe(1);
  await clock.advance(100);
  await call;
  expect(listeners.current).toBe(0);
});

test('RL-04 but not what others have reserved behind it', async () => {
  const { get } = limited(paced);
  await get();
  const controller = new AbortController();
  const leaving = get('ada', { signal: controller.signal });
  const staying = get();
  await settled();
  controller.abort('gone');
  await expect(leaving).rejects.toBe('gone');
  // The place behind `staying`, not the one beside it.
  expect((await get()).status).toBe(429);
  await clock.advance(200);
  expect((await staying).status).toBe(200);
});

test('RL-11 who is refused where others wait is told when nobody has to', async () => {
  const { get } = limited({ limit: 1, per: '10s', burst: 1, by: byUser, maxWait: '20s' });
  await get();
  const waiting = [get(), get()];
  const refused = await get();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30']);
  await clock.advance(30_000);
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
  expect((await get()).status).toBe(200);
});

test('of several limits the longest counts', async () => {
  const { get } = limited([
    { ...paced, name: 'short' },
    { ...paced, name: 'long', limit: 5 },
  ]);
  await get();
  let isDone = false;
  const call = get().then(() => {
    isDone = true;
  });
  await clock.advance(199);
  expect(isDone).toBe(false);
  await clock.advance(1);
  await call;
});
