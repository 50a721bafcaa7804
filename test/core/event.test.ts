import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import {
  attemptNumber,
  emit,
  eventListener,
  inform,
  type PolicyEvent,
} from '../../src/core/event.ts';

test('an event reaches the listener of its request', () => {
  const events: PolicyEvent[] = [];
  const context = Context.background().with(eventListener, (event) => events.push(event));
  emit(context, 'retry', { attempt: 1 });
  emit(context, 'replay_skipped');
  expect(events).toEqual([
    { name: 'retry', attributes: { attempt: 1 } },
    { name: 'replay_skipped', attributes: {} },
  ]);
});

test('an event that nobody listens to is nothing', () => {
  expect(() => emit(Context.background(), 'retry')).not.toThrow();
});

test('what somebody throws who is told, or rejects with, is lost', async () => {
  let told = 0;
  inform(() => {
    told += 1;
    throw new Error('the log is full');
  });
  // One that nobody caught would fail this run.
  inform(async () => {
    told += 1;
    throw new Error('the log is down');
  });
  await new Promise((resolve) => setTimeout(resolve));
  expect(told).toBe(2);
});

test('the first try is number 1', () => {
  expect(Context.background().get(attemptNumber)).toBe(1);
});
