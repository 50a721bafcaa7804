import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { outcomeOfError, outcomeOfResponse } from '../../src/core/outcome.ts';
import {
  afterOutcome,
  ejected,
  ejectionMs,
  goodStanding,
  groundsFor,
  mayEject,
  type Standing,
  sweep,
} from '../../src/routing/outlier.ts';
import { type OutlierOptions, outlierSettings } from '../../src/routing/outlier-options.ts';
import { connectionReset } from '../support/upstream.ts';
import vectors from '../vectors/outlier.json' with { type: 'json' };

const settingsOf = (options: OutlierOptions = {}) => outlierSettings('outlier', options);
const answer = (status: number): Outcome => outcomeOfResponse(new Response(null, { status }));
const broken = outcomeOfError(connectionReset(), undefined);

/** What becomes of an endpoint after these outcomes. */
function standingAfter(outcomes: readonly Outcome[], options?: OutlierOptions): Standing {
  const settings = settingsOf(options);
  return outcomes.reduce((standing, one) => afterOutcome(standing, one, settings), goodStanding);
}

const groundsAfter = (outcomes: readonly Outcome[], options?: OutlierOptions) =>
  groundsFor(standingAfter(outcomes, options), settingsOf(options));

/** An endpoint that answered so many requests in this interval, and so many of them well. */
const counted = (requests: number, successes: number): Standing => {
  return { ...goodStanding, requests, successes };
};

test.each<OutlierOptions>([
  { failures: 5, gatewayFailures: 5 },
  { failures: 0, gatewayFailures: 3, localFailures: 3 },
  { failures: 1, gatewayFailures: 0, localFailures: 1 },
  { failures: 0, successRate: {} },
  { failures: 0, failureRate: { minEndpoints: 2, minRequests: 1, threshold: 1 } },
  { successRate: { minEndpoints: 2, minRequests: 1, deviations: 0.1 } },
  { ejectFor: '30s', maxEjectFor: '30s' },
  { maxEjected: 1 },
])('%j is something to go by', (options) => {
  expect(() => settingsOf(options)).not.toThrow();
});

describe('failures in a row', () => {
  test('OD-01: five eject', () => {
    const { steps } = vectors.consecutive5xx;
    for (const [index, { ejected }] of steps.entries()) {
      const outcomes = steps.slice(0, index + 1).map(({ status }) => answer(status));
      expect(groundsAfter(outcomes)).toBe(ejected ? 'consecutive_5xx' : undefined);
    }
  });

  test('OD-01: a 2xx or 4xx in between begins anew', () => {
    expect(groundsAfter(vectors.consecutive5xx.reset.map(({ status }) => answer(status)))).toBe(
      undefined,
    );
    expect(standingAfter([answer(500), answer(404)]).failures).toBe(0);
  });

  test('OD-02: what brought no answer counts too', () => {
    expect(groundsAfter(Array(5).fill(broken))).toBe('consecutive_5xx');
  });

  test('OD-02: unless it is counted apart', () => {
    const options = { localFailures: 3 };
    expect(groundsAfter(Array(3).fill(broken), options)).toBe('consecutive_local_origin_failure');
    expect(standingAfter(Array(3).fill(broken), options).failures).toBe(0);
    // An answer of any kind shows that the way there is open.
    expect(standingAfter([broken, broken, answer(500)], options).localFailures).toBe(0);
    expect(groundsAfter(Array(2).fill(broken), options)).toBeUndefined();
    expect(groundsAfter([broken], { localFailures: 1 })).toBe('consecutive_local_origin_failure');
  });

  test.each([
    ['a 500', [answer(500)]],
    ['a 503', [answer(503)]],
    ['no answer', [broken]],
    ['a 500 and no answer', [answer(500), broken]],
    ['no answer and a 500', [broken, answer(500)]],
  ])('OD-01: after %s, an answer that is well leaves nothing of any kind', (_, failures) => {
    const before = { ...goodStanding, ejections: 2 };
    for (const options of [{}, { localFailures: 9 }, { gatewayFailures: 9 }]) {
      const settings = settingsOf(options);
      const standing = [...failures, answer(200)].reduce(
        (standing, one) => afterOutcome(standing, one, settings),
        before,
      );
      expect(standing).toEqual(before);
    }
  });

  test('OD-01: go on being counted in the next interval', () => {
    const settings = settingsOf();
    const four = standingAfter(Array(4).fill(answer(500)));
    const [swept] = sweep([four], 0, 1, settings).standings as [Standing];
    expect(groundsFor(afterOutcome(swept, answer(500), settings), settings)).toBe(
      'consecutive_5xx',
    );
  });

  test.each(vectors.gatewayErrors)('a %i is a gateway failure, a 500 is not', (status) => {
    const options = { failures: 0, gatewayFailures: 2 };
    expect(groundsAfter([answer(status), answer(status)], options)).toBe(
      'consecutive_gateway_failure',
    );
    expect(groundsAfter([answer(status), answer(500), answer(status)], options)).toBeUndefined();
  });

  test('OD-02: no answer is a gateway failure, unless it is counted apart', () => {
    const options = { failures: 0, gatewayFailures: 2 };
    expect(groundsAfter([answer(502), broken], options)).toBe('consecutive_gateway_failure');
    expect(groundsAfter([answer(502), broken], { ...options, localFailures: 5 })).toBeUndefined();
  });

  test('HG-08: what the caller gave up says nothing', () => {
    const left = outcomeOfError(new Error('left'), AbortSignal.abort());
    expect(standingAfter([answer(500), left])).toEqual(standingAfter([answer(500)]));
  });

  test('an endpoint that is well costs no memory where nothing is compared', () => {
    const settings = settingsOf();
    expect(afterOutcome(goodStanding, answer(200), settings)).toBe(goodStanding);
  });
});

