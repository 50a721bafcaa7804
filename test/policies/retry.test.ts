import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import { attemptCountHeader } from '../../src/core/attempt.ts';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { type Endpoint, recordPick, triedEndpoints } from '../../src/core/endpoint.ts';
import { attemptNumber } from '../../src/core/event.ts';
import { withExchange } from '../../src/core/exchange.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { type RetryOptions, retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { bytesOf, streamingPut, tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import { retryTrial } from '../support/retrying.ts';
import { type Answer, connectionReset, stalled, status, upstream } from '../support/upstream.ts';
import { settled } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';

let { clock, events, listening, retrying, call } = retryTrial();

beforeEach(() => {
  ({ clock, events, listening, retrying, call } = retryTrial());
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

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

describe('per try', () => {
  test('TO-03, RT-18: a stalled try is aborted at its limit, and the next has a fresh signal', async () => {
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
});

describe('who is told', () => {
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

  const denying = { deposit() {}, withdraw: () => false };
  const recorded = () => {
    const { record, context } = withExchange(Context.background('inbound'));
    const recording: Middleware = (next) => (request) => next(request, context);
    return { record, recording };
  };
  test.each<[string, readonly Answer[], RetryOptions, readonly string[]]>([
    ['the last retry failed as well', [status(503)], {}, ['URX']],
    ['there was none', [status(503)], { max: 0 }, []],
    ['one succeeded', [status(503), status(200)], {}, []],
    ['the last one failed for good', [status(503), status(503), status(404)], {}, []],
    ['the budget denied one', [status(503)], { max: 1, budget: denying }, ['UO']],
  ])('the record of the request where %s', async (_, answers, options, flags) => {
    const { recording, record } = recorded();
    const answer = outbound(upstream(...answers), recording, retrying(options))(url);
    await clock.advance(1_000);
    await answer;
    expect(record.flags).toEqual(flags);
  });

  test('not the record where the caller left during the last retry', async () => {
    const caller = new AbortController();
    const fetch = upstream(status(503), () => {
      caller.abort('gone');
      throw connectionReset();
    });
    const { recording, record } = recorded();
    const shop = outbound(fetch, recording, retrying({ max: 1 }));
    const answer = shop(url, { signal: caller.signal });
    const left = expect(answer).rejects.toBe('gone');
    await clock.advance(1_000);
    await left;
    expect(record.flags).toEqual([]);
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
          ({ clock, events, listening, retrying, call } = retryTrial());
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
    expect(describeChain(retry({ max: 1, backoff: () => 0, jitter: () => 0 }))).toBe(
      'retry max 1, own backoff, own jitter',
    );
  });
});
