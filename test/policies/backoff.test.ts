import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BackoffOptions, backoffDelay } from '../../src/policies/backoff.ts';

const options = (more: Partial<BackoffOptions> = {}): BackoffOptions => ({
  shape: 'exponential',
  baseDelayMs: 100,
  maxDelayMs: 30_000,
  jitter: 'none',
  ...more,
});

const delays = (count: number, more: Partial<BackoffOptions>, random = 0): number[] =>
  Array.from({ length: count }, (_, index) => backoffDelay(index + 1, options(more), () => random));

const anyOptions = fc.record({
  shape: fc.constantFrom('exponential' as const, 'linear' as const, 'constant' as const),
  jitter: fc.constantFrom('full' as const, 'equal' as const, 'none' as const),
  baseDelayMs: fc.nat({ max: 86_400_000 }),
  maxDelayMs: fc.nat({ max: 2 ** 31 }),
});
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoffDelay', () => {
  test('BO-01: base 5, at most 100, with the highest random number: Envoy', () => {
    const computed = delays(7, { baseDelayMs: 5, maxDelayMs: 100, jitter: 'full' }, 0.9999);
    expect(computed.map(Math.floor)).toEqual([4, 9, 19, 39, 79, 99, 99]);
  });

  test('BO-02: 128 ms doubling to 30 s: cockatiel', () => {
    expect(delays(11, { baseDelayMs: 128 })).toEqual([
      128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 30_000, 30_000, 30_000,
    ]);
  });

  test.each([
    ['exponential', [1_000, 2_000, 4_000, 8_000]],
    ['linear', [1_000, 2_000, 3_000, 4_000]],
    ['constant', [1_000, 1_000, 1_000, 1_000]],
  ] as const)('%s grows as Polly has it', (shape, expected) => {
    expect(delays(4, { shape, baseDelayMs: 1_000 })).toEqual(expected);
  });

  test('full jitter spreads over the whole delay, equal jitter over its upper half: AWS', () => {
    const aws = { baseDelayMs: 10, maxDelayMs: 2_000 };
    for (const [retry, full, equal] of [
      [1, 2.5, 6.25],
      [2, 5, 12.5],
      [3, 10, 25],
      [9, 500, 1_250],
      [20, 500, 1_250],
    ] as const) {
      const random = () => 0.25;
      expect(backoffDelay(retry, options({ ...aws, jitter: 'full' }), random)).toBe(full);
      expect(backoffDelay(retry, options({ ...aws, jitter: 'equal' }), random)).toBe(equal);
    }
  });

  test('BO-03: no delay is longer than the cap, nor than the delay before jitter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), anyOptions, anyRandom, (retry, any, random) => {
        const delay = backoffDelay(retry, any, () => random);
        const before = backoffDelay(retry, { ...any, jitter: 'none' }, () => random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(before);
        expect(before).toBeLessThanOrEqual(Math.min(any.maxDelayMs, any.baseDelayMs * 2 ** retry));
      }),
    );
  });

  test('BO-04: thousands of retries on, the delay is the cap and a number', () => {
    expect(
      backoffDelay(1_000, options({ baseDelayMs: 86_400_000, maxDelayMs: 172_800_000 }), () => 0),
    ).toBe(172_800_000);
    for (let retry = 1; retry <= 3_000; retry++) {
      for (const jitter of ['full', 'equal', 'none'] as const) {
        const delay = backoffDelay(retry, options({ jitter }), () => 0.5);
        expect(Number.isFinite(delay) && delay >= 0 && delay <= 30_000).toBe(true);
      }
    }
  });

  test('BO-05: a base of 0 is always 0', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        anyOptions,
        anyRandom,
        (retry, any, random) => {
          expect(backoffDelay(retry, { ...any, baseDelayMs: 0 }, () => random)).toBe(0);
        },
      ),
    );
    expect(backoffDelay(2_000, options({ baseDelayMs: 0 }), () => 0)).toBe(0);
  });

  test('BO-06: asks the random source once for each delay', () => {
    for (const jitter of ['full', 'equal', 'none'] as const) {
      let asked = 0;
      backoffDelay(1, options({ jitter }), () => {
        asked += 1;
        return 0;
      });
      expect(asked).toBe(1);
    }
  });
});