describe('OD-03: the time of an ejection', () => {
  test.each(vectors.ejectionTime.table)(
    '$baseMs ms · $multiplier, at most $maxMs: $ejectedForMs',
    ({ baseMs: ejectForMs, maxMs: maxEjectForMs, multiplier, ejectedForMs }) => {
      expect(ejectionMs(multiplier, { ejectForMs, maxEjectForMs })).toBe(ejectedForMs);
    },
  );

  test('grows with each ejection up to the longest, and shrinks with each interval that goes well', () => {
    const settings = settingsOf({ ejectFor: '100s', maxEjectFor: '250s' });
    let standing = goodStanding;
    for (let count = 0; count < 9; count++) standing = ejected(standing, 0, settings);
    // 3 · 100 s is beyond the longest already: more would only have to be worked off.
    expect(standing.ejections).toBe(3);
    const back = sweep([standing], 0, 25, settings).standings[0] as Standing;
    expect(back.ejectedAt).toBeUndefined();
    expect(back.ejections).toBe(3);
    expect(sweep([back], 250_000, 2, settings).standings[0]?.ejections).toBe(1);
    expect(sweep([back], 250_000, 9, settings).standings[0]?.ejections).toBe(0);
  });
});

describe('how many may be left out', () => {
  test('OD-04: a tenth, but always one', () => {
    expect(mayEject(0, 4, 0.1)).toBe(true);
    expect(mayEject(1, 4, 0.1)).toBe(false);
    expect(mayEject(1, 20, 0.1)).toBe(true);
    expect(mayEject(2, 20, 0.1)).toBe(false);
  });

  test('OD-10: never the only one, nor the last one', () => {
    expect(mayEject(0, 1, 1)).toBe(false);
    expect(mayEject(2, 3, 1)).toBe(false);
  });
});

