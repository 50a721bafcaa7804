import { expect, test } from 'vitest';
import { runFleet } from '../../src/runtimes/fleet-runner.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('looks whenever it is time, one look after the other, until it is closed', async () => {
  const clock = new VirtualClock();
  let looks = 0;
  let isClosed = false;
  const runner = runFleet(
    {
      sync: async () => {
        looks += 1;
      },
      // Once it is overdue, which must not become a busy loop.
      get nextSyncMs() {
        return looks === 2 ? -5 : 1_000;
      },
      close: () => {
        isClosed = true;
      },
    },
    clock,
  );
  await clock.advance(0);
  expect(looks).toBe(1);
  await clock.advance(1_000);
  expect(looks).toBe(2);
  await clock.advance(10);
  expect(looks).toBe(3);
  runner.close();
  await clock.advance(10_000);
  expect([looks, isClosed, clock.pending]).toEqual([3, true, 0]);
});

test('closed in the middle of a look, it begins no other one', async () => {
  const clock = new VirtualClock();
  let looks = 0;
  let end = (): void => {};
  const runner = runFleet(
    {
      sync() {
        looks += 1;
        return new Promise<void>((resolve) => {
          end = resolve;
        });
      },
      nextSyncMs: 1_000,
      close: () => {},
    },
    clock,
  );
  runner.close();
  end();
  await clock.advance(10_000);
  expect([looks, clock.pending]).toEqual([1, 0]);
});
