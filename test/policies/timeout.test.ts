import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { outcomeOfResponse } from '../../src/core/outcome.ts';
import { reject, rejectionOf } from '../../src/core/rejection.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { bytesOf, tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import { stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

/** Answers after some virtual time, unless aborted. */
const after =
  (ms: number, answer: () => Response) =>
  (_: Request, init?: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      const cancel = clock.schedule(() => resolve(answer()), ms);
      init?.signal?.addEventListener('abort', () => {
        cancel();
        reject(init.signal?.reason);
      });
    });

describe('the limit', () => {
  test('answers 504 when it is reached, and says what happened', async () => {
    const answer = outbound(upstream(stalled), timeout('3s', { clock }))(url);
    await clock.advance(2_999);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    const response = await answer;
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({
      reason: 'timeout',
      detail: 'No response within 3s.',
    });
    expect(outcomeOfResponse(response)).toMatchObject({ verdict: 'failure', reason: 'timeout' });
  });

  test('aborts the attempt with a TimeoutError', async () => {
    const fetch = upstream(stalled);
    const answer = outbound(fetch, timeout('3s', { clock }))(url);
    await clock.advance(3_000);
    await answer;
    expect(fetch.calls[0]?.signal.reason).toBeInstanceOf(DOMException);
    expect(fetch.calls[0]?.signal.reason).toMatchObject({
      name: 'TimeoutError',
      message: 'No response within 3s',
    });
  });

  test('holds also where the upstream ignores its signal', async () => {
    const answer = inbound(
      () => new Promise<Response>(() => {}),
      timeout('3s', { clock }),
    )(new Request(url));
    await clock.advance(3_000);
    expect((await answer).status).toBe(504);
  });

  test('reaches an app as the signal of its request', async () => {
    let signal: AbortSignal | undefined;
    const app = inbound(
      (request) => {
        signal = request.signal;
        return new Promise<Response>(() => {});
      },
      timeout('3s', { clock }),
    );
    const answer = app(new Request(url));
    await clock.advance(3_000);
    await answer;
    expect(signal?.reason).toMatchObject({ name: 'TimeoutError' });
  });

  test('passes the very response through that comes in time', async () => {
    const response = new Response('hello');
    expect(await outbound(upstream(response), timeout('3s', { clock }))(url)).toBe(response);
  });

  test('passes a rejection through by identity', async () => {
    const error = new Error('no');
    await expect(outbound(upstream(error), timeout('3s', { clock }))(url)).rejects.toBe(error);
  });

  test('says to the layers further in when it ends', async () => {
    let end: number | undefined;
    const seeing: Middleware = (next) => (request, context) => {
      end = context.get(deadline);
      return next(request, context);
    };
    await outbound(upstream(status(200)), timeout('3s', { clock }), seeing)(url);
    expect(end).toBe(clock.monotonic() + 3_000);
  });

  test('is not moved by a wall clock that jumps', async () => {
    const answer = outbound(upstream(stalled), timeout('3s', { clock }))(url);
    clock.jump(-3_600_000);
    await clock.advance(2_999);
    clock.jump(7_200_000);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect((await answer).status).toBe(504);
  });
});

