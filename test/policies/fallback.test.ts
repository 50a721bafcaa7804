import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { exchange, withExchange } from '../../src/core/exchange.ts';
import { outbound } from '../../src/core/outbound.ts';
import {
  type Rejection,
  RejectionError,
  type RejectionReason,
  reject,
  rejectionOf,
} from '../../src/core/rejection.ts';
import {
  type Failure,
  type FallbackOptions,
  type FixedAnswer,
  fallback,
} from '../../src/policies/fallback.ts';
import { fault } from '../../src/policies/fault.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { streamingPut, tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import { connectionReset, stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

function listening(events: PolicyEvent[]): Middleware {
  return (next) => (request, context) =>
    next(
      request,
      context.with(eventListener, (event) => events.push(event)),
    );
}

describe('a failure is answered', () => {
  test.each([
    ['a 503', status(503), '503'],
    ['a 500', status(500), '500'],
    ['a lost connection', connectionReset(), 'reset'],
    ['an open circuit', () => reject('circuit_breaker_open'), 'circuit_breaker_open'],
    ['a full bulkhead', () => reject('bulkhead_full'), 'bulkhead_full'],
    ['no endpoint', () => reject('no_healthy_upstream'), 'no_healthy_upstream'],
    ['an injected fault', () => reject('fault_injected'), 'fault_injected'],
    [
      'an injected fault that counts for nobody',
      () => reject('fault_injected', { status: 500, blame: 'policy' }),
      'fault_injected',
    ],
  ])('%s', async (_, answer, reason) => {
    const response = await outbound(upstream(answer), fallback({ body: 'instead' }))(url);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('instead');
    expect(response.headers.get('x-fetchmesh-fallback')).toBe(reason);
  });

  test('a time limit', async () => {
    const shop = outbound(upstream(stalled), fallback({ status: 203 }), timeout('1s', { clock }));
    const answer = shop(url);
    await clock.advance(1_000);
    const response = await answer;
    expect(response.status).toBe(203);
    expect(response.headers.get('x-fetchmesh-fallback')).toBe('timeout');
  });

  test('retries that are used up, once', async () => {
    let answers = 0;
    const fetch = upstream(status(503));
    const answered = () => {
      answers += 1;
      return new Response('instead');
    };
    const shop = outbound(fetch, fallback(answered), retry({ clock, random: () => 0 }));
    const answer = shop(url);
    await clock.advance(1_000);
    expect(await (await answer).text()).toBe('instead');
    expect([fetch.calls.length, answers]).toEqual([3, 1]);
  });
});

describe('FB-01: only what is handled is answered', () => {
  test.each([200, 204, 304, 404, 429, 501])('a %d passes by identity', async (code) => {
    const response = new Response(null, { status: code });
    expect(await outbound(upstream(response), fallback({ body: 'instead' }))(url)).toBe(response);
  });

  test.each<RejectionReason>(['rate_limited', 'no_route', 'malformed_path'])(
    'a rejection that is for the caller passes: %s',
    async (reason) => {
      const response = reject(reason);
      expect(await outbound(upstream(response), fallback({ body: 'instead' }))(url)).toBe(response);
    },
  );

  test('so does a rejection below 500, whatever it is for', async () => {
    const response = reject('fault_injected', { status: 499, blame: 'policy' });
    expect(await outbound(upstream(response), fallback({ body: 'instead' }))(url)).toBe(response);
  });

  test('so does a rejection that was thrown', async () => {
    const response = reject('circuit_breaker_open');
    const error = new RejectionError(rejectionOf(response) as Rejection, response);
    await expect(outbound(upstream(error), fallback({}))(url)).rejects.toBe(error);
  });

  test('a bug passes', async () => {
    const bug = new TypeError('undefined is not a function');
    await expect(outbound(upstream(bug), fallback({}))(url)).rejects.toBe(bug);
  });

  test.each<[FallbackOptions['when'], number, boolean]>([
    [[503], 503, true],
    [[503], 500, false],
    [[404], 404, true],
    [['5xx'], 500, true],
    [['5xx'], 501, true],
    [['5xx'], 499, false],
    [['circuit_breaker_open'], 503, false],
    [({ response }) => response?.headers.get('x-stale') === '1', 200, true],
    [({ request }) => request.url === url, 200, true],
    [() => false, 503, false],
  ])('with when %j, a %d: %s', async (when, code, isAnswered) => {
    const fetch = upstream(status(code, { 'x-stale': '1' }));
    const response = await outbound(
      fetch,
      fallback({ body: 'instead' }, when === undefined ? {} : { when }),
    )(url);
    expect(response.headers.get('x-fetchmesh-fallback')).toBe(isAnswered ? String(code) : null);
  });

  test.each<[FallbackOptions['when'], boolean]>([
    [['reset'], true],
    [['connect'], false],
    [['5xx', 503], false],
  ])('with when %j, a connection that broke: %s', async (when, isAnswered) => {
    const error = connectionReset();
    const shop = outbound(upstream(error), fallback({}, when && { when }));
    const answer = shop(url).then(({ status }) => status);
    if (isAnswered) expect(await answer).toBe(200);
    else await expect(answer).rejects.toBe(error);
  });

  test('by the reason of a rejection', async () => {
    const shop = (reason: RejectionReason) =>
      outbound(
        upstream(() => reject(reason)),
        fallback({ body: 'instead' }, { when: ['rate_limited', 'timeout'] }),
      )(url);
    expect(await (await shop('rate_limited')).text()).toBe('instead');
    expect(await (await shop('timeout')).text()).toBe('instead');
    expect((await shop('bulkhead_full')).status).toBe(503);
  });

  test('the body of what is replaced is cancelled', async () => {
    const body = tracedBody(['x'], { end: 'hang' });
    const fetch = upstream(() => new Response(body.stream, { status: 503 }));
    await outbound(fetch, fallback({}))(url);
    await settled();
    expect(body.cancels).toBe(1);
  });
});

