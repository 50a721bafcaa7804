import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { attemptNumber, emit, eventListener, type PolicyEvent } from '../../src/core/event.ts';

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

test('the first try is number 1', () => {
  expect(Context.background().get(attemptNumber)).toBe(1);
});
