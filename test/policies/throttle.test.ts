import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compose, describe as describeChain } from '../../src/core/chain.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { outbound } from '../../src/core/outbound.ts';
import { reject, rejectionOf } from '../../src/core/rejection.ts';
import { rejectionShare, type ThrottleOptions, throttle } from '../../src/policies/throttle.ts';
import { type Answer, connectionReset, stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';
import vectors from '../vectors/adaptive-throttle.json' with { type: 'json' };

const url = 'http://shop.example/';

/** Calls one after the other; what was thrown back is given as reason. */
function shopOf(answers: readonly Answer[], options: ThrottleOptions = {}) {
  const clock = new VirtualClock();
  const fetch = upstream(...answers);
  const through = outbound(fetch, throttle({ clock, random: () => 0, ...options }));
  const call = async (init?: RequestInit): Promise<string> => {
    const response = await through(url, init);
    return rejectionOf(response)?.reason ?? String(response.status);
  };
  return { call, clock, fetch };
}

describe('AT-01 the share that is held back', () => {
  test.each(vectors.googleSre.table)(
    'SRE book: $requests requests, $accepts accepts, K = $K',
    ({ requests, accepts, K, p }) => {
      expect(rejectionShare(requests, accepts, K)).toBeCloseTo(p, 12);
    },
  );

  // Envoy's and failsafe-go's formulas are the same with K = 1 / threshold, up to a limit.
  test.each(vectors.envoyAdmissionControl.table.filter(({ aggression }) => aggression === 1))(
    'Envoy: $success of $total succeed, threshold $threshold',
    ({ total, success, threshold, p }) => {
      const { maxRejectionProbability } = vectors.envoyAdmissionControl.defaults;
      const share = Math.min(
        maxRejectionProbability,
        rejectionShare(total, success, 1 / threshold),
      );
      expect(share).toBeCloseTo(p, 12);
    },
  );

  test.each(vectors.failsafe.table)('failsafe-go: $successes of $executions succeed', (vector) => {
    const { executions, successes, successRateThreshold, maxRejectionRate } = vector;
    const share = Math.min(
      maxRejectionRate,
      rejectionShare(executions, successes, 1 / successRateThreshold),
    );
    const { expect: wanted, expectRange: [low = wanted, high = wanted] = [] } = vector as {
      expect?: number;
      expectRange?: number[];
    };
    expect(share).toBeGreaterThanOrEqual((low as number) - 1e-12);
    expect(share).toBeLessThanOrEqual((high as number) + 1e-12);
  });

  test('is never negative, never 1, and grows with the requests that were not accepted', () => {
    const count = fc.nat(10_000);
    fc.assert(
      fc.property(count, count, fc.double({ min: 1, max: 10, noNaN: true }), (a, b, multiplier) => {
        const [accepts, requests] = a < b ? [a, b] : [b, a];
        const share = rejectionShare(requests, accepts, multiplier);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThan(1);
        expect(rejectionShare(requests + 1, accepts, multiplier)).toBeGreaterThanOrEqual(share);
      }),
    );
  });
});

describe('throttle', () => {
  test('AT-02 holds nothing back before there are enough requests', async () => {
    const { call, fetch } = shopOf([status(503)]);
    for (let request = 0; request < 10; request++) expect(await call()).toBe('503');
    expect(await call()).toBe('throttled');
    expect(fetch.calls).toHaveLength(10);
  });

  test('answers 503, and says so', async () => {
    const events: PolicyEvent[] = [];
    const listening = compose(
      (next) => (request, context) =>
        next(
          request,
          context.with(eventListener, (event) => events.push(event)),
        ),
      throttle({ minRequests: 1, random: () => 0 }),
    );
    const shop = outbound(upstream(status(503)), listening);
    await shop(url);
    const response = await shop(url);
    expect(response.status).toBe(503);
    expect(rejectionOf(response)).toMatchObject({ flag: 'OM', blame: 'policy' });
    expect(await response.json()).toMatchObject({
      detail: 'The upstream is overloaded; the request was not sent.',
    });
    expect(events).toEqual([{ name: 'throttled', attributes: { share: 0.5 } }]);
  });

  test('AT-03 requests count when they are made: an upstream that stalls is noticed', async () => {
    const { call, fetch } = shopOf([stalled]);
    const caller = new AbortController();
    const calls = Array.from({ length: 11 }, () => call({ signal: caller.signal }));
    expect(await calls.at(-1)).toBe('throttled');
    expect(fetch.calls).toHaveLength(10);
    caller.abort();
    await Promise.allSettled(calls);
  });

  test('AT-04 those held back count as requests: the share grows while nothing is sent', async () => {
    const shares: unknown[] = [];
    const listening = compose(
      (next) => (request, context) =>
        next(
          request,
          context.with(eventListener, ({ attributes }) => shares.push(attributes['share'])),
        ),
      throttle({ minRequests: 1, random: () => 0 }),
    );
    const fetch = upstream(status(503));
    const shop = outbound(fetch, listening);
    for (let calls = 0; calls < 4; calls++) await shop(url);
    expect(fetch.calls).toHaveLength(1);
    expect(shares).toEqual([0.5, 0.667, 0.75]);
  });

  test('AT-04 those held back count as requests, and yet some always go on', async () => {
    let draw = 0;
    const { call, fetch } = shopOf([status(503)], { random: () => (draw++ % 100) / 100 });
    for (let request = 0; request < 10_010; request++) await call();
    // A tenth: the share does not grow beyond 0.9.
    expect(fetch.calls.length).toBeGreaterThanOrEqual(1_000);
    expect(fetch.calls.length).toBeLessThan(1_050);
  });

  test.each<[string, Answer, 'accepted' | 'not accepted']>([
    ['200', status(200), 'accepted'],
    ['404', status(404), 'accepted'],
    ['501', status(501), 'accepted'],
    ['429', status(429), 'not accepted'],
    ['503', status(503), 'not accepted'],
    ['500', status(500), 'not accepted'],
    ['a timeout', () => reject('timeout'), 'not accepted'],
    ['a network failure', connectionReset(), 'not accepted'],
  ])('AT-05 %s is %s', async (_, answer, wanted) => {
    const { call } = shopOf([answer], { minRequests: 1 });
    await call().catch(() => {});
    expect((await call().catch(() => 'failed')) === 'throttled').toBe(wanted === 'not accepted');
  });

  test('AT-05 what a policy answered, or the caller gave up, does not count', async () => {
    const { call } = shopOf([() => reject('bulkhead_full'), stalled, status(200)], {
      minRequests: 1,
    });
    expect(await call()).toBe('bulkhead_full');
    const caller = new AbortController();
    const left = call({ signal: caller.signal });
    await settled();
    caller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    expect(await call()).toBe('200');
  });

  test('AT-06 holds nothing back any more two windows after requests succeed again', async () => {
    let isUp = false;
    let draw = 0;
    const { call, clock } = shopOf([() => new Response(null, { status: isUp ? 200 : 503 })], {
      // Spread evenly, whatever the share is.
      random: () => (draw++ * 0.618034) % 1,
    });
    for (let second = 0; second < 30; second++) {
      for (let request = 0; request < 10; request++) await call();
      await clock.advance(1_000);
    }
    isUp = true;
    for (let second = 0; second < 60; second++) {
      for (let request = 0; request < 10; request++) await call();
      await clock.advance(1_000);
    }
    for (let request = 0; request < 100; request++) expect(await call()).toBe('200');
  });

  test('AT-02 a request counts for as long as the window, by tenths, and no longer', async () => {
    const { call, clock } = shopOf([status(503)], { minRequests: 5, window: '10s' });
    for (let request = 0; request < 5; request++) {
      expect(await call()).toBe('503');
      await clock.advance(request === 4 ? 8_998 : 0);
    }
    // In the last tenth of the window.
    await clock.advance(1_001);
    expect(await call()).toBe('throttled');
    await clock.advance(1);
    // Of the six requests in the window that one is left.
    expect(await call()).toBe('503');
  });

  test('AT-02 a tenth of the window is forgotten as a whole', async () => {
    const { call, clock } = shopOf([status(503)], { minRequests: 2, window: '10s' });
    await call();
    await clock.advance(950);
    await call();
    // The first one of the second tenth.
    await clock.advance(100);
    await call();
    await clock.advance(8_950);
    expect([await call(), await call()]).toEqual(['503', 'throttled']);
  });

  test('AT-02 what was accepted is forgotten together with the requests, once', async () => {
    let isUp = true;
    const { call, clock } = shopOf([() => new Response(null, { status: isUp ? 200 : 503 })], {
      minRequests: 2,
      window: '10s',
    });
    for (let request = 0; request < 20; request++) await call();
    await clock.advance(10_000);
    // Nothing is left of those that were accepted.
    isUp = false;
    expect([await call(), await call(), await call()]).toEqual(['503', '503', 'throttled']);
    await clock.advance(10_000);
    isUp = true;
    expect([await call(), await call(), await call()]).toEqual(['200', '200', '200']);
    await clock.advance(20_000);
    isUp = false;
    expect([await call(), await call(), await call()]).toEqual(['503', '503', 'throttled']);
  });

  test('AT-01 each one that is accepted counts once', async () => {
    const { call } = shopOf([status(200), status(200), status(503)], { minRequests: 1 });
    // Two of four are just what the multiplier lets fail.
    for (let request = 0; request < 5; request++) expect(await call()).not.toBe('throttled');
    expect(await call()).toBe('throttled');
  });

  test('AT-05 what is given up later is taken off the tenth in which it was made', async () => {
    const { call, clock } = shopOf([status(503), stalled, status(503)], {
      minRequests: 2,
      window: '10s',
    });
    const caller = new AbortController();
    await call();
    await clock.advance(2_500);
    const late = call({ signal: caller.signal });
    await clock.advance(3_000);
    caller.abort(new Error('gone'));
    await expect(late).rejects.toThrow('gone');
    await call();
    await clock.advance(7_000);
    // The tenth of the one that was given up is forgotten, and takes nothing of the last one along.
    expect([await call(), await call()]).toEqual(['503', 'throttled']);
  });

  test('AT-05 nor does what is given up just when it is forgotten', async () => {
    const { call, clock } = shopOf([stalled, status(503)], { minRequests: 2, window: '10s' });
    const caller = new AbortController();
    const late = call({ signal: caller.signal });
    await clock.advance(10_000);
    // With this one the first one is forgotten.
    expect(await call()).toBe('503');
    caller.abort(new Error('gone'));
    await expect(late).rejects.toThrow('gone');
    expect([await call(), await call()]).toEqual(['503', 'throttled']);
  });

  test('a call that comes back after its window is forgotten too', async () => {
    const { call, clock } = shopOf([stalled, status(503)], { minRequests: 2 });
    const caller = new AbortController();
    const late = call({ signal: caller.signal });
    await clock.advance(60_000);
    caller.abort(new Error('gone'));
    await expect(late).rejects.toThrow('gone');
    await call();
    expect(await call()).toBe('503');
    expect(await call()).toBe('throttled');
  });

  test('AT-07 a request is held back exactly where the draw lies below the share', async () => {
    const { call } = shopOf([status(503)], { minRequests: 1, random: () => 0.5 });
    expect(await call()).toBe('503');
    // 1 / 2: the draw is not below it.
    expect(await call()).toBe('503');
    // 2 / 3
    expect(await call()).toBe('throttled');
  });

  test('AT-07 nothing is drawn where nothing is to be held back', async () => {
    let draws = 0;
    const { call } = shopOf([status(200)], {
      minRequests: 1,
      random: () => {
        draws += 1;
        return 0;
      },
    });
    for (let request = 0; request < 20; request++) expect(await call()).toBe('200');
    expect(draws).toBe(0);
  });

  test('AT-07 it is left to chance where nothing is said', async () => {
    const shop = outbound(upstream(status(503)), throttle());
    let throttled = 0;
    for (let request = 0; request < 200; request++) {
      if (rejectionOf(await shop(url))?.reason === 'throttled') throttled += 1;
    }
    expect(throttled).toBeGreaterThan(0);
  });

  test('the caller’s abort reaches the upstream in the same tick', async () => {
    const { call, clock, fetch } = shopOf([stalled]);
    const caller = new AbortController();
    const answer = call({ signal: caller.signal });
    await settled();
    caller.abort(new Error('gone'));
    expect(fetch.calls[0]?.signal.aborted).toBe(true);
    await expect(answer).rejects.toThrow('gone');
    expect(clock.pending).toBe(0);
  });

  test('describe prints it', () => {
    expect(describeChain(throttle())).toBe('throttle 2 × accepted in 30s');
  });
});