describe('comparing', () => {
  const { deviations, minEndpoints, minRequests } = {
    deviations: vectors.successRate.defaults.stdevFactor,
    minEndpoints: vectors.successRate.defaults.minimumHosts,
    minRequests: vectors.successRate.defaults.requestVolume,
  };

  test.each(vectors.successRate.cases)('OD-05: success rates of $hosts', (vector) => {
    const standings = vector.hosts.map(([total, good]) => counted(total as number, good as number));
    const settings = settingsOf({ successRate: { deviations, minEndpoints, minRequests } });
    const { ejections } = sweep(standings, 0, 1, settings);
    expect(ejections).toEqual(vector.ejected.map((index) => [index, 'success_rate']));
  });

  /** Who is ejected where so many of a hundred requests went well. */
  function ejectedOf(successes: readonly number[], options: OutlierOptions): number[] {
    const standings = successes.map((count) => counted(100, count));
    return sweep(standings, 0, 1, settingsOf(options)).ejections.map(([index]) => index);
  }

  test.each<OutlierOptions>([
    { successRate: {} },
    { failureRate: {} },
    { successRate: {}, failureRate: {} },
  ])('OD-05, OD-06: with %j every request counts', (options) => {
    const left = outcomeOfError(new Error('left'), AbortSignal.abort());
    const outcomes = [answer(200), answer(404), answer(500), left, broken, answer(200)];
    expect(standingAfter(outcomes, options)).toMatchObject({ requests: 5, successes: 3 });
    // Apart is apart.
    expect(standingAfter(outcomes, { ...options, localFailures: 9 })).toMatchObject({
      requests: 4,
      successes: 3,
    });
  });

  test('OD-05: who does as well as all the others stays, however badly they all do', () => {
    expect(ejectedOf([30, 30, 30, 30, 30], { successRate: {} })).toEqual([]);
  });

  test('OD-05: shares are compared, not numbers', () => {
    const standings = [...Array(4).fill(counted(1_000, 1_000)), counted(100, 100)] as Standing[];
    expect(sweep(standings, 0, 1, settingsOf({ successRate: {} })).ejections).toEqual([]);
  });

  test.each([
    [0.05, [3, 4]],
    [1, [4]],
    [1.9, [4]],
    [2, []],
    [3, []],
  ])('OD-05: %d standard deviations below the average are too far', (deviations, out) => {
    // On average 82 with a standard deviation of 27.
    const successes = [100, 100, 100, 80, 30];
    expect(ejectedOf(successes, { successRate: { deviations }, maxEjected: 1 })).toEqual(out);
  });

  test.each([5, 6])('OD-05, OD-06: among five endpoints that %d be needed', (minEndpoints) => {
    const successes = [100, 100, 100, 100, 0];
    const out = minEndpoints === 5 ? [4] : [];
    expect(ejectedOf(successes, { successRate: { minEndpoints } })).toEqual(out);
    expect(ejectedOf(successes, { failureRate: { minEndpoints } })).toEqual(out);
  });

  test('OD-08: what an endpoint did before it was ejected is compared with nothing', () => {
    const settings = settingsOf({ successRate: {}, failureRate: {}, maxEjected: 1 });
    const out = ejected(counted(100, 0), 9_000, settings);
    const others = [counted(100, 100), counted(100, 100), counted(100, 100)];
    // Of those that are in, there are four.
    expect(sweep([...others, counted(100, 0), out], 0, 1, settings).ejections).toEqual([]);
  });

  test('OD-03: what is found out in a sweep lasts from then on, and longer each time', () => {
    const settings = settingsOf({ failureRate: {} });
    const others = Array(4).fill(counted(100, 100)) as Standing[];
    const bad = { ...counted(100, 0), ejections: 3 };
    // Two intervals have passed: the good conduct of both is forgiven first.
    const [standing] = sweep([bad, ...others], 10_000, 2, settings).standings;
    expect(standing).toMatchObject({ ejectedAt: 30_000, ejections: 2 });
  });

  test('OD-04: rates eject no more than the share, those who are out already counted', () => {
    const settings = settingsOf({ failureRate: { minEndpoints: 2 }, maxEjected: 0.5 });
    const bad = counted(100, 0);
    const out = (standings: readonly Standing[]): number[] =>
      sweep(standings, 0, 1, settings).ejections.map(([index]) => index);
    expect(out(Array(6).fill(bad))).toEqual([0, 1, 2]);
    const gone = ejected(bad, 9_000, settings);
    expect(out([bad, bad, bad, bad, gone, gone])).toEqual([0]);
    expect(out([bad, bad, bad, gone, gone, gone])).toEqual([]);
  });

  test('who is bad in both ways is ejected once', () => {
    const settings = settingsOf({ successRate: {}, failureRate: {}, maxEjected: 1 });
    const standings = [counted(100, 0), ...Array(4).fill(counted(100, 100))] as Standing[];
    const swept = sweep(standings, 0, 1, settings);
    expect(swept.ejections).toEqual([[0, 'success_rate']]);
    expect(swept.standings[0]?.ejections).toBe(1);
  });

  test('the defaults are those of Envoy', () => {
    expect(settingsOf({ successRate: {}, failureRate: {} })).toMatchObject({
      successRate: { deviations, minEndpoints, minRequests },
      failureRate: { threshold: vectors.failurePercentage.defaults.threshold / 100 },
      maxEjected: vectors.maxEjectionPercent.default / 100,
      ejectForMs: vectors.ejectionTime.defaults.baseMs,
      maxEjectForMs: vectors.ejectionTime.defaults.maxMs,
      intervalMs: vectors.successRate.defaults.intervalMs,
    });
  });

  test('OD-06: 85 % of failures eject, less do not', () => {
    const others = Array(4).fill(counted(100, 100)) as Standing[];
    const settings = settingsOf({ failureRate: {} });
    const sweptWith = (one: Standing) => sweep([one, ...others], 0, 1, settings).ejections;
    expect(sweptWith(counted(100, 15))).toEqual([[0, 'failure_percentage']]);
    expect(sweptWith(counted(100, 16))).toEqual([]);
    expect(sweptWith(counted(50, 0))).toEqual([[0, 'failure_percentage']]);
    expect(sweptWith(counted(49, 0))).toEqual([]);
    expect(sweep([counted(50, 0), ...others.slice(1)], 0, 1, settings).ejections).toEqual([]);
  });

  test('each interval is counted by itself', () => {
    const settings = settingsOf({ failureRate: {} });
    const [some, one] = sweep([counted(10, 5), counted(1, 1)], 0, 1, settings).standings;
    expect(some).toEqual(goodStanding);
    expect(one).toEqual(goodStanding);
  });
});

