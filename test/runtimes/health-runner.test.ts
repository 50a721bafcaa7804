import { expect, test } from 'vitest';
import { service } from '../../src/routing/service.ts';
import { runHealthChecks } from '../../src/runtimes/health-runner.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function usersOf(clock: VirtualClock, signals: (AbortSignal | null | undefined)[] = []) {
  return service({
    name: 'users',
    endpoints: ['http://a.test', 'http://b.test'],
    health: { path: '/healthz', interval: '10s' },
    clock,
    random: () => 0.5,
    fetch: async (_, init) => {
      signals.push(init.signal);
      return new Response();
    },
  });
}

test('HC-09: checks are made whenever they are due, without any request', async () => {
  const clock = new VirtualClock();
  const signals: (AbortSignal | null | undefined)[] = [];
  const runner = runHealthChecks(usersOf(clock, signals), clock);
  expect(signals.length).toBe(2);
  await clock.advance(9_900);
  expect(signals.length).toBe(2);
  await clock.advance(20_100);
  expect(signals.length).toBe(8);
  runner.stop();
  expect(clock.pending).toBe(0);
});

test('HC-09: what is stopped leaves neither timer nor check behind', async () => {
  const clock = new VirtualClock();
  let signal: AbortSignal | null | undefined;
  const users = service({
    name: 'users',
    endpoints: ['http://a.test'],
    health: { path: '/healthz' },
    clock,
    fetch: (_, init) => {
      signal = init.signal;
      return new Promise(() => {});
    },
  });
  const runner = runHealthChecks(users, clock);
  expect(clock.pending).toBe(2);
  runner.stop();
  expect(signal?.aborted).toBe(true);
  expect(clock.pending).toBe(0);
  expect(users.endpoints[0]?.isUp).toBe(true);
});

test('a subject that has checks only later is found within a second', async () => {
  const clock = new VirtualClock();
  let checks = 0;
  const subject = {
    nextCheckMs: Number.POSITIVE_INFINITY,
    async checkHealth() {
      checks += 1;
      this.nextCheckMs = 5_000;
    },
  };
  const runner = runHealthChecks(subject, clock);
  subject.nextCheckMs = 0;
  await clock.advance(1_000);
  expect(checks).toBe(1);
  runner.stop();
});
