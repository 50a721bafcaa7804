import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outbound } from '../../src/core/outbound.ts';
import type { RetryOptions } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { retryTrial } from '../support/retrying.ts';
import { status, upstream } from '../support/upstream.ts';

const url = 'http://shop.example/';

let { clock, retrying, call } = retryTrial();

beforeEach(() => {
  ({ clock, retrying, call } = retryTrial());
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

describe('when', () => {
  test('BO-02: the waits double from the base up to ten times the base', async () => {
    await call([status(503)], { max: 6 });
    expect(clock.delays).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  test('BO-06: the random source is asked once for each wait', async () => {
    const drawn = [0.5, 0.25, 0.125];
    let asked = 0;
    await call([status(503)], { max: 3, jitter: 'full', random: () => drawn[asked++] ?? 0 });
    expect(clock.delays).toEqual([50, 50, 50]);
    expect(asked).toBe(3);
  });

  test('BO-05: a base of 0 does not wait', async () => {
    await call([status(503)], { baseDelay: '0s' });
    expect(clock.delays).toEqual([0, 0]);
  });

  test('TO-05: where the next try would come after the deadline, the last answer comes now', async () => {
    const fetch = upstream(status(503));
    const shop = outbound(fetch, timeout('500ms', { clock }), retrying({ baseDelay: '500ms' }));
    const response = await shop(url);
    expect(response.status).toBe(503);
    expect(fetch.calls).toHaveLength(1);
    expect(await response.text()).toBe('status 503');
  });

  test('TO-05: just before the deadline is in time', async () => {
    const fetch = upstream(status(503), status(200));
    const shop = outbound(fetch, timeout('500ms', { clock }), retrying({ baseDelay: '499ms' }));
    const answer = shop(url);
    await clock.advance(499);
    expect((await answer).status).toBe(200);
  });

  test('BO-07: a backoff and a jitter of one’s own', async () => {
    const asked: number[][] = [];
    const backoff = (retry: number, previousMs: number) => {
      asked.push([retry, previousMs]);
      return retry * 5_000;
    };
    await call([status(503)], { backoff, jitter: (delayMs) => delayMs + 1, max: 3 });
    expect(clock.delays).toEqual([5_001, 10_001, 15_001]);
    expect(asked).toEqual([
      [1, 0],
      [2, 5_001],
      [3, 10_001],
    ]);
  });

  test('decorrelated jitter starts from the wait before', async () => {
    await call([status(503)], { jitter: 'decorrelated', random: () => 0.5, max: 4 });
    expect(clock.delays).toEqual([200, 350, 575, 912.5]);
  });

  describe('a gRPC server says', () => {
    const pushback = (value: string, code = 503) =>
      status(code, { 'grpc-retry-pushback-ms': value, 'retry-after': '7' });

    test('RT-16: how long, and that is kept exactly; the backoff starts anew after it', async () => {
      const random = () => 0.5;
      await call([status(503), pushback('1234'), status(503)], {
        jitter: 'none',
        random,
        max: 4,
      });
      expect(clock.delays).toEqual([100, 1_234, 100, 200]);
    });

    test('RT-16: nor does a jitter that starts from the wait before know of it', async () => {
      const random = () => 0.5;
      await call([status(503), pushback('9000'), status(503)], {
        jitter: 'decorrelated',
        random,
        max: 4,
      });
      expect(clock.delays).toEqual([200, 9_000, 200, 350]);
    });

    test.each(['-1', 'soon', '', '60001', '99999999999'])(
      'RT-16: %j, and that is never',
      async (value) => {
        const { fetch, response } = await call([pushback(value)]);
        expect(fetch.calls).toHaveLength(1);
        expect(await response?.text()).toBe('status 503');
      },
    );

    test('RT-16: how long, with an answer that is not worth another try', async () => {
      expect((await call([pushback('5', 404)])).fetch.calls).toHaveLength(1);
    });
  });

  describe('the server says', () => {
    const wait = async (value: string, options: RetryOptions = {}, code = 503) => {
      await call([status(code, { 'retry-after': value }), status(200)], options);
      return clock.delays[0];
    };

    test.each([
      ['2', 2_000],
      ['0', 0],
      ['60', 60_000],
      ['Wed, 01 Jan 2025 00:00:05 GMT', 5_000],
      ['Tue, 31 Dec 2024 23:00:00 GMT', 0],
    ])('RA-01, RA-02, RA-03: %s', async (value, expected) => {
      expect(await wait(value, { random: () => 0 })).toBe(expected);
    });

    test.each(['', '-1', '1.5', '1e3', '0x10', 'soon', '5, 7', '2025-01-01T00:00:10Z'])(
      'RA-01: %j is malformed, and the wait is our own',
      async (value) => {
        expect(await wait(value)).toBe(100);
      },
    );

    test('RA-08: the wait is spread by up to one half and never shortened', async () => {
      for (const [drawn, expected] of [
        [0, 1_000],
        [22 / 250, 1_044],
        [249 / 250, 1_498],
      ] as const) {
        ({ clock, retrying, call } = retryTrial());
        expect(await wait('1', { random: () => drawn })).toBeCloseTo(expected, 6);
      }
    });

    test('RA-08: never shortened, whatever is drawn', async () => {
      const seconds = fc.nat({ max: 60 });
      const drawn = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
      await fc.assert(
        fc.asyncProperty(seconds, drawn, async (seconds, drawn) => {
          ({ clock, retrying, call } = retryTrial());
          const waited = (await wait(String(seconds), { random: () => drawn })) ?? -1;
          expect(waited).toBeGreaterThanOrEqual(seconds * 1_000);
          expect(waited).toBeLessThanOrEqual(seconds * 1_500);
        }),
        { numRuns: 25 },
      );
    });

    test.each([
      [429, 7_000],
      [503, 7_000],
      [500, 100],
      [502, 100],
    ])('RA-04: with a %d it is heeded: %d ms', async (code, expected) => {
      expect(await wait('7', { random: () => 0 }, code)).toBe(expected);
    });

    test.each(['61', '3600', '9'.repeat(400), 'Thu, 01 Jan 2099 00:00:00 GMT'])(
      'RA-05: %s is too long, and the response is passed on at once',
      async (value) => {
        const fetch = upstream(status(429, { 'retry-after': value }));
        const response = await outbound(fetch, retrying())(url);
        expect(response.status).toBe(429);
        expect(await response.text()).toBe('status 429');
        expect(fetch.calls).toHaveLength(1);
      },
    );

    test('RA-05: beyond the deadline, and the response is passed on at once', async () => {
      const fetch = upstream(status(503, { 'retry-after': '10' }));
      const shop = outbound(fetch, timeout('9s', { clock }), retrying());
      expect((await shop(url)).status).toBe(503);
      expect(fetch.calls).toHaveLength(1);
    });
  });
});