describe('coming back', () => {
  test('OD-08: with everything counted anew; what came late from it counted for nothing', () => {
    const settings = settingsOf();
    const out = ejected(standingAfter(Array(5).fill(answer(500))), 0, settings);
    expect(afterOutcome(out, answer(500), settings)).toBe(out);
    expect(afterOutcome(out, answer(200), settings)).toBe(out);
    const [back] = sweep([out], 0, 3, settings).standings;
    expect(back).toEqual({ ...goodStanding, ejections: 1 });
  });

  test('OD-09: at the first sweep after its time, not before', () => {
    const settings = settingsOf();
    const out = ejected(goodStanding, 5_000, settings);
    expect(sweep([out], 0, 3, settings).standings).toEqual([out]);
    const [back] = sweep([out], 0, 4, settings).standings;
    expect(back).toEqual({ ...goodStanding, ejections: 1 });
  });

  test('OD-09: intervals that passed without a request are made up for as if each had been swept', () => {
    const settings = settingsOf({ successRate: {}, maxEjected: 1 });
    const standing = fc.record({
      ejections: fc.integer({ min: 0, max: 12 }),
      ejectedAt: fc.option(fc.integer({ min: -400_000, max: 10_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(standing, { maxLength: 8 }),
        fc.integer({ min: 1, max: 60 }),
        (some, intervals) => {
          const before = some.map((one): Standing => {
            // Who is out has been ejected once at least.
            const ejections = one.ejectedAt === undefined ? one.ejections : one.ejections + 1;
            return { ...goodStanding, ...one, ejections };
          });
          let stepwise: readonly Standing[] = before;
          for (let count = 0; count < intervals; count++) {
            stepwise = sweep(stepwise, count * settings.intervalMs, 1, settings).standings;
          }
          expect(sweep(before, 0, intervals, settings).standings).toEqual(stepwise);
        },
      ),
    );
  });

  test('never are more left out than may be, whatever happens', () => {
    const event = fc.record({
      host: fc.nat(9),
      status: fc.constantFrom(200, 500, 503),
      passMs: fc.nat(20_000),
    });
    const settings = settingsOf({ failures: 2, maxEjected: 0.3 });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        let hosts: readonly Standing[] = Array(10).fill(goodStanding);
        let sweptAt = 0;
        let now = 0;
        for (const { host, status, passMs } of events) {
          now += passMs;
          const intervals = Math.floor((now - sweptAt) / settings.intervalMs);
          if (intervals > 0) {
            hosts = sweep(hosts, sweptAt, intervals, settings).standings;
            sweptAt += intervals * settings.intervalMs;
          }
          let standing = afterOutcome(hosts[host] as Standing, answer(status), settings);
          const out = hosts.filter(({ ejectedAt }) => ejectedAt !== undefined).length;
          const isOut = standing.ejectedAt !== undefined;
          if (!isOut && groundsFor(standing, settings) && mayEject(out, 10, settings.maxEjected)) {
            standing = ejected(standing, now, settings);
          }
          hosts = hosts.with(host, standing);
          expect(
            hosts.filter(({ ejectedAt }) => ejectedAt !== undefined).length,
          ).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});