describe('FB-02: an answer that fails', () => {
  test('rejects with its error, whose cause is the first one', async () => {
    const first = connectionReset();
    const second = new Error('the cache is down, too');
    let calls = 0;
    const shop = outbound(
      upstream(first),
      fallback(() => {
        calls += 1;
        throw second;
      }),
    );
    await expect(shop(url)).rejects.toBe(second);
    expect(second.cause).toBe(first);
    expect(calls).toBe(1);
  });

  test('keeps a cause of its own, and what is no error', async () => {
    const second = new Error('no', { cause: 'mine' });
    await expect(
      outbound(
        upstream(status(503)),
        fallback(() => Promise.reject(second)),
      )(url),
    ).rejects.toBe(second);
    expect(second.cause).toBe('mine');
    await expect(
      outbound(
        upstream(status(503)),
        fallback(() => Promise.reject('text')),
      )(url),
    ).rejects.toBe('text');
  });

  test('ends the body that was kept for it, where it wants no more of that', async () => {
    const source = tracedBody(['one', 'two'], { end: 'hang' });
    const answered = async ({ request }: Failure) => {
      await request.body?.cancel();
      return new Response('instead');
    };
    const shop = outbound(upstream(status(503)), fallback(answered, { maxReplayBytes: 100 }));
    expect(await (await shop(streamingPut(source.stream))).text()).toBe('instead');
    expect(source.cancels).toBe(1);
  });

  test('is no cause of itself, where it is the first one again', async () => {
    const first = connectionReset();
    const shop = outbound(
      upstream(first),
      fallback(({ error }) => {
        throw error;
      }),
    );
    const { cause } = first;
    await expect(shop(url)).rejects.toBe(first);
    expect(first.cause).toBe(cause);
    const bare = new Error('timed out');
    const handled = fallback(() => Promise.reject(bare), { when: () => true });
    await expect(outbound(upstream(bare), handled)(url)).rejects.toBe(bare);
    expect(bare.cause).toBeUndefined();
  });

  test('has a cause also where a response was replaced', async () => {
    const second = new Error('no');
    const shop = outbound(
      upstream(status(503)),
      fallback(() => Promise.reject(second)),
    );
    await expect(shop(url)).rejects.toBe(second);
    expect(second.cause).toMatchObject({ message: 'The answer was a 503' });
  });
});

describe('FB-03: a caller that leaves', () => {
  test('gets its own reason, and no fallback', async () => {
    let calls = 0;
    const caller = new AbortController();
    const fetch = upstream(stalled);
    const shop = outbound(
      fetch,
      fallback(
        () => {
          calls += 1;
          return new Response();
        },
        { when: () => true },
      ),
    );
    const answer = shop(url, { signal: caller.signal });
    await settled();
    const reason = { left: true };
    caller.abort(reason);
    expect(fetch.calls[0]?.signal.aborted).toBe(true);
    await expect(answer).rejects.toBe(reason);
    expect(calls).toBe(0);
  });

  test('gets what came at last where that is a response', async () => {
    const caller = new AbortController();
    const response = new Response(null, { status: 503 });
    const fetch = upstream(() => {
      caller.abort('gone');
      return response;
    });
    const shop = outbound(fetch, fallback({ body: 'instead' }));
    expect(await shop(url, { signal: caller.signal })).toBe(response);
  });

  test('reaches the fallback within a tick', async () => {
    const caller = new AbortController();
    const other = upstream(stalled);
    const shop = outbound(
      upstream(status(503)),
      fallback(({ request }, context) => outbound(other)(request, context)),
    );
    const answer = shop(url, { signal: caller.signal });
    await settled();
    caller.abort('gone');
    expect(other.calls[0]?.signal.aborted).toBe(true);
    await expect(answer).rejects.toBe('gone');
  });

  test('never, but calls a thousand times on one signal, has no listener left on it', async () => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const shop = outbound(upstream(status(503)), fallback({}));
    for (let call = 0; call < 1_000; call++) await shop(request);
    expect(listeners.current).toBe(0);
  });
});

