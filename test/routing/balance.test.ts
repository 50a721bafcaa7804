import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outcomeOfResponse } from '../../src/core/outcome.ts';
import {
  type BalancePolicy,
  type Candidate,
  createPicker,
  pickOfTwo,
  weightUnderLoad,
} from '../../src/routing/balance.ts';
import { loadOf, unknownLatency, withLatency } from '../../src/routing/peak-ewma.ts';
import vectors from '../vectors/load-balancing.json' with { type: 'json' };

function candidate(index: number, more: Partial<Candidate> = {}): Candidate {
  const endpoint = { url: `http://${index}.test`, service: 'users', version: '' };
  return { endpoint, weight: 1, active: 0, isHealthy: true, ...more };
}

const candidates = (count: number): Candidate[] =>
  Array.from({ length: count }, (_, index) => candidate(index));

/** Numbers in [0, 1) of which `Math.floor(n · random())` makes these draws, the first out of n and the second of n - 1. */
function draws(count: number, wanted: readonly number[]): () => number {
  const left = wanted.map((draw, index) => (draw + 0.5) / (count - index));
  return () => left.shift() ?? Number.NaN;
}

/** How often each of the candidates was picked. */
function tally(
  policy: BalancePolicy,
  all: readonly Candidate[],
  picks: number,
  random: () => number,
) {
  const picker = createPicker(policy, 1, random);
  const counts = new Map(all.map((one) => [one, 0]));
  for (let count = 0; count < picks; count++) {
    const picked = picker.pick(all, 0);
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  return all.map((one) => counts.get(one) ?? 0);
}

/** As good as any for shares, and the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('LB-01: two endpoints are drawn, never the same', () => {
  test.each(vectors.p2c.cases)('of $n by $rng: $picked', ({ n, rng, picked }) => {
    const all = candidates(n);
    const seen = new Set<Candidate>();
    const loadOfNone = (one: Candidate): number => {
      seen.add(one);
      return 0;
    };
    expect(pickOfTwo(all, loadOfNone, draws(n, rng))).toBe(all[picked[0] as number]);
    if (n > 1) expect(seen).toEqual(new Set(picked.map((index) => all[index])));
  });

  test('whatever the draws', () => {
    const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), draw, draw, (count, first, second) => {
        const seen = new Set<Candidate>();
        const numbers = [first, second];
        pickOfTwo(
          candidates(count),
          (one) => seen.add(one).size,
          () => numbers.shift() as number,
        );
        expect(seen.size).toBe(2);
      }),
    );
  });
});

describe('LB-02: healthier beats less loaded, a tie goes to the first', () => {
  test.each(vectors.p2c.choose)('$loads $status', ({ loads, status, rng, winner }) => {
    const all = loads.map((active, index) =>
      candidate(index, { active, isHealthy: status?.[index] !== 'busy' }),
    );
    expect(pickOfTwo(all, ({ active }) => active, draws(2, rng))).toBe(all[winner]);
  });

  test('a healthy one with more load that was drawn first', () => {
    const all = [candidate(0, { active: 9 }), candidate(1, { isHealthy: false })];
    expect(pickOfTwo(all, ({ active }) => active, draws(2, [0, 0]))).toBe(all[0]);
  });
});

describe('LB-03: peak EWMA', () => {
  test.each(vectors.peakEwma.cases)('the vector', ({ steps }) => {
    let latency = unknownLatency;
    for (const { t, rttMs, cost } of steps) {
      latency = withLatency(latency, rttMs, t);
      expect(Math.abs(latency.cost - cost)).toBeLessThan(vectors.peakEwma.tolerance);
    }
  });

  test('an endpoint that has answered nothing yet has no load, and a heavy one once it has a request', () => {
    expect(loadOf(unknownLatency, 0, 0)).toBe(0);
    expect(loadOf(unknownLatency, 2, 0)).toBe(1_002);
  });

  test('an answer that took no time at all, where the clock stands still, is one like any other', () => {
    const atOnce = withLatency(unknownLatency, 0, 5_000);
    expect(atOnce).toEqual({ cost: 0, at: 5_000 });
    expect(withLatency(atOnce, 30, 5_000)).toEqual({ cost: 30, at: 5_000 });
  });

  test('time is counted from the last latency, not from the highest one', () => {
    let latency = withLatency(unknownLatency, 100, 50_000);
    for (const now of [60_000, 70_000]) latency = withLatency(latency, 0, now);
    expect(latency.cost).toBeCloseTo(100 / Math.E ** 2);
    expect(loadOf(latency, 0, 80_000)).toBeCloseTo(100 / Math.E ** 3);
    // A clock that steps back is one that stands still.
    expect(loadOf(latency, 0, 0)).toBeCloseTo(100 / Math.E ** 2);
  });

  test('who has answered nothing yet is picked before who has, as long as it has no request', () => {
    const [fresh, known] = [candidate(0), candidate(1)];
    const picker = createPicker('peak_ewma', 1, () => 0);
    expect(picker.pick([known, fresh], 0)).toBe(known);
    picker.observe?.(known, outcomeOfResponse(new Response()), 10, 0);
    expect(picker.pick([known, fresh], 0)).toBe(fresh);
    expect(picker.pick([known, { ...fresh, active: 1 }], 0)).toBe(known);
  });

  test('who weighs more bears more', () => {
    const [heavy, light] = [candidate(0, { weight: 2 }), candidate(1, { weight: 1 })];
    const picker = createPicker('peak_ewma', 1, () => 0);
    const ok = outcomeOfResponse(new Response());
    picker.observe?.(heavy, ok, 15, 0);
    picker.observe?.(light, ok, 10, 0);
    expect(picker.pick([light, heavy], 0)).toBe(heavy);
  });

  test('looking at the load forgets with time', () => {
    const latency = withLatency(unknownLatency, 100, 0);
    expect(loadOf(latency, 1, 0)).toBe(200);
    expect(loadOf(latency, 1, 10_000)).toBeCloseTo(200 / Math.E);
  });

  test('the slow one and the one that fails fast are passed over; an aborted try says nothing', () => {
    const [fast, slow] = candidates(2) as [Candidate, Candidate];
    const picker = createPicker('peak_ewma', 1, () => 0);
    const ok = outcomeOfResponse(new Response());
    picker.observe?.(fast, ok, 10, 0);
    picker.observe?.(slow, ok, 50, 0);
    expect(picker.pick([slow, fast], 0)).toBe(fast);
    picker.observe?.(slow, { verdict: 'ignored', retryable: false, reason: 'client_closed' }, 0, 0);
    picker.observe?.(
      fast,
      { verdict: 'ignored', retryable: false, reason: 'client_closed' },
      900,
      0,
    );
    expect(picker.pick([slow, fast], 0)).toBe(fast);
    picker.observe?.(fast, outcomeOfResponse(new Response(null, { status: 503 })), 1, 0);
    expect(picker.pick([fast, slow], 0)).toBe(slow);
  });
});

describe('LB-04: a weight under load', () => {
  test.each(vectors.leastRequestWeighted.table)(
    '$weight with $active requests, bias $bias: $effective',
    ({ weight, active, bias, effective }) => {
      expect(weightUnderLoad(weight, active, bias)).toBeCloseTo(effective, 12);
    },
  );

  test('idle endpoints get shares by weight, busy ones less', () => {
    const idle = [candidate(0, { weight: 9 }), candidate(1, { weight: 1 })];
    const [heavy, light] = tally('least_request', idle, 20_000, seeded(1)) as [number, number];
    expect(heavy / (heavy + light)).toBeCloseTo(0.9, 1);
    const busy = [candidate(0, { weight: 9, active: 8 }), candidate(1, { weight: 1 })];
    const [less, more] = tally('least_request', busy, 20_000, seeded(2)) as [number, number];
    expect(less / (less + more)).toBeCloseTo(0.5, 1);
  });
});

describe('the policies', () => {
  test('least_request with equal weights takes the less busy of two', () => {
    const all = [candidate(0, { active: 5 }), candidate(1, { active: 0 })];
    expect(tally('least_request', all, 100, seeded(3))).toEqual([0, 100]);
  });

  test('round_robin takes turns, and spreads weights as evenly as they allow', () => {
    expect(tally('round_robin', candidates(3), 9, seeded(0))).toEqual([3, 3, 3]);
    const all = [candidate(0, { weight: 5 }), candidate(1), candidate(2)];
    const picker = createPicker('round_robin', 1, seeded(0));
    const order = Array.from({ length: 7 }, () => all.indexOf(picker.pick(all, 0)));
    // nginx's own example: a a b a c a a.
    expect(order).toEqual([0, 0, 1, 0, 2, 0, 0]);
  });

  test.each([
    [0, 0],
    [0.249, 0],
    [0.25, 1],
    [0.999, 1],
  ])('LB-10: random at a draw of %d', (draw, index) => {
    const all = [candidate(0, { weight: 1 }), candidate(1, { weight: 3 })];
    expect(createPicker('random', 1, () => draw).pick(all, 0)).toBe(all[index]);
  });

  test('LB-10: random and round_robin give each endpoint its share', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(weights, fc.integer(), (shares, seed) => {
        const all = shares.map((weight, index) => candidate(index, { weight }));
        const sum = shares.reduce((total, weight) => total + weight, 0);
        expect(tally('round_robin', all, sum, seeded(seed))).toEqual(shares);
        const picks = 4_000;
        for (const [index, count] of tally('random', all, picks, seeded(seed)).entries()) {
          const share = (shares[index] as number) / sum;
          // Six standard deviations: once in a billion.
          const bound = 6 * Math.sqrt(picks * share * (1 - share)) + 1;
          expect(Math.abs(count - picks * share)).toBeLessThan(bound);
        }
      }),
      { numRuns: 20 },
    );
  });
});
