import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { formatDuration } from '../../src/core/duration.ts';
import { outbound } from '../../src/core/outbound.ts';
import { depositOnce, retryBudget } from '../../src/policies/retry-budget.ts';
import { retryTrial } from '../support/retrying.ts';
import { status, upstream } from '../support/upstream.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import vectors from '../vectors/retry-budget.json' with { type: 'json' };

/** How many further tries are allowed now. */
function allowed({ withdraw }: { withdraw(): boolean }): number {
  let count = 0;
  while (withdraw()) count += 1;
  return count;
}

describe('the vectors of Finagle', () => {
  test.each(vectors.finagle.frozenClock)(
    '$percentCanRetry with $minRetriesPerSec per second in reserve',
    ({ ttlMs, minRetriesPerSec, percentCanRetry, deposits, ...wanted }) => {
      const budget = retryBudget({
        ratio: percentCanRetry,
        ttl: formatDuration(ttlMs),
        minPerSecond: minRetriesPerSec,
        clock: new VirtualClock(),
      });
      let retries = 0;
      for (let request = 0; request < deposits; request++) {
        budget.deposit();
        if (wanted.tryWithdrawAfterEachDeposit && budget.withdraw()) retries += 1;
      }
      if (wanted.expectBalance !== undefined) {
        expect(allowed(budget)).toBe(wanted.expectBalance);
      } else {
        const { expectRetriesApprox = Number.NaN, tolerance = Number.NaN } = wanted;
        expect(Math.abs(retries - expectRetriesApprox)).toBeLessThanOrEqual(tolerance);
      }
    },
  );

  test('nothing at all where neither a share nor a reserve is allowed', () => {
    const budget = retryBudget({ ratio: 0, minPerSecond: 0, clock: new VirtualClock() });
    for (let request = 0; request < 1_000; request++) budget.deposit();
    expect(budget.withdraw()).toBe(false);
  });
});

test.each(vectors.tower.cases)('RB-05 the vectors of tower: $name', async (vector) => {
  const clock = new VirtualClock();
  const budget = retryBudget({
    ratio: vector.percent,
    ttl: formatDuration(vector.ttlMs),
    minPerSecond: vector.minPerSec,
    clock,
  });
  let now = 0;
  for (const { t, op, ...wanted } of vector.steps) {
    await clock.advance(t - now);
    now = t;
    if (op === 'deposit') budget.deposit();
    else expect(budget.withdraw()).toBe('expect' in wanted && wanted.expect);
  }
});