describe('the response', () => {
  test('TO-06: once its headers have come, the limit has no effect', async () => {
    const body = tracedBody(['slow ', 'body']);
    const fetch = upstream(() => new Response(body.stream));
    const response = await outbound(fetch, timeout('1s', { clock }))(url);
    await clock.advance(10_000);
    expect(await response.text()).toBe('slow body');
    expect(fetch.calls[0]?.signal.aborted).toBe(false);
  });

  test('TO-08: leaves the signal unaborted when it is handed over', async () => {
    const fetch = upstream(status(200));
    await outbound(fetch, timeout('1s', { clock }))(url);
    await settled();
    expect(fetch.calls[0]?.signal.aborted).toBe(false);
  });

  test('that comes too late is cancelled', async () => {
    const body = tracedBody(['late'], { end: 'hang' });
    let answerLate: ((response: Response) => void) | undefined;
    const fetch = upstream(
      () =>
        new Promise((resolve) => {
          answerLate = resolve;
        }),
    );
    const answer = outbound(fetch, timeout('1s', { clock }))(url);
    await clock.advance(1_000);
    expect((await answer).status).toBe(504);
    answerLate?.(new Response(body.stream));
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('that fails too late is forgotten', async () => {
    let failLate: ((error: Error) => void) | undefined;
    const fetch = upstream(
      () =>
        new Promise((_, reject) => {
          failLate = reject;
        }),
    );
    const answer = outbound(fetch, timeout('1s', { clock }))(url);
    await clock.advance(1_000);
    await answer;
    // A rejection that nobody handles would fail the run.
    failLate?.(new Error('late'));
    await settled();
  });

  test.each([
    ['before', 200],
    ['after', 504],
  ])(
    'TO-14: due at the very tick of the limit, %s it, makes the one outcome %d',
    async (order, expected) => {
      const body = tracedBody(['x'], { end: 'hang' });
      let respond: (() => void) | undefined;
      const fetch = upstream(
        () =>
          new Promise((resolve) => {
            respond = () => resolve(new Response(body.stream));
          }),
      );
      // Timers that fall due together fire in the order in which they were set.
      const setTimer = () => clock.schedule(() => respond?.(), 1_000);
      if (order === 'before') setTimer();
      const answer = outbound(fetch, timeout('1s', { clock }))(url);
      await settled();
      if (order === 'after') setTimer();
      await clock.advance(1_000);
      expect((await answer).status).toBe(expected);
      expect(body.cancels).toBe(expected === 504 ? 1 : 0);
    },
  );

  test('an abort between its headers and its end reaches the upstream', async () => {
    const fetch = upstream((_, init) => {
      const signal = init?.signal;
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new Uint8Array(1));
          signal?.addEventListener('abort', () => controller.error(signal.reason), { once: true });
        },
      });
      return new Response(stream);
    });
    const caller = new AbortController();
    const shop = outbound(fetch, timeout('9s', { clock }), timeout('1s', { clock }));
    const response = await shop(url, { signal: caller.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const reading = reader.read().catch((reason: unknown) => reason);
    caller.abort('seen enough');
    expect(await reading).toBe('seen enough');
  });
});

