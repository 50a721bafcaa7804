import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Limit } from '../../src/stores/contract.ts';
import { believableState, depthOf, takeGcra } from '../../src/stores/gcra.ts';
import vectors from '../vectors/gcra.json' with { type: 'json' };

describe('takeGcra', () => {
  test('RL-06 gives what throttled gives, step by step', () => {
    const { emissionIntervalMs, maxBurst } = vectors.config;
    const limit = { quota: 1, windowMs: emissionIntervalMs, burst: maxBurst + 1 };
    let state: number | undefined;
    for (const { t, quantity, expect: wanted } of vectors.steps) {
      const { grant, fullAt } = takeGcra(state, limit, quantity, quantity, t);
      const never = grant.retryMs === Number.POSITIVE_INFINITY;
      expect({
        limited: quantity > 0 && grant.granted === 0,
        limit: limit.burst,
        remaining: grant.remaining,
        resetAfterMs: grant.resetMs,
        retryAfterMs: grant.retryMs === 0 || never ? -1 : grant.retryMs,
      }).toEqual(wanted);
      // What is refused, and who only looks, changes nothing.
      if (grant.granted === 0) expect(fullAt).toBe(Math.max(state ?? t, t));
      else state = fullAt;
    }
  });

  test('RL-06 never grants more than the burst, and says that waiting is no use', () => {
    const limit = { quota: 1, windowMs: 1_000, burst: 5 };
    expect(takeGcra(undefined, limit, 6, 6, 0).grant).toEqual({
      granted: 0,
      remaining: 5,
      retryMs: Number.POSITIVE_INFINITY,
      resetMs: 0,
    });
    expect(takeGcra(undefined, limit, 6, 1, 0).grant.granted).toBe(5);
  });

  test('ST-03 treats a state from the future as an empty bucket, and no worse', () => {
    const limit = { quota: 100, windowMs: 1_000, burst: 10 };
    const hourAhead = 3_600_000;
    expect(takeGcra(hourAhead, limit, 1, 1, 0).grant.retryMs).toBe(10);
  });

  test('FT-08 a state from before the clock stepped back is an empty bucket, once written', () => {
    const limit = { quota: 100, windowMs: 1_000, burst: 10 };
    const hourAhead = 3_600_000;
    const state = believableState(hourAhead, depthOf(limit), limit, 0);
    expect(state).toBe(100);
    expect(takeGcra(state, limit, 1, 1, 10).grant.granted).toBe(1);
  });

  test('FT-08 what was reserved further ahead, under a deeper limit, is no such state', () => {
    const limit = { quota: 100, windowMs: 1_000, burst: 10 };
    const deeper = { ...limit, burst: 500 };
    const { fullAt } = takeGcra(undefined, deeper, 400, 400, 0);
    expect(believableState(fullAt, depthOf(deeper), limit, 0)).toBe(fullAt);
    expect(believableState(fullAt, Number.POSITIVE_INFINITY, limit, 0)).toBe(fullAt);
  });

  test('RL-07 does not gather more than the burst, however long nobody asked', () => {
    const limit = { quota: 1, windowMs: 1_000, burst: 3 };
    const { fullAt } = takeGcra(undefined, limit, 3, 3, 0);
    expect(takeGcra(fullAt, limit, 100, 1, 97_000).grant.granted).toBe(3);
  });

  test('RL-05 keeps exact pace at rates that no whole number of milliseconds fits', () => {
    const limit = { quota: 7, windowMs: 10, burst: 1 };
    let state: number | undefined;
    let granted = 0;
    for (let call = 0; call < 7_000; call++) {
      const step = takeGcra(state, limit, 1, 1, (call * 10) / 7);
      if (step.grant.granted > 0) {
        state = step.fullAt;
        granted += 1;
      }
    }
    expect(granted).toBe(7_000);
  });

  test('RL-05 and grants no more than that to who asks for more', () => {
    const limit = { quota: 7, windowMs: 10, burst: 10 };
    let state: number | undefined;
    let granted = 0;
    for (let now = 0; now <= 10_000; now++) {
      const step = takeGcra(state, limit, 1, 1, now);
      if (step.grant.granted > 0) {
        state = step.fullAt;
        granted += 1;
      }
    }
    expect(granted).toBe(10 + 7_000);
  });

  test('RL-08 counts an interval from the last unit, and on no grid', () => {
    const limit = { quota: 1, windowMs: 1_000, burst: 1 };
    const { fullAt } = takeGcra(undefined, limit, 1, 1, 300);
    expect(takeGcra(fullAt, limit, 1, 1, 1_299).grant).toMatchObject({ granted: 0, retryMs: 1 });
    expect(takeGcra(fullAt, limit, 1, 1, 1_300).grant.granted).toBe(1);
  });

  test('gives units back, and never more than the burst', () => {
    const limit = { quota: 1, windowMs: 1_000, burst: 4 };
    const { fullAt } = takeGcra(undefined, limit, 4, 4, 0);
    const back = takeGcra(fullAt, limit, -2, 0, 0);
    expect(back.grant).toMatchObject({ granted: 0, remaining: 2 });
    expect(takeGcra(back.fullAt, limit, -9, 0, 0).grant.remaining).toBe(4);
  });

  const limits = fc.record({
    quota: fc.integer({ min: 1, max: 1_000 }),
    windowMs: fc.integer({ min: 1, max: 100_000 }),
    burst: fc.integer({ min: 1, max: 200 }),
  });
  const calls = fc.array(
    fc.record({
      waitMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
      n: fc.integer({ min: 1, max: 20 }),
      min: fc.integer({ min: 1, max: 20 }),
    }),
    { maxLength: 60 },
  );

  test('grants at most burst + rate × span in every span of time', () => {
    fc.assert(
      fc.property(limits, calls, (limit: Limit, asked) => {
        let state: number | undefined;
        let now = 0;
        const grants: { at: number; units: number }[] = [];
        for (const { waitMs, n, min } of asked) {
          now += waitMs;
          const step = takeGcra(state, limit, n, Math.min(n, min), now);
          if (step.grant.granted === 0) continue;
          state = step.fullAt;
          grants.push({ at: now, units: step.grant.granted });
        }
        for (const [first, { at: start }] of grants.entries()) {
          let units = 0;
          for (const { at, units: more } of grants.slice(first)) {
            units += more;
            const bound = limit.burst + ((at - start) * limit.quota) / limit.windowMs;
            expect(units).toBeLessThanOrEqual(bound + 1e-3);
          }
        }
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  test('refuses only what cannot be had before retryMs, and grants it then', () => {
    fc.assert(
      fc.property(limits, calls, (limit: Limit, asked) => {
        let state: number | undefined;
        let now = 0;
        for (const { waitMs, n } of asked) {
          now += waitMs;
          const step = takeGcra(state, limit, n, n, now);
          const { granted, retryMs } = step.grant;
          if (granted > 0) {
            state = step.fullAt;
          } else if (retryMs === Number.POSITIVE_INFINITY) {
            expect(n).toBeGreaterThan(limit.burst);
          } else {
            expect(takeGcra(state, limit, n, n, now + retryMs).grant.granted).toBe(n);
            const unitMs = limit.windowMs / limit.quota;
            const early = now + retryMs - unitMs / 100;
            expect(takeGcra(state, limit, n, n, early).grant.granted).toBe(0);
          }
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
