import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import { attemptCountHeader } from '../../src/core/attempt.ts';
import {
  describe as describeChain,
  inbound,
  type Middleware,
  outbound,
} from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { type Endpoint, recordPick, triedEndpoints } from '../../src/core/endpoint.ts';
import { attemptNumber, eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { setHeader } from '../../src/core/message.ts';
import { type RejectionReason, reject, rejectionOf } from '../../src/core/rejection.ts';
import {
  type EndedTry,
  type RetryCondition,
  type RetryOptions,
  retry,
} from '../../src/policies/retry.ts';
import { retryBudget } from '../../src/policies/retry-budget.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { bytesOf, streamingPut, tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import { type Answer, connectionReset, stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
let clock: VirtualClock;
let events: PolicyEvent[];

beforeEach(() => {
  clock = new VirtualClock();
  events = [];
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const listening: Middleware = (next) => (request, context) =>
  next(
    request,
    context.with(eventListener, (event) => events.push(event)),
  );

/** A policy without chance, on the clock of the test. */
const retrying = (options: RetryOptions = {}) => retry({ clock, jitter: 'none', ...options });

/** Calls, and lets as much time pass as all the waits need. */
async function call(
  answers: readonly Answer[],
  options: RetryOptions = {},
  input: Request | string = url,
  init?: RequestInit,
) {
  const fetch = upstream(...answers);
  const shop = outbound(fetch, listening, retrying(options));
  const answer = shop(input, init).then(
    (response) => ({ response, error: undefined }),
    (error: unknown) => ({ response: undefined, error }),
  );
  await clock.advance(3_600_000);
  return { fetch, ...(await answer) };
}

describe('how often', () => {
  test('RT-07: two retries and a permanent failure are exactly three calls', async () => {
    const { fetch, response } = await call([status(503)]);
    expect(fetch.calls).toHaveLength(3);
    expect(response?.status).toBe(503);
  });

  test('RT-07: no retries are one call, with the very request and no copy of its body', async () => {
    const request = streamingPut(tracedBody(['a']).stream);
    const { fetch } = await call([status(503)], { max: 0 }, request);
    expect(fetch.calls).toHaveLength(1);
    expect(fetch.calls[0]?.request).toBe(request);
  });

  test('until it succeeds', async () => {
    const { fetch, response } = await call([status(503), connectionReset(), status(200)]);
    expect(fetch.calls).toHaveLength(3);
    expect(response?.status).toBe(200);
  });

  test('RT-08: the last response reaches the caller with a body that can be read', async () => {
    const { response } = await call([status(500), status(502), status(503)]);
    expect(response?.status).toBe(503);
    expect(await response?.text()).toBe('status 503');
  });

  test('the last rejection reaches the caller by identity', async () => {
    const last = connectionReset();
    const { error } = await call([status(503), connectionReset(), last]);
    expect(error).toBe(last);
  });

  test('CO-05: three by three tries nested are nine', async () => {
    const fetch = upstream(status(503));
    const answer = outbound(fetch, retrying(), retrying())(url);
    await clock.advance(3_600_000);
    await answer;
    expect(fetch.calls).toHaveLength(9);
  });

  test('CO-05: a retry inside of another one tells the listener', async () => {
    const answer = outbound(
      upstream(status(200)),
      listening,
      retrying(),
      retrying({ max: 4 }),
    )(url);
    await answer;
    expect(events).toEqual([{ name: 'nested_retry', attributes: { max: 4 } }]);
  });
});

describe('what', () => {
  test.each([
    [500, 3],
    [502, 3],
    [503, 3],
    [504, 3],
    [599, 3],
    [429, 3],
    [501, 1],
    [505, 1],
    [400, 1],
    [404, 1],
    [408, 1],
    [409, 1],
    [413, 1],
    [200, 1],
    [204, 1],
    [301, 1],
    [304, 1],
  ])('RT-03: %d is tried %d times', async (code, tries) => {
    expect((await call([status(code)])).fetch.calls).toHaveLength(tries);
  });

  test('RT-20: an opaque response of status 0 is no failure', async () => {
    const opaque = Response.error();
    const { fetch, response } = await call([opaque]);
    expect(fetch.calls).toHaveLength(1);
    expect(response).toBe(opaque);
  });

  test('RT-05: a network failure is tried again, a bug is not', async () => {
    expect((await call([connectionReset()])).fetch.calls).toHaveLength(3);
    const bug = new TypeError("Cannot read properties of undefined (reading 'status')");
    const { fetch, error } = await call([bug]);
    expect(fetch.calls).toHaveLength(1);
    expect(error).toBe(bug);
  });

  test.each([
    ['draining', 1],
    ['no_healthy_upstream', 1],
    ['no_route', 1],
    ['timeout', 3],
    ['upstream_connection_failed', 3],
  ] as const)(
    'CO-01: an answer of the governance, %s, is tried %d times',
    async (reason, tries) => {
      const fetch = upstream(() => reject(reason as RejectionReason));
      const answer = outbound(fetch, retrying())(url);
      await clock.advance(60_000);
      await answer;
      expect(fetch.calls).toHaveLength(tries);
    },
  );

  test.each([
    ['circuit_breaker_open', 2, 2],
    ['bulkhead_full', 3, 3],
    ['throttled', 2, 2],
    ['circuit_breaker_open', 1, 1],
    ['circuit_breaker_open', 0, 1],
    ['rate_limited', 3, 1],
    ['shed', 3, 1],
  ] as const)(
    'RT-19: a local %s with %d endpoints to choose from is tried %d times, without a wait',
    async (reason, candidates, tries) => {
      const picked: string[] = [];
      const picking: Middleware = (next) => (request, context) => {
        const url = `http://10.0.0.${picked.length + 1}`;
        picked.push(url);
        if (candidates > 0) recordPick(context, { url, service: 's', version: '' }, candidates);
        return next(request, context);
      };
      const fetch = upstream(() => reject(reason));
      const answer = outbound(fetch, retrying({ max: 5 }), picking)(url);
      await clock.advance(60_000);
      expect(rejectionOf(await answer)?.reason).toBe(reason);
      expect(fetch.calls).toHaveLength(tries);
      expect(clock.delays).toEqual(Array.from({ length: tries - 1 }, () => 0));
    },
  );

  test('RT-14: who picks an endpoint knows where the earlier tries of the request went', async () => {
    const endpoints = ['http://a', 'http://b', 'http://c'].map(
      (url): Endpoint => ({ url, service: 's', version: '' }),
    );
    const seen: string[][] = [];
    const picking: Middleware = (next) => (request, context) => {
      const tried = context.get(triedEndpoints)?.tried ?? [];
      seen.push([...tried]);
      const fresh = endpoints.find(({ url }) => !tried.includes(url)) as Endpoint;
      recordPick(context, fresh, endpoints.length);
      return next(request, context);
    };
    const shop = outbound(upstream(status(503)), retrying(), picking);
    for (let calls = 0; calls < 2; calls++) {
      const answer = shop(url);
      await clock.advance(60_000);
      await answer;
    }
    const once = [[], ['http://a'], ['http://a', 'http://b']];
    expect(seen).toEqual([...once, ...once]);
  });

  test('RT-04: a 413 that says when is tried again', async () => {
    const { fetch } = await call([status(413, { 'retry-after': '1' }), status(200)]);
    expect(fetch.calls).toHaveLength(2);
    expect(clock.delays[0]).toBeGreaterThanOrEqual(1_000);
  });

  test('RT-11: an answer of an overloaded Envoy is never tried again', async () => {
    const overloaded = status(503, { 'x-envoy-overloaded': 'true' });
    expect((await call([overloaded])).fetch.calls).toHaveLength(1);
    expect((await call([overloaded], { retryOn: [503, '5xx'] })).fetch.calls).toHaveLength(1);
  });

  test('RT-11: a limit of an Envoy is tried again only where that is wished', async () => {
    const limited = status(429, { 'x-envoy-ratelimited': 'true' });
    const tries = async (options: RetryOptions) =>
      (await call([limited], options)).fetch.calls.length;
    expect(await tries({})).toBe(1);
    expect(await tries({ retryOn: [429] })).toBe(1);
    expect(await tries({ retryOn: ['envoy-ratelimited'] })).toBe(3);
  });

  test('RT-11: an answer with one of the retriable headers is tried again, whatever its status', async () => {
    const tries = async (code: number, headers: Record<string, string>) =>
      (await call([status(code, headers)], { retriableHeaders: ['x-try-again'] })).fetch.calls
        .length;
    expect(await tries(200, { 'X-Try-Again': '1' })).toBe(3);
    expect(await tries(404, { 'x-try-again': '' })).toBe(3);
    expect(await tries(404, {})).toBe(1);
    expect(await tries(503, {})).toBe(3);
    expect(await tries(501, { 'x-try-again': '1' })).toBe(1);
  });

  describe('shouldRetry', () => {
    const tries = async (answer: Answer, verdict: unknown, options: RetryOptions = {}) => {
      const asked: EndedTry[] = [];
      const shouldRetry = (ended: EndedTry) => {
        asked.push(ended);
        return verdict as boolean | undefined;
      };
      const { fetch } = await call([answer], { shouldRetry, ...options });
      return { tries: fetch.calls.length, asked };
    };

    test.each([
      [status(404), true, 3],
      [status(200), true, 3],
      [new Error('bug'), true, 3],
      [status(501), true, 3],
      [status(503), false, 1],
      [connectionReset(), false, 1],
      [status(503), undefined, 3],
      [status(404), undefined, 1],
      [status(503), 'no', 3],
      [status(404), 1, 1],
      [status(404), Promise.resolve(true), 3],
    ])('RT-10: has the last word: case %#', async (answer, verdict, expected) => {
      expect((await tries(answer, verdict)).tries).toBe(expected);
    });

    test('RT-10: is asked after each try that another one may follow, and learns what happened', async () => {
      const { asked } = await tries(status(503), undefined);
      expect(asked.map(({ attempt, outcome }) => [attempt, outcome.reason])).toEqual([
        [1, '503'],
        [2, '503'],
      ]);
      expect(asked[0]?.response?.status).toBe(503);
      expect(asked[0]?.request.url).toBe(url);
      const reset = connectionReset();
      expect((await tries(reset, undefined)).asked[0]).toMatchObject({
        error: reset,
        response: undefined,
      });
    });

    test('RT-10: is not asked where the method or the number of tries forbids another one', async () => {
      expect((await tries(status(503), true, { max: 0 })).asked).toHaveLength(0);
      let asked = 0;
      const shouldRetry = () => {
        asked += 1;
        return true;
      };
      const post = new Request(url, { method: 'POST' });
      expect((await call([status(503)], { shouldRetry }, post)).fetch.calls).toHaveLength(1);
      expect(asked).toBe(0);
    });

    test.each(['shouldRetry', 'onRetry'])(
      'RT-10: what %s throws reaches the caller, and the response is cancelled',
      async (option) => {
        const body = tracedBody(['x'], { end: 'hang' });
        const broken = new Error('broken');
        const throwing = () => {
          throw broken;
        };
        const answer = () => new Response(body.stream, { status: 503 });
        const { fetch, error } = await call([answer], { [option]: throwing });
        expect(error).toBe(broken);
        expect(fetch.calls).toHaveLength(1);
        expect(body.cancels).toBe(1);
      },
    );

    test('RT-06: a caller that leaves while it is asked gets its reason', async () => {
      const caller = new AbortController();
      const shouldRetry = async () => {
        caller.abort('gone');
        return true;
      };
      const fetch = upstream(connectionReset());
      const answer = outbound(fetch, retrying({ shouldRetry }))(url, { signal: caller.signal });
      await expect(answer).rejects.toBe('gone');
      expect(fetch.calls).toHaveLength(1);
    });
  });

  describe('retryOn', () => {
    const answers: Record<string, Answer> = {
      '409': status(409),
      '429': status(429),
      '500': status(500),
      '501': status(501),
      '503': status(503),
      '505': status(505),
      connect: new TypeError('fetch failed', {
        cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      }),
      reset: connectionReset(),
      timeout: () => reject('timeout'),
      'own 503': () => reject('draining'),
      bug: new Error('bug'),
    };

    test.each<[readonly RetryCondition[], readonly string[]]>([
      [[], []],
      [['5xx'], ['500', '503', 'timeout']],
      [[503], ['503']],
      [
        [429, 503],
        ['429', '503'],
      ],
      [['connect'], ['connect']],
      [['reset'], ['reset']],
      [['timeout'], ['timeout']],
      [['retriable-4xx'], ['409']],
      [
        ['connect', 'reset', 'timeout'],
        ['connect', 'reset', 'timeout'],
      ],
    ])('%j narrows what is tried again to %j', async (retryOn, expected) => {
      const retried: string[] = [];
      for (const [name, answer] of Object.entries(answers)) {
        const { fetch } = await call([answer], { retryOn, max: 1 });
        if (fetch.calls.length === 2) retried.push(name);
      }
      expect(retried).toEqual(expected);
    });
  });

  test.each([
    [409, 2],
    [400, 1],
    [404, 1],
    [422, 1],
  ])('RT-12: with retriable-4xx a %d is sent %d times', async (code, calls) => {
    const { fetch } = await call([status(code)], { retryOn: ['retriable-4xx'], max: 1 });
    expect(fetch.calls).toHaveLength(calls);
  });

  describe('methods', () => {
    const tries = async (method: string, options: RetryOptions, headers = {}) =>
      (await call([status(503)], options, new Request(url, { method, headers }))).fetch.calls
        .length;

    test.each([
      ['GET', 3],
      ['HEAD', 3],
      ['OPTIONS', 3],
      ['PUT', 3],
      ['DELETE', 3],
      ['POST', 1],
      ['PATCH', 1],
    ])('RT-01: %s and a 503 are %d tries', async (method, expected) => {
      expect(await tries(method, {})).toBe(expected);
    });

    test('POST is tried again where all methods are', async () => {
      expect(await tries('POST', { unsafeMethods: 'always' })).toBe(3);
    });

    test('RT-02: or where it has a key, if that is wished', async () => {
      const key = { 'Idempotency-Key': 'one' };
      expect(await tries('POST', {}, key)).toBe(1);
      expect(await tries('POST', { unsafeMethods: 'idempotency_key' })).toBe(1);
      expect(await tries('POST', { unsafeMethods: 'idempotency_key' }, key)).toBe(3);
    });

    test('RT-02: the key may come from a middleware, and every try sends the same', async () => {
      const fetch = upstream(status(503));
      const keyed: Middleware = (next) => (request, context) =>
        next(request, setHeader(context, 'idempotency-key', 'one'));
      const shop = outbound(fetch, keyed, retrying({ unsafeMethods: 'idempotency_key' }));
      const answer = shop(url, { method: 'POST', body: 'order' });
      await clock.advance(60_000);
      await answer;
      expect(fetch.calls.map(({ headers }) => headers.get('idempotency-key'))).toEqual([
        'one',
        'one',
        'one',
      ]);
      const bodies = fetch.calls.map(({ request }) => request.bodyUsed);
      expect(bodies).toEqual([false, false, false]);
    });
  });
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
        clock = new VirtualClock();
        expect(await wait('1', { random: () => drawn })).toBeCloseTo(expected, 6);
      }
    });

    test('RA-08: never shortened, whatever is drawn', async () => {
      const seconds = fc.nat({ max: 60 });
      const drawn = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
      await fc.assert(
        fc.asyncProperty(seconds, drawn, async (seconds, drawn) => {
          clock = new VirtualClock();
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
      'RA-07: %s is too long, and the response is passed on at once',
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

describe('a budget', () => {
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
      const answers = shops.map((shop) => shop(url));
      await clock.advance(50);
      await Promise.race(answers);
    }
    await clock.advance(60_000);
    expect(fetch.calls.length).toBeGreaterThan(110);
    expect(fetch.calls.length).toBeLessThanOrEqual(120);
  });
});

describe('per try', () => {
  test('TO-03: a stalled try is aborted at its limit, and the next has a fresh signal', async () => {
    const fetch = upstream(stalled, stalled, status(200));
    const answer = outbound(fetch, retrying({ perTry: '100ms', baseDelay: '50ms' }))(url);
    await clock.advance(99);
    expect(fetch.calls[0]?.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(fetch.calls[0]?.signal.reason).toMatchObject({ name: 'TimeoutError' });
    await clock.advance(1_000);
    expect((await answer).status).toBe(200);
    expect(fetch.calls.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
  });

  test('TO-04: the limit of a try is the smaller of its own and what is left', async () => {
    const ends: number[] = [];
    const began = clock.monotonic();
    const seeing: Middleware = (next) => (request, context) => {
      ends.push(context.get(deadline) - began);
      return next(request, context);
    };
    const fetch = upstream(stalled);
    const shop = outbound(
      fetch,
      timeout('1s', { clock }),
      retrying({ perTry: '700ms', baseDelay: '50ms' }),
      seeing,
    );
    const answer = shop(url);
    await clock.advance(1_000);
    expect((await answer).status).toBe(504);
    expect(ends).toEqual([700, 1_000]);
    expect(fetch.calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });

  test('TO-06: a try whose headers have come is not ended by its limit', async () => {
    const body = tracedBody(['slow ', 'body']);
    const fetch = upstream(() => new Response(body.stream));
    const response = await outbound(fetch, retrying({ perTry: '100ms' }))(url);
    await clock.advance(60_000);
    expect(await response.text()).toBe('slow body');
    expect(fetch.calls).toHaveLength(1);
  });

  test('RT-18: a try that reached its limit is not tried again for a POST', async () => {
    const fetch = upstream(stalled);
    const shop = outbound(fetch, retrying({ perTry: '100ms' }));
    const answer = shop(url, { method: 'POST' });
    await clock.advance(60_000);
    expect((await answer).status).toBe(504);
    expect(fetch.calls).toHaveLength(1);
  });
});

describe('what is left behind', () => {
  test('RT-09, CO-06: the body of a failed try is cancelled before the next one starts', async () => {
    const failed = [tracedBody(['a'], { end: 'hang' }), tracedBody(['b'], { end: 'hang' })];
    const cancelsAtStart: number[] = [];
    const answers = failed.map((body) => () => {
      cancelsAtStart.push(failed.reduce((sum, { cancels }) => sum + cancels, 0));
      return new Response(body.stream, { status: 503 });
    });
    const last = tracedBody(['c']);
    const { response } = await call([
      ...answers,
      () => {
        cancelsAtStart.push(failed.reduce((sum, { cancels }) => sum + cancels, 0));
        return new Response(last.stream);
      },
    ]);
    expect(cancelsAtStart).toEqual([0, 1, 2]);
    expect(last.cancels).toBe(0);
    expect(await response?.text()).toBe('c');
  });

  test('RT-15: a response that was handed over is committed, and its body is not tried again', async () => {
    const broken = connectionReset();
    const fetch = upstream(() => new Response(tracedBody(['half'], { end: broken }).stream));
    const response = await outbound(fetch, retrying())(url);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await expect(reader.read()).rejects.toBe(broken);
    await clock.advance(60_000);
    expect(fetch.calls).toHaveLength(1);
  });

  test('TO-11: a thousand calls leave no listener on their signal', async () => {
    // The signal of a request, since Node adds a listener of its own for each request made from a signal.
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const fetch = upstream(() => new Response(null, { status: 503 }));
    const shop = outbound(fetch, retrying({ baseDelay: '1ms', perTry: '1s' }));
    const answers = Array.from({ length: 1_000 }, () => shop(request));
    await clock.advance(60_000);
    await Promise.all(answers);
    expect(fetch.calls).toHaveLength(3_000);
    expect(listeners.current).toBe(0);
  });

  test('each wait and what went before it is told to the listener', async () => {
    await call([status(503), connectionReset(), status(200)]);
    expect(events).toEqual([
      { name: 'retry', attributes: { attempt: 1, delay_ms: 100, reason: '503' } },
      { name: 'retry', attributes: { attempt: 2, delay_ms: 200, reason: 'reset' } },
    ]);
  });

  test('RT-17: onRetry is told before each wait', async () => {
    const told: unknown[] = [];
    const onRetry = (retry: unknown) => told.push([retry, clock.delays.length]);
    await call([status(503), connectionReset(), status(200)], { onRetry });
    expect(told).toEqual([
      [{ attempt: 1, delayMs: 100, reason: '503' }, 0],
      [{ attempt: 2, delayMs: 200, reason: 'reset' }, 1],
    ]);
  });

  test('RT-13: the request bears the number of the try, from the second on', async () => {
    const { fetch } = await call([status(503)], {}, url, { headers: { 'x-a': '1' } });
    expect(fetch.calls.map(({ headers }) => headers.get('x-fetchmesh-attempt-count'))).toEqual([
      null,
      '2',
      '3',
    ]);
    expect(fetch.calls.map(({ headers }) => headers.get('x-a'))).toEqual(['1', '1', '1']);
  });

  test('the layers further in know which try it is', async () => {
    const numbers: number[] = [];
    const seeing: Middleware = (next) => (request, context) => {
      numbers.push(context.get(attemptNumber));
      return next(request, context);
    };
    const answer = outbound(upstream(status(503)), retrying(), seeing)(url);
    await clock.advance(60_000);
    await answer;
    expect(numbers).toEqual([1, 2, 3]);
  });
});

describe('the caller', () => {
  const reason = { left: true };

  test('TO-10: that left before is told so, and fetch is never called', async () => {
    const fetch = upstream(status(200));
    const signal = AbortSignal.abort(reason);
    await expect(outbound(fetch, retrying())(url, { signal })).rejects.toBe(reason);
    expect(fetch.calls).toHaveLength(0);
  });

  test('RT-06: that leaves during a try gets its reason, and there is no other', async () => {
    const caller = new AbortController();
    const fetch = upstream(stalled);
    const answer = outbound(fetch, retrying())(url, { signal: caller.signal });
    await settled();
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await clock.advance(60_000);
    expect(fetch.calls).toHaveLength(1);
  });

  test('RT-06: that leaves during a wait gets its reason at once, and the timer is gone', async () => {
    const request = new Request(url);
    const caller = new AbortController();
    const listeners = countListeners(caller.signal);
    const context = Context.background('inbound').with(abortSignal, caller.signal);
    const fetch = upstream(status(503));
    const limiting: Middleware = (next) => (request, inner) =>
      next(request, inner.with(abortSignal, caller.signal));
    const answer = outbound(fetch, limiting, retrying())(request, context);
    await settled();
    expect(clock.pending).toBe(1);
    const mine = listeners.current;
    caller.abort(reason);
    expect(clock.pending).toBe(0);
    expect(mine).toBeGreaterThan(0);
    await expect(answer).rejects.toBe(reason);
    await clock.advance(60_000);
    expect(fetch.calls).toHaveLength(1);
  });

  test('RT-06: that leaves while its stream waits to be sent again frees the stream', async () => {
    const caller = new AbortController();
    const source = tracedBody(['one', 'two', 'three']);
    const fetch = upstream(async (request) => {
      await request.body?.getReader().read();
      return new Response(null, { status: 503 });
    });
    const answer = outbound(
      fetch,
      retrying(),
    )(streamingPut(source.stream, { signal: caller.signal }));
    await settled();
    expect(clock.pending).toBe(1);
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await settled();
    expect(source.cancels).toBe(1);
  });

  test('that leaves after the response ends the body that it reads', async () => {
    const caller = new AbortController();
    const fetch = upstream(status(503), (_, init) => {
      const signal = init?.signal;
      return new Response(
        new ReadableStream({
          start: (controller) =>
            signal?.addEventListener('abort', () => controller.error(signal.reason)),
        }),
      );
    });
    const answer = outbound(fetch, retrying({ perTry: '1s' }))(url, { signal: caller.signal });
    await clock.advance(1_000);
    const reading = bytesOf(await answer).catch((error: unknown) => error);
    caller.abort(reason);
    expect(await reading).toBe(reason);
  });

  test('that leaves because of a time limit of its own is not tried again for', async () => {
    const caller = new AbortController();
    const fetch = upstream(stalled);
    const answer = outbound(fetch, retrying())(url, { signal: caller.signal });
    await settled();
    const slow = new DOMException('mine', 'TimeoutError');
    caller.abort(slow);
    await expect(answer).rejects.toBe(slow);
    await clock.advance(60_000);
    expect(fetch.calls).toHaveLength(1);
  });
});

describe('a body', () => {
  const echo: Answer = async (request) => new Response(await request.text());
  const readThenFail: Answer = async (request) => {
    await request.text();
    return new Response(null, { status: 503 });
  };

  test('BR-01: is sent whole by every try', async () => {
    const { response } = await call(
      [
        readThenFail,
        async (request) => {
          await request.body?.getReader().read();
          throw connectionReset();
        },
        echo,
      ],
      {},
      streamingPut(tracedBody(['one ', 'two ', 'three']).stream),
    );
    expect(await response?.text()).toBe('one two three');
  });

  test('BR-03: that outgrew the limit is not sent again, and an event says why', async () => {
    const { fetch, response } = await call(
      [readThenFail],
      { maxReplayBytes: 4 },
      streamingPut(tracedBody(['12345']).stream),
    );
    expect(fetch.calls).toHaveLength(1);
    expect(response?.status).toBe(503);
    expect(events).toEqual([{ name: 'replay_skipped', attributes: { bytes: 4 } }]);
  });

  test('is whole also where the failed try reads on while the next one waits', async () => {
    // An upload whose answer came early: 503, and the connection still takes bytes.
    const background: Promise<unknown>[] = [];
    const { response } = await call(
      [
        (request) => {
          background.push(bytesOf(request).catch(() => {}));
          return new Response(null, { status: 503 });
        },
        echo,
      ],
      { maxReplayBytes: 12 },
      streamingPut(tracedBody(['12345', '67890', 'abcde', 'fghij']).stream),
    );
    expect(await response?.text()).toBe('1234567890abcdefghij');
    await Promise.all(background);
  });

  test('BR-05: that was read before is refused before any call', async () => {
    const used = new Request(url, { method: 'PUT', body: 'hello' });
    await used.text();
    const { fetch, error } = await call([echo], {}, used);
    expect(error).toBeInstanceOf(TypeError);
    expect(fetch.calls).toHaveLength(0);
  });

  test('BR-07: the request of the caller is not changed', async () => {
    const request = streamingPut(tracedBody(['a']).stream, { headers: { 'x-a': '1' } });
    const { fetch } = await call([readThenFail], {}, request);
    expect(fetch.calls[0]?.request).not.toBe(request);
    expect([...request.headers.keys()]).toContain('x-a');
  });

  test('BR-08: that fails by itself is not sent again', async () => {
    const broken = new Error('disk on fire');
    const { fetch, error } = await call(
      // In the words of Node, which wraps what the stream of the caller failed with.
      [
        async (request) => {
          try {
            await bytesOf(request);
          } catch (cause) {
            throw new TypeError('fetch failed', { cause });
          }
          return new Response();
        },
      ],
      {},
      streamingPut(tracedBody(['half'], { end: broken }).stream),
    );
    expect(fetch.calls).toHaveLength(1);
    expect((error as Error).cause).toBe(broken);
  });

  test('that an early answer made needless is cancelled', async () => {
    const source = tracedBody(['one', 'two', 'three']);
    const tooLarge: Answer = async (request) => {
      const reader = (request.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await reader.cancel();
      return new Response(null, { status: 413 });
    };
    const { response } = await call([tooLarge], {}, streamingPut(source.stream));
    expect(response?.status).toBe(413);
    expect(source.cancels).toBe(1);
  });

  test('for all chunkings, limits and points of failure: what arrives is whole, or is not sent again', async () => {
    const step = fc.record({
      reads: fc.nat({ max: 6 }),
      ending: fc.constantFrom('respond', 'cancel and respond', 'respond and read on', 'fail'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 }),
        fc.nat({ max: 80 }),
        fc.array(step, { minLength: 1, maxLength: 3 }),
        async (chunks, maxReplayBytes, steps) => {
          clock = new VirtualClock();
          events = [];
          const whole = chunks.flatMap((chunk) => [...chunk]);
          const background: Promise<unknown>[] = [];
          const failing = steps.map(
            ({ reads, ending }): Answer =>
              async (request) => {
                const reader = (request.body as ReadableStream<Uint8Array>).getReader();
                let position = 0;
                for (let count = 0; count < reads; count++) {
                  const { value, done } = await reader.read();
                  if (done) break;
                  expect([...value]).toEqual(whole.slice(position, position + value.length));
                  position += value.length;
                }
                if (ending === 'fail') throw connectionReset();
                if (ending === 'cancel and respond') await reader.cancel();
                if (ending === 'respond and read on') {
                  const toTheEnd = async () => {
                    for (let part = await reader.read(); !part.done; part = await reader.read());
                  };
                  background.push(toTheEnd().catch(() => {}));
                }
                return new Response(null, { status: 503 });
              },
          );
          let arrived: number[] | undefined;
          const { fetch, response } = await call(
            [
              ...failing,
              async (request) => {
                arrived = [...(await bytesOf(request))];
                return new Response('done');
              },
            ],
            { maxReplayBytes, max: 5 },
            streamingPut(tracedBody(chunks).stream),
          );
          if (response?.status === 200) expect(arrived).toEqual(whole);
          else {
            expect(fetch.calls.length).toBeLessThanOrEqual(steps.length);
            expect(events.at(-1)?.name).toBe('replay_skipped');
            expect(whole.length).toBeGreaterThan(maxReplayBytes);
          }
          await Promise.all(background);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('on the way in', () => {
  test('an app is tried again like an upstream; from the second try on the request bears its number', async () => {
    const requests: Request[] = [];
    const app = inbound((request) => {
      requests.push(request);
      return new Response(null, { status: requests.length < 3 ? 503 : 200 });
    }, retrying());
    const request = new Request(url);
    const answer = app(request);
    await clock.advance(60_000);
    expect((await answer).status).toBe(200);
    expect(requests[0]).toBe(request);
    expect(requests.map(({ headers }) => headers.get(attemptCountHeader))).toEqual([
      null,
      '2',
      '3',
    ]);
  });

  test('an app gets the whole body each time', async () => {
    const bodies: string[] = [];
    const app = inbound(async (request) => {
      bodies.push(await request.text());
      return new Response(null, { status: bodies.length < 3 ? 503 : 200 });
    }, retrying());
    const answer = app(new Request(url, { method: 'PUT', body: 'hello' }));
    await clock.advance(60_000);
    expect((await answer).status).toBe(200);
    expect(bodies).toEqual(['hello', 'hello', 'hello']);
  });
});

describe('for all sequences of answers', () => {
  test('calls, waits, cancellations and the result are those of the model', async () => {
    const kinds = ['503', '429', '404', '200', 'reset', 'bug'] as const;
    const retryable = new Set<string>(['503', '429', 'reset']);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 4 }),
        async (script, max) => {
          clock = new VirtualClock();
          const bodies = script.map(() => tracedBody(['x'], { end: 'hang' }));
          const errors = script.map((kind) =>
            kind === 'bug' ? new Error('bug') : connectionReset(),
          );
          const answers = script.map((kind, index): Answer => {
            if (kind === 'reset' || kind === 'bug') return errors[index] as Error;
            return () => new Response(bodies[index]?.stream, { status: Number(kind) });
          });
          const { fetch, response, error } = await call([...answers, status(200)], { max });

          const stop = script.findIndex((kind) => !retryable.has(kind));
          const tries = Math.min(max, stop === -1 ? script.length : stop) + 1;
          expect(fetch.calls).toHaveLength(tries);
          expect(clock.delays).toHaveLength(tries - 1);
          const last = script[tries - 1] ?? '200';
          if (last === 'reset' || last === 'bug') expect(error).toBe(errors[tries - 1]);
          else expect(response?.status).toBe(Number(last));
          for (const [index, body] of bodies.entries()) {
            const isDiscarded =
              index < tries - 1 && !['reset', 'bug'].includes(script[index] ?? '');
            expect(body.cancels).toBe(isDiscarded ? 1 : 0);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('calls at once through one policy do not know of each other', async () => {
    const fetch = upstream((request) => {
      const fails = Number(new URL(request.url).searchParams.get('fails'));
      const made = fetch.calls.filter((earlier) => earlier.request.url === request.url).length;
      return new Response(String(made), { status: made <= fails ? 503 : 200 });
    });
    const shop = outbound(fetch, retrying({ max: 3 }));
    const answers = [0, 1, 2, 3, 4].map((fails) => shop(`${url}?fails=${fails}`));
    await clock.advance(60_000);
    const texts = (await Promise.all(answers)).map(async (response) => await response.text());
    expect(await Promise.all(texts)).toEqual(['1', '2', '3', '4', '4']);
  });
});

describe('configuration', () => {
  test('describes itself', () => {
    expect(describeChain(retry({ perTry: '2s' }))).toBe(
      'retry max 2, exponential from 100ms to 1s, full jitter, 2s per try',
    );
  });
});