describe('FB-04: the answer', () => {
  test.each<[FixedAnswer, number, string, string | null]>([
    [{}, 200, '', null],
    [{ status: 204 }, 204, '', null],
    [{ body: 'sorry' }, 200, 'sorry', 'text/plain;charset=UTF-8'],
    [
      { body: '[]', headers: { 'content-type': 'application/json' } },
      200,
      '[]',
      'application/json',
    ],
  ])('%j is a %i', async (answer, code, body, type) => {
    const response = await outbound(upstream(status(503)), fallback(answer))(url);
    expect(response.status).toBe(code);
    expect(await response.text()).toBe(body);
    expect(response.headers.get('content-type')).toBe(type);
  });

  test('is told the request, the outcome, how often it was tried, and the context', async () => {
    let told: Failure | undefined;
    let attempts: number | undefined;
    const counting: Middleware = (next) => (request, context) =>
      next(request, withExchange(context).context);
    const counted: Middleware = (next) => (request, context) => {
      withExchange(context).record.attempts += 1;
      return next(request, context);
    };
    const shop = outbound(
      upstream(status(503)),
      counting,
      fallback((failure, context) => {
        told = failure;
        attempts = context.get(exchange)?.attempts;
        return new Response();
      }),
      retry({ clock, max: 1, random: () => 0 }),
      counted,
    );
    const answer = shop(url);
    await clock.advance(1_000);
    await answer;
    expect(told?.request.url).toBe(url);
    expect(told?.outcome).toEqual({ verdict: 'failure', retryable: true, reason: '503' });
    expect(told?.response?.status).toBe(503);
    expect(told?.error).toBeUndefined();
    expect([told?.attempts, attempts]).toEqual([2, 2]);
  });

  test('is told the error', async () => {
    let told: Failure | undefined;
    const error = connectionReset();
    await outbound(
      upstream(error),
      fallback((failure) => {
        told = failure;
        return new Response();
      }),
    )(url);
    expect(told?.error).toBe(error);
    expect(told?.response).toBeUndefined();
    expect(told?.attempts).toBe(1);
  });

  test('is an event', async () => {
    const events: PolicyEvent[] = [];
    await outbound(upstream(status(503)), listening(events), fallback({}))(url);
    expect(events).toEqual([{ name: 'fallback', attributes: { reason: '503' } }]);
  });
});

describe('the body of the request', () => {
  const echo = fallback(({ request }) => new Response(request.body), { maxReplayBytes: 10 });
  const failing = () =>
    upstream(async (request) => {
      await request.text();
      return new Response(null, { status: 503 });
    });

  test('is there for the answer where that is asked for', async () => {
    const response = await outbound(failing(), echo)(streamingPut(tracedBody(['a', 'b']).stream));
    expect(await response.text()).toBe('ab');
  });

  test('is there where it is as long as allowed, be that a byte', async () => {
    const one = fallback(({ request }) => new Response(request.body), { maxReplayBytes: 1 });
    const response = await outbound(failing(), one)(streamingPut(tracedBody(['a']).stream));
    expect(await response.text()).toBe('a');
  });

  test('BR-03: that is too long leaves the failure as it is, and is an event', async () => {
    const body = tracedBody(['12345', '678901']);
    const events: PolicyEvent[] = [];
    const shop = outbound(failing(), listening(events), echo);
    const response = await shop(streamingPut(body.stream));
    expect(response.status).toBe(503);
    expect(response.headers.has('x-fetchmesh-fallback')).toBe(false);
    expect(events).toEqual([{ name: 'replay_skipped', attributes: { bytes: 10 } }]);
  });

  test('BR-03: that is too long is none where there is nothing to answer', async () => {
    const events: PolicyEvent[] = [];
    const fetch = upstream(async (request) => new Response(await request.text()));
    const shop = outbound(fetch, listening(events), echo);
    const response = await shop(streamingPut(tracedBody(['12345', '678901']).stream));
    expect(await response.text()).toBe('12345678901');
    expect(events).toEqual([]);
  });

  test('of a request that succeeds is sent on and given up', async () => {
    const body = tracedBody(['a'], { end: 'hang' });
    const fetch = upstream(async (request) => {
      await request.body?.cancel();
      return new Response();
    });
    await outbound(fetch, echo)(streamingPut(body.stream));
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('that is not asked for is not touched', async () => {
    const fetch = upstream(status(200));
    const request = new Request(url, { method: 'POST', body: 'a' });
    await outbound(fetch, fallback({}))(request);
    expect(fetch.calls[0]?.request).toBe(request);
  });
});

test('stands around injected faults, as around real ones', async () => {
  const shop = outbound(
    upstream(status(200)),
    fallback({ body: 'instead' }),
    fault({ abort: 500, percent: 100 }),
  );
  expect(await (await shop(url)).text()).toBe('instead');
});

test('describes itself', () => {
  expect(describeChain(fallback({ status: 203 }))).toBe('fallback 203');
  expect(describeChain(fallback({}))).toBe('fallback 200');
  expect(describeChain(fallback(() => new Response()))).toBe('fallback');
  expect(
    describeChain(
      fallback(function cached() {
        return new Response();
      }),
    ),
  ).toBe('fallback cached');
});