describe('a limit that covers the body', () => {
  const covering = (limit = '1s') => timeout(limit, { body: true, clock });
  const half = () => tracedBody(['half'], { end: 'hang' });

  test('TO-07: ends a body that hangs, for its reader and its source', async () => {
    const body = half();
    const fetch = upstream(() => new Response(body.stream));
    const response = await outbound(fetch, covering())(url);
    const reading = bytesOf(response).catch((reason: unknown) => reason);
    await clock.advance(1_000);
    expect(await reading).toMatchObject({
      name: 'TimeoutError',
      message: 'No complete response within 1s',
    });
    expect(fetch.calls[0]?.signal.reason).toMatchObject({ name: 'TimeoutError' });
    expect(body.cancels).toBe(1);
  });

  test('TO-07: ends a body that nobody reads', async () => {
    const body = half();
    const response = await outbound(upstream(new Response(body.stream)), covering())(url);
    await clock.advance(1_000);
    await expect(bytesOf(response)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(body.cancels).toBe(1);
  });

  test('reads nothing of it before somebody else does', async () => {
    const body = tracedBody(['one']);
    const response = await outbound(upstream(new Response(body.stream)), covering())(url);
    await settled();
    expect(body.pulls).toBe(0);
    await response.text();
  });

  test('lets a body through that is complete in time, and leaves nothing behind', async () => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const fetch = upstream(
      () =>
        new Response(tracedBody(['one ', 'two']).stream, {
          status: 201,
          statusText: 'Made',
          headers: { 'x-a': '1' },
        }),
    );
    const response = await outbound(fetch, covering())(request);
    expect([response.status, response.statusText, response.headers.get('x-a')]).toEqual([
      201,
      'Made',
      '1',
    ]);
    expect(await response.text()).toBe('one two');
    expect(clock.pending).toBe(0);
    expect(listeners.current).toBe(0);
    expect(fetch.calls[0]?.signal.aborted).toBe(false);
  });

  test('is over when the reader wants no more, or the body fails by itself', async () => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const unwanted = half();
    const broken = new Error('broken');
    const failing = tracedBody(['half'], { end: broken });
    const fetch = upstream(
      () => new Response(unwanted.stream),
      () => new Response(failing.stream),
    );
    const shop = outbound(fetch, covering());
    await (await shop(request)).body?.cancel('enough');
    expect(unwanted.cancelReason).toBe('enough');
    await expect(bytesOf(await shop(request))).rejects.toBe(broken);
    expect(clock.pending).toBe(0);
    expect(listeners.current).toBe(0);
  });

  test('hands over by identity what has no body or cannot be made anew', async () => {
    for (const response of [new Response(null, { status: 204 }), Response.error()]) {
      expect(await outbound(upstream(response), covering())(url)).toBe(response);
      expect(clock.pending).toBe(0);
    }
  });

  test.each([
    [199, true],
    [200, false],
    [599, false],
    // As some sites answer robots: fetch hands it over, and no response can be made with it.
    [600, true],
  ])('hands over by identity what has status %i: %s', async (code, isHandedOver) => {
    const response = Object.defineProperty(new Response('hello'), 'status', { value: code });
    const got = await outbound(upstream(response), covering())(url);
    expect(got === response).toBe(isHandedOver);
    expect(got.status).toBe(code);
    await got.text();
  });

  test('keeps the brand of an answer that is our own', async () => {
    const shop = outbound(
      upstream(() => reject('rate_limited')),
      covering(),
    );
    const response = await shop(url);
    expect(rejectionOf(response)?.reason).toBe('rate_limited');
    await response.text();
  });

  test('reaches further than an outer limit that ends with the headers', async () => {
    const body = half();
    const fetch = upstream(() => new Response(body.stream));
    const shop = outbound(fetch, timeout('500ms', { clock }), covering());
    const reading = bytesOf(await shop(url)).catch((reason: unknown) => reason);
    await clock.advance(1_000);
    expect(await reading).toMatchObject({ name: 'TimeoutError' });
  });

  test('the caller that leaves while nobody reads the body leaves no timer behind', async () => {
    const body = half();
    const caller = new AbortController();
    const shop = outbound(upstream(new Response(body.stream)), covering());
    const response = await shop(url, { signal: caller.signal });
    caller.abort('gone');
    expect(clock.pending).toBe(0);
    await expect(bytesOf(response)).rejects.toBe('gone');
    expect(body.cancels).toBe(1);
  });

  test('the caller that leaves in the middle of a body ends it with its own reason', async () => {
    const body = half();
    const caller = new AbortController();
    const fetch = upstream(() => new Response(body.stream));
    const response = await outbound(fetch, covering())(url, { signal: caller.signal });
    const reading = bytesOf(response).catch((reason: unknown) => reason);
    await settled();
    caller.abort('gone');
    expect(await reading).toBe('gone');
    expect(body.cancels).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('without headers it is a limit like any other', async () => {
    const answer = outbound(upstream(stalled), covering())(url);
    await clock.advance(1_000);
    expect(rejectionOf(await answer)?.reason).toBe('timeout');
  });
});

describe('the caller', () => {
  test('TO-09: that leaves first gets exactly its own reason, and it is no timeout', async () => {
    const reason = { left: true };
    const caller = new AbortController();
    const fetch = upstream(stalled);
    const answer = outbound(fetch, timeout('3s', { clock }))(url, { signal: caller.signal });
    await clock.advance(100);
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(fetch.calls[0]?.signal.reason).toBe(reason);
  });

  test('TO-09: that leaves because of a time limit of its own gets its own reason, too', async () => {
    const reason = new DOMException('mine', 'TimeoutError');
    const caller = new AbortController();
    const answer = outbound(upstream(stalled), timeout('3s', { clock }))(url, {
      signal: caller.signal,
    });
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });

  test('TO-10: that left before is told so, and fetch is never called', async () => {
    const fetch = upstream(status(200));
    const signal = AbortSignal.abort('gone');
    await expect(outbound(fetch, timeout('3s', { clock }))(url, { signal })).rejects.toBe('gone');
    expect(fetch.calls).toHaveLength(0);
    expect(clock.delays).toEqual([]);
  });

  test('TO-11: that calls a thousand times on one signal has no listener left on it', async () => {
    // The signal of a request, since Node adds a listener of its own for each request made from a signal.
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const fetch = upstream(status(204), new Error('no'), status(204));
    const shop = outbound(fetch, timeout('3s', { clock }), timeout('1s', { clock }));
    for (let call = 0; call < 1_000; call++) {
      await shop(request).catch(() => {});
    }
    expect(fetch.calls).toHaveLength(1_000);
    expect(listeners).toEqual({ current: 0, highest: 1 });
  });

  test('TO-11: that calls a hundred times at once has as many listeners, and none afterwards', async () => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const shop = outbound(upstream(stalled), timeout('1s', { clock }));
    const answers = Array.from({ length: 100 }, () => shop(request));
    await settled();
    expect(listeners.current).toBe(100);
    await clock.advance(1_000);
    await Promise.all(answers);
    expect(listeners.current).toBe(0);
  });

  test('TO-12: after a timeout the next call has a fresh signal', async () => {
    const fetch = upstream(stalled, status(200));
    const shop = outbound(fetch, timeout('1s', { clock }));
    const first = shop(url);
    await clock.advance(1_000);
    await first;
    expect((await shop(url)).status).toBe(200);
    expect(fetch.calls.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  });
});

describe('limits inside of limits', () => {
  test('TO-04: the one that comes first counts, with its own answer', async () => {
    for (const [outer, inner, detail] of [
      ['1s', '5s', 'No response within 1s.'],
      ['5s', '1s', 'No response within 1s.'],
      ['1s', '1s', 'No response within 1s.'],
    ] as const) {
      const limits = [timeout(outer, { clock }), timeout(inner, { clock })];
      const answer = outbound(upstream(stalled), ...limits)(url);
      await clock.advance(1_000);
      expect(rejectionOf(await answer)?.detail).toBe(detail);
    }
  });

  test.each(['1s', '5s'] as const)(
    'TO-04: one of %s inside of one of 1s needs no timer',
    async (inner) => {
      const limits = [timeout('1s', { clock }), timeout(inner, { clock })];
      await outbound(upstream(status(200)), ...limits)(url);
      expect(clock.delays).toEqual([1_000]);
    },
  );

  test.each([1_000, 2_000])(
    'an outer limit that has passed, now or before, leaves the inner one in force: %i ms',
    async (passedMs) => {
      // Work that goes on after the response, such as a body that is made from further calls.
      let limited: Context | undefined;
      const keeping: Middleware = (next) => (request, context) => {
        limited = context;
        return next(request, context);
      };
      await outbound(upstream(status(204)), timeout('1s', { clock }), keeping)(url);
      await clock.advance(passedMs);
      const answer = outbound(upstream(stalled), timeout('3s', { clock }))(url, {}, limited);
      await clock.advance(3_000);
      expect((await answer).status).toBe(504);
    },
  );

  test('a signal in the context is followed and never replaced', async () => {
    const policy = new AbortController();
    const context = Context.background().with(abortSignal, policy.signal);
    const fetch = upstream(stalled);
    const answer = outbound(fetch, timeout('3s', { clock }))(url, {}, context);
    await settled();
    policy.abort('hedged away');
    await expect(answer).rejects.toBe('hedged away');
    expect(fetch.calls[0]?.signal.reason).toBe('hedged away');
  });
});

describe('what goes on inside', () => {
  test('pitfall 17: a middleware that throws at once rejects, and no timer stays', async () => {
    const throwing: Middleware = () => () => {
      throw new Error('at once');
    };
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const shop = outbound(upstream(status(200)), timeout('1s', { clock }), throwing);
    await expect(shop(request)).rejects.toThrow('at once');
    expect(clock.pending).toBe(0);
    expect(listeners.current).toBe(0);
  });

  test('pitfall 17: a middleware that answers at once does, and no timer stays', async () => {
    const answering = (() => () => new Response('at once')) as unknown as Middleware;
    const shop = outbound(upstream(status(200)), timeout('1s', { clock }), answering);
    expect(await (await shop(url)).text()).toBe('at once');
    expect(clock.pending).toBe(0);
  });

  test('TO-02: overall reached: no retry, whatever retry_on says', async () => {
    const fetch = upstream(stalled);
    const shop = outbound(
      fetch,
      timeout('1s', { clock }),
      retry({ clock, max: 5, retryOn: ['timeout', 'reset', '5xx', 504] }),
    );
    const answer = shop(url);
    await clock.advance(1_000);
    expect((await answer).status).toBe(504);
    await clock.advance(60_000);
    expect(fetch.calls).toHaveLength(1);
  });

  test('TO-01: what the first try took is missing to the wait and the second one', async () => {
    const starts: number[] = [];
    const fetch = upstream((request, init) => {
      starts.push(clock.monotonic());
      return starts.length === 1
        ? after(2_700, () => new Response(null, { status: 503 }))(request, init)
        : stalled(request, init);
    });
    const began = clock.monotonic();
    const shop = outbound(
      fetch,
      timeout('3s', { clock }),
      retry({ clock, baseDelay: '100ms', jitter: 'none' }),
    );
    const answer = shop(url).then((response) => [response.status, clock.monotonic() - began]);
    await clock.advance(10_000);
    expect(starts.map((at) => at - began)).toEqual([0, 2_800]);
    expect(await answer).toEqual([504, 3_000]);
  });
});

describe('configuration', () => {
  test.each([false as const, '0s', '0ms'])('TO-13: %s is a pass-through', async (limit) => {
    const fetch = upstream(status(200));
    const off = timeout(limit, { clock });
    await outbound(fetch, off)(url);
    expect(fetch.calls[0]?.init).toBeUndefined();
    expect(clock.delays).toEqual([]);
    expect(describeChain(off)).toBe('timeout off');
  });

  test('the limit is 15 s where none is given, as in Envoy', () => {
    expect(describeChain(timeout())).toBe('timeout 15s');
    expect(describeChain(timeout('3s', { body: true }))).toBe('timeout 3s, body included');
  });

  test('TO-13: the longest delay of timers is accepted', () => {
    expect(describeChain(timeout('2147483647ms'))).toBe('timeout 2147483647ms');
  });
});
