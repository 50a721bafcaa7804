import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BackoffOptions, backoffDelay } from '../../src/policies/backoff.ts';
import vectors from '../vectors/backoff.json' with { type: 'json' };

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
  jitter: fc.constantFrom('full', 'equal', 'none' as BackoffOptions['jitter']),
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

  describe('the vectors', () => {
    const { generators, zeroBaseIsAlwaysZero, overflow } = vectors.deterministic;
    interface Params {
      readonly initialMs?: number;
      readonly factor?: number;
      readonly maxMs?: number | null;
      readonly delayMs?: number;
      readonly delaysMs?: readonly number[];
    }
    /** What is offered of each generator: r4j's factor of 1.5, cut to whole numbers step by step, is a custom backoff. */
    const shapes: Record<string, (params: Params) => BackoffOptions['shape']> = {
      exponential: () => 'exponential',
      constant: () => 'constant',
      linear: () => 'linear',
      iterable:
        ({ delaysMs = [] }) =>
        (retry) =>
          delaysMs[Math.min(retry, delaysMs.length) - 1] as number,
      'exponential-trunc-each-step':
        ({ initialMs = 0, factor = 0 }) =>
        (_, previousMs) =>
          previousMs === 0 ? initialMs : Math.trunc(previousMs * factor),
    };

    test.each(generators)('BO-02: $algo of $source', ({ algo, params, expect: expected }) => {
      const given = params as Params;
      const shape = shapes[algo]?.(given);
      expect(shape).toBeDefined();
      expect(given.factor === undefined || given.factor === 2 || typeof shape === 'function').toBe(
        true,
      );
      const some = options({
        shape: shape as BackoffOptions['shape'],
        baseDelayMs: given.initialMs ?? given.delayMs ?? 0,
        maxDelayMs: given.maxMs ?? Number.POSITIVE_INFINITY,
      });
      let previousMs = 0;
      const computed = expected.map((_, index) => {
        previousMs = backoffDelay(index + 1, some, () => 0, previousMs);
        return previousMs;
      });
      expect(computed).toEqual(expected);
    });

    test('BO-05: a base of 0 is 0 for all generators', () => {
      for (const shape of zeroBaseIsAlwaysZero.types as BackoffOptions['shape'][]) {
        expect(backoffDelay(3, options({ shape, baseDelayMs: 0 }), () => 0.9)).toBe(0);
      }
    });

    test('BO-04: overflow is the cap', () => {
      const [{ params, attempt, expect: expected }] = overflow as [(typeof overflow)[0]];
      const some = options({ baseDelayMs: params.initialMs, maxDelayMs: params.maxMs });
      expect(backoffDelay(attempt as number, some, () => 0)).toBe(expected);
    });

    const jitters = new Map(vectors.jitter.map((jitter) => [jitter.algo, jitter]));

    test.each([
      ['full-jitter', 'full'],
      ['equal-jitter', 'equal'],
    ] as const)('%s', (algo, jitter) => {
      const { params, cases } = jitters.get(algo) as unknown as {
        params: { base: number; cap: number };
        cases: { n: number; u: number; expect: number }[];
      };
      expect(cases.length).toBeGreaterThan(9);
      for (const { n, u, expect: expected } of cases) {
        // The simulator of AWS counts from 1 what it doubles: its first delay is twice the base.
        const some = options({ baseDelayMs: 2 * params.base, maxDelayMs: params.cap, jitter });
        expect(backoffDelay(n, some, () => u)).toBeCloseTo(expected, 6);
      }
    });

    test('decorrelated jitter', () => {
      const { params, sequences } = jitters.get('decorrelated-aws') as unknown as {
        params: { base: number; cap: number };
        sequences: { u: number[]; expect: number[] }[];
      };
      const some = options({
        baseDelayMs: params.base,
        maxDelayMs: params.cap,
        jitter: 'decorrelated',
      });
      expect(sequences.length).toBeGreaterThan(2);
      for (const { u, expect: expected } of sequences) {
        let previousMs = 0;
        const computed = u.map((drawn, index) => {
          previousMs = backoffDelay(index + 1, some, () => drawn, previousMs);
          return previousMs;
        });
        expect(computed).toEqual(expected);
      }
    });

    test('BO-01: the intervals of Envoy', () => {
      const { sequences } = jitters.get('envoy-full-jitter') as unknown as {
        sequences: {
          params: { baseMs: number; maxMs: number };
          random: number;
          intervals: number[];
          expect: number[];
        }[];
      };
      for (const { params, random, intervals, expect: expected } of sequences) {
        const more = { baseDelayMs: params.baseMs, maxDelayMs: params.maxMs };
        expect(delays(intervals.length, more)).toEqual(intervals);
        // Its random number is a whole one, of which it takes the remainder.
        const drawn = intervals.map((interval, index) => {
          const some = options({ ...more, jitter: 'full' });
          return backoffDelay(index + 1, some, () => (random % interval) / interval);
        });
        expect(drawn.map(Math.round)).toEqual(expected);
      }
    });
  });

  test('BO-03: a decorrelated delay lies between the base and the cap', () => {
    const drawn = fc.array(anyRandom, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(anyOptions, drawn, (any, drawn) => {
        const some: BackoffOptions = { ...any, shape: 'exponential', jitter: 'decorrelated' };
        let previousMs = 0;
        for (const [index, chance] of drawn.entries()) {
          const delay = backoffDelay(index + 1, some, () => chance, previousMs);
          expect(delay).toBeGreaterThanOrEqual(Math.min(any.baseDelayMs, any.maxDelayMs));
          expect(delay).toBeLessThanOrEqual(any.maxDelayMs);
          expect(delay).toBeLessThanOrEqual(3 * Math.max(previousMs, any.baseDelayMs));
          previousMs = delay;
        }
      }),
    );
  });

  test.each([Number.NaN, -1, Number.NEGATIVE_INFINITY, undefined])(
    'BO-07: a custom jitter that returns %s is no jitter, a custom backoff that does is the base',
    (wrong) => {
      const broken = () => wrong as number;
      expect(backoffDelay(2, options({ jitter: broken }), () => 0)).toBe(200);
      expect(backoffDelay(2, options({ shape: broken }), () => 0)).toBe(100);
    },
  );

  test('BO-07: what is one’s own may say at once', () => {
    expect(backoffDelay(2, options({ jitter: () => 0 }), () => 0)).toBe(0);
    expect(backoffDelay(2, options({ shape: () => 0 }), () => 0)).toBe(0);
  });

  test('BO-03: the cap holds for what is one’s own, too', () => {
    const endless = () => Number.POSITIVE_INFINITY;
    expect(backoffDelay(2, options({ jitter: endless }), () => 0)).toBe(30_000);
    expect(backoffDelay(2, options({ shape: endless }), () => 0)).toBe(30_000);
    const uncapped = options({ shape: endless, maxDelayMs: Number.POSITIVE_INFINITY });
    expect(backoffDelay(2, uncapped, () => 0)).toBe(2_147_483_647);
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
      for (const jitter of ['full', 'equal', 'decorrelated', 'none'] as const) {
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
    for (const jitter of ['full', 'equal', 'decorrelated', 'none'] as const) {
      let asked = 0;
      backoffDelay(1, options({ jitter }), () => {
        asked += 1;
        return 0;
      });
      expect(asked).toBe(1);
    }
  });
});