describe('a budget', () => {
  test('is by default one further try for five requests, and ten without any within 10 s', async () => {
    const clock = new VirtualClock();
    const budget = retryBudget({ clock });
    expect(allowed(budget)).toBe(10);
    for (let request = 0; request < 50; request++) budget.deposit();
    expect(allowed(budget)).toBe(10);
    await clock.advance(10_000);
    expect(allowed(budget)).toBe(10);
  });

  test('RB-05 the reserve is what it is per second, for each second of the time it counts', () => {
    const clock = new VirtualClock();
    expect(allowed(retryBudget({ minPerSecond: 100, ttl: '20s', clock }))).toBe(2_000);
  });

  test('RB-06 counts first tries and refuses none, however overdrawn it is', () => {
    const budget = retryBudget({ ratio: 0, minPerSecond: 0, clock: new VirtualClock() });
    expect(budget.deposit()).toBeUndefined();
  });

  test('RB-07 is one thing for all that share it', () => {
    const budget = retryBudget({ ratio: 1, minPerSecond: 0, clock: new VirtualClock() });
    const context = depositOnce(budget, Context.background());
    expect(depositOnce(budget, context)).toBe(context);
    expect([budget.withdraw(), budget.withdraw()]).toEqual([true, false]);
  });

  test('is told apart from another one further out', () => {
    const [outer, inner] = [1, 2].map(() =>
      retryBudget({ ratio: 1, minPerSecond: 0, clock: new VirtualClock() }),
    ) as [ReturnType<typeof retryBudget>, ReturnType<typeof retryBudget>];
    depositOnce(inner, depositOnce(outer, Context.background()));
    expect([allowed(outer), allowed(inner)]).toEqual([1, 1]);
  });

  test('RB-05 agrees with a model that remembers everything', () => {
    const steps = fc.array(
      fc.record({
        // Now and then a silence longer than any ttl.
        waitMs: fc.oneof(
          { weight: 4, arbitrary: fc.constant(0) },
          { weight: 8, arbitrary: fc.integer({ min: 0, max: 900 }) },
          { weight: 1, arbitrary: fc.integer({ min: 900, max: 12_000 }) },
        ),
        // All that there is, so that one that is forgotten too early or too late shows.
        op: fc.constantFrom('deposit', 'withdraw all'),
      }),
      { maxLength: 200, size: 'max' },
    );
    const settings = fc.record({
      ratio: fc.constantFrom(0, 0.1, 0.2, 0.5, 1, 2),
      ttlMs: fc.integer({ min: 1_000, max: 5_000 }),
      minPerSecond: fc.constantFrom(0, 0.5, 1, 3),
    });
    fc.assert(
      fc.property(settings, steps, ({ ratio, ttlMs, minPerSecond }, asked) => {
        let now = -7_000;
        const clock = Object.assign(new VirtualClock(), { monotonic: () => now });
        const budget = retryBudget({ ratio, ttl: `${ttlMs}ms`, minPerSecond, clock });
        const log: { readonly op: string; readonly tenth: number }[] = [];
        const tenthOf = (time: number) => Math.floor(time / (ttlMs / 10));
        for (const { waitMs, op } of asked) {
          now += waitMs;
          const tenth = tenthOf(now);
          if (op === 'deposit') {
            budget.deposit();
            log.push({ op, tenth });
            continue;
          }
          const recent = log.filter((entry) => entry.tenth > tenth - 10);
          const firsts = recent.filter((entry) => entry.op === 'deposit').length;
          const most = Math.floor(ratio * firsts + (minPerSecond * ttlMs) / 1_000 + 1e-6);
          const left = Math.max(0, most - (recent.length - firsts));
          expect(allowed(budget)).toBe(left);
          for (let further = 0; further < left; further++) log.push({ op, tenth });
        }
      }),
      { seed: 8, numRuns: 300 },
    );
  });
});

describe('a budget in a retry', () => {
  let { clock, events, retrying, call } = retryTrial();

  beforeEach(() => {
    ({ clock, events, retrying, call } = retryTrial());
  });

  afterEach(() => {
    expect(clock.pending, 'timers left behind').toBe(0);
  });

  const counting = (tries: number) => {
    let deposits = 0;
    let left = tries;
    return {
      deposit: () => {
        deposits += 1;
      },
      withdraw: () => left-- > 0,
      get deposits() {
        return deposits;
      },
    };
  };

  test('RB-02: that denies a retry, and the last failure is handed over with an event', async () => {
    const budget = counting(1);
    const { fetch, response } = await call([status(500), status(503)], { budget, max: 5 });
    expect(fetch.calls).toHaveLength(2);
    expect(await response?.text()).toBe('status 503');
    expect(events.map(({ name }) => name)).toEqual(['retry', 'retry_overflow']);
    expect(events.at(-1)?.attributes).toEqual({ reason: '503' });
    expect(clock.delays).toEqual([100]);
  });

  test('RB-06: that is used up limits no first try', async () => {
    const budget = counting(0);
    expect((await call([status(200)], { budget })).response?.status).toBe(200);
    expect(budget.deposits).toBe(1);
  });

  test('is not asked for a retry that will not be', async () => {
    const budget = { deposit: () => {}, withdraw: () => expect.unreachable() };
    await call([status(404)], { budget });
    await call([status(503)], { budget, max: 0 });
    await call([status(503, { 'retry-after': '3600' })], { budget });
  });

  test('is one for all that share it: many requests to a failing upstream are retried a fifth as often', async () => {
    const budget = retryBudget({ ratio: 0.2, minPerSecond: 0, clock });
    const fetch = upstream(status(503));
    const shops = [outbound(fetch, retrying({ budget })), outbound(fetch, retrying({ budget }))];
    for (let calls = 0; calls < 50; calls++) {
      const answers = shops.map((shop) => shop('http://shop.example/'));
      await clock.advance(50);
      await Promise.race(answers);
    }
    await clock.advance(60_000);
    expect(fetch.calls.length).toBeGreaterThan(110);
    expect(fetch.calls.length).toBeLessThanOrEqual(120);
  });
});
