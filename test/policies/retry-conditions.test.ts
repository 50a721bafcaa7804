import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Middleware } from '../../src/core/chain.ts';
import { recordPick } from '../../src/core/endpoint.ts';
import { outbound } from '../../src/core/outbound.ts';
import { type RejectionReason, reject, rejectionOf } from '../../src/core/rejection.ts';
import type { EndedTry, RetryCondition, RetryOptions } from '../../src/policies/retry.ts';
import { streamingPut, tracedBody } from '../support/bodies.ts';
import { retryTrial } from '../support/retrying.ts';
import { type Answer, connectionReset, status, upstream } from '../support/upstream.ts';

const url = 'http://shop.example/';

let { clock, retrying, call } = retryTrial();

beforeEach(() => {
  ({ clock, retrying, call } = retryTrial());
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

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
])('RT-03, RT-04: %d is tried %d times', async (code, tries) => {
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
] as const)('CO-01: an answer of the governance, %s, is tried %d times', async (reason, tries) => {
  const fetch = upstream(() => reject(reason as RejectionReason));
  const answer = outbound(fetch, retrying())(url);
  await clock.advance(60_000);
  await answer;
  expect(fetch.calls).toHaveLength(tries);
});

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

test('RT-04: a 413 that says when is tried again', async () => {
  const { fetch } = await call([status(413, { 'retry-after': '1' }), status(200)]);
  expect(fetch.calls).toHaveLength(2);
  expect(clock.delays[0]).toBeGreaterThanOrEqual(1_000);
});

test('RT-04: one that retryOn names is tried again in any case', async () => {
  expect((await call([status(413)], { retryOn: [413] })).fetch.calls).toHaveLength(3);
});

test.each([501, 505])('RT-03: an injected %d is tried once, as a true one is', async (code) => {
  const injected = () => reject('fault_injected', { status: code, blame: 'upstream' });
  for (const options of [{}, { retryOn: ['5xx'] }] as const) {
    expect((await call([injected], options)).fetch.calls).toHaveLength(1);
  }
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
  expect((await call([limited])).response?.status).toBe(429);
});

test('RT-11: an answer with one of the retriable headers is tried again, whatever its status', async () => {
  const tries = async (code: number, headers: Record<string, string>) =>
    (await call([status(code, headers)], { retriableHeaders: ['x-try-again'] })).fetch.calls.length;
  expect(await tries(200, { 'X-Try-Again': '1' })).toBe(3);
  expect(await tries(404, { 'x-try-again': '' })).toBe(3);
  expect(await tries(404, {})).toBe(1);
  expect(await tries(503, {})).toBe(3);
  expect(await tries(501, { 'x-try-again': '1' })).toBe(1);
  expect(await tries(505, { 'x-try-again': '1' })).toBe(1);
});

test('RT-11: an answer of our own has no header that says so', async () => {
  const retriableHeaders = ['content-type', 'x-fetchmesh-reason'];
  const own = () => reject('timeout');
  const { fetch } = await call([own], { retryOn: ['connect'], retriableHeaders });
  expect(fetch.calls).toHaveLength(1);
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
    'RT-10: what %s throws reaches the caller, and both bodies are cancelled',
    async (option) => {
      const body = tracedBody(['x'], { end: 'hang' });
      const source = tracedBody(['one', 'two'], { end: 'hang' });
      const broken = new Error('broken');
      const throwing = () => {
        throw broken;
      };
      const answer: Answer = async (request) => {
        await request.body?.cancel();
        return new Response(body.stream, { status: 503 });
      };
      const put = streamingPut(source.stream);
      const { fetch, error } = await call([answer], { [option]: throwing }, put);
      expect(error).toBe(broken);
      expect(fetch.calls).toHaveLength(1);
      expect([body.cancels, source.cancels]).toEqual([1, 1]);
    },
  );

  test('RT-10: what it throws reaches the caller in place of what the try rejected with', async () => {
    const broken = new Error('broken');
    const shouldRetry = () => Promise.reject(broken);
    expect((await call([connectionReset()], { shouldRetry })).error).toBe(broken);
  });

  test('RT-06: a caller that leaves while it is asked gets its reason, and no retry is told of', async () => {
    const caller = new AbortController();
    const shouldRetry = async () => {
      caller.abort('gone');
      return true;
    };
    let told = 0;
    const onRetry = () => {
      told += 1;
    };
    const fetch = upstream(connectionReset());
    const shop = outbound(fetch, retrying({ shouldRetry, onRetry }));
    await expect(shop(url, { signal: caller.signal })).rejects.toBe('gone');
    expect(fetch.calls).toHaveLength(1);
    expect(told).toBe(0);
  });

  test('RT-06: about a try that the caller has left nothing is asked', async () => {
    const caller = new AbortController();
    let asked = 0;
    const shouldRetry = () => {
      asked += 1;
      return true;
    };
    const fetch = upstream(() => {
      caller.abort('gone');
      throw connectionReset();
    });
    const shop = outbound(fetch, retrying({ shouldRetry }));
    await expect(shop(url, { signal: caller.signal })).rejects.toBe('gone');
    expect(asked).toBe(0);
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
