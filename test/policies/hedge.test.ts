import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { recordPick, triedEndpoints } from '../../src/core/endpoint.ts';
import { attemptNumber, eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { outcomeOfError } from '../../src/core/outcome.ts';
import { reject, rejectionOf } from '../../src/core/rejection.ts';
import { type HedgeOptions, hedge } from '../../src/policies/hedge.ts';
import { retry } from '../../src/policies/retry.ts';
import { retryBudget } from '../../src/policies/retry-budget.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { bytesOf, streamingPut, tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import {
  type Answer,
  type Answering,
  connectionReset,
  stalled,
  status,
  upstream,
} from '../support/upstream.ts';
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

const hedging = (options: HedgeOptions = {}) => hedge({ clock, delay: '500ms', ...options });

/** Answers after some virtual time, unless it is aborted. */
const later =
  (ms: number, answer: Answer): Answering =>
  (request, init) =>
    new Promise((resolve, rejectWith) => {
      const cancel = clock.schedule(() => {
        if (answer instanceof Error) rejectWith(answer);
        else resolve(typeof answer === 'function' ? answer(request, init) : answer);
      }, ms);
      const signal = init?.signal ?? request.signal;
      signal.addEventListener('abort', () => {
        cancel();
        rejectWith(signal.reason);
      });
    });

describe('when', () => {
  test('HG-01: four tries at 0, 500, 1000 and 1500 ms', async () => {
    const starts: number[] = [];
    const began = clock.monotonic();
    const fetch = upstream((request, init) => {
      starts.push(clock.monotonic() - began);
      return stalled(request, init);
    });
    const caller = new AbortController();
    const answer = outbound(fetch, hedging({ max: 3 }))(url, { signal: caller.signal });
    await clock.advance(10_000);
    expect(starts).toEqual([0, 500, 1_000, 1_500]);
    caller.abort('enough');
    await expect(answer).rejects.toBe('enough');
  });

  test('an answer in time makes one call, the very response, and leaves no timer', async () => {
    const response = new Response('hello');
    const fetch = upstream(response);
    expect(await outbound(fetch, hedging())(url)).toBe(response);
    expect(fetch.calls).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('HG-03: a failure that may pass brings on the next try at once, later ones keep the delay', async () => {
    const starts: number[] = [];
    const began = clock.monotonic();
    const answers = [later(100, status(503)), stalled, later(300, status(200))];
    const fetch = upstream((request, init) => {
      starts.push(clock.monotonic() - began);
      const answer = answers[starts.length - 1] as Exclude<Answer, Response | Error>;
      return answer(request, init);
    });
    const answer = outbound(fetch, hedging({ max: 3 }))(url);
    await clock.advance(10_000);
    expect((await answer).status).toBe(200);
    expect(starts).toEqual([0, 100, 600]);
  });

  test.each([
    ['grpc-retry-pushback-ms', '2000'],
    ['retry-after', '2'],
    ['retry-after', 'Wed, 01 Jan 2025 00:00:02 GMT'],
  ])('HG-03: a server that says when has its next try then: %s: %s', async (header, when) => {
    const fetch = upstream(status(503, { [header]: when }), status(200));
    const answer = outbound(fetch, hedging())(url);
    await clock.advance(1_999);
    expect(fetch.calls).toHaveLength(1);
    await clock.advance(1);
    expect((await answer).status).toBe(200);
  });

  test.each(['60001', '3600000'])(
    'HG-03: in more than a minute, %s ms, there is no further try',
    async (pushback) => {
      const fetch = upstream(status(503, { 'grpc-retry-pushback-ms': pushback }));
      const answer = outbound(fetch, hedging({ max: 4 }))(url);
      await clock.advance(0);
      expect((await answer).status).toBe(503);
      await clock.advance(3_600_000);
      expect(fetch.calls).toHaveLength(1);
      // Nor is it waited for.
      expect(clock.delays).toEqual([500]);
    },
  );

  test('HG-03: in a minute there is one', async () => {
    const fetch = upstream(status(503, { 'grpc-retry-pushback-ms': '60000' }), status(200));
    const answer = outbound(fetch, hedging())(url);
    await clock.advance(60_000);
    expect((await answer).status).toBe(200);
  });

  test('HG-03: a server that says never has no further try', async () => {
    const fetch = upstream(status(503, { 'grpc-retry-pushback-ms': '-1' }));
    expect((await outbound(fetch, hedging({ max: 4 }))(url)).status).toBe(503);
    expect(fetch.calls).toHaveLength(1);
  });

  test('no try begins at or after the deadline', async () => {
    const fetch = upstream(stalled);
    const answer = outbound(fetch, timeout('1s', { clock }), hedging({ max: 4 }))(url);
    await clock.advance(10_000);
    expect((await answer).status).toBe(504);
    expect(fetch.calls).toHaveLength(2);
  });

  test.each([
    [501, 2],
    [500, 1],
  ])('with a deadline in %d ms and a delay of 500 there are %d tries', async (leftMs, tries) => {
    const fetch = upstream(later(10_000, status(200)));
    const context = Context.background('outbound').with(deadline, clock.monotonic() + leftMs);
    const answer = outbound(fetch, hedging())(url, undefined, context);
    await clock.advance(10_500);
    expect((await answer).status).toBe(200);
    expect(fetch.calls).toHaveLength(tries);
  });

  describe('by percentile', () => {
    const warm = async (options: HedgeOptions, latencies: readonly number[]) => {
      const answers = latencies.map((ms) => later(ms, status(200)));
      const fetch = upstream(...answers, stalled);
      const shop = outbound(fetch, hedging({ delay: 'p90', ...options }));
      for (const ms of latencies) {
        const answer = shop(url);
        await clock.advance(ms);
        await answer;
      }
      return { fetch, shop };
    };

    test('HG-10: nothing is hedged before enough was seen', async () => {
      const { fetch, shop } = await warm({ minSamples: 3 }, [10, 20]);
      const caller = new AbortController();
      const answer = shop(url, { signal: caller.signal });
      await clock.advance(60_000);
      expect(fetch.calls).toHaveLength(3);
      caller.abort('enough');
      await expect(answer).rejects.toBe('enough');
    });

    test('HG-10: and until then a failure brings on no other try', async () => {
      const fetch = upstream(status(503));
      expect((await outbound(fetch, hedging({ delay: 'p95' }))(url)).status).toBe(503);
      expect(fetch.calls).toHaveLength(1);
    });

    test('HG-10: what failed, and what came after it, says nothing of how long first tries take', async () => {
      let answers: Answering[] = [later(100, status(200))];
      const fetch = upstream((request, init) => (answers.shift() as Answering)(request, init));
      const shop = outbound(fetch, hedging({ delay: 'p50', minSamples: 1 }));
      const call = async (ms: number) => {
        const answer = shop(url);
        await clock.advance(ms);
        await answer;
      };
      await call(100);
      for (let failed = 0; failed < 40; failed++) {
        answers = [status(503), later(1_000, status(200))];
        await call(1_000);
      }
      for (let failed = 0; failed < 100; failed++) {
        answers = [status(505)];
        await call(0);
      }
      answers = [later(500, status(200)), later(500, status(200))];
      const before = fetch.calls.length;
      const answer = shop(url);
      await clock.advance(99);
      expect(fetch.calls.length - before).toBe(1);
      await clock.advance(1);
      expect(fetch.calls.length - before).toBe(2);
      await clock.advance(400);
      await answer;
    });

    test('HG-10: then the percentile of what was seen is the delay', async () => {
      const latencies = Array.from({ length: 10 }, (_, index) => (index + 1) * 10);
      const { fetch, shop } = await warm({ minSamples: 10 }, latencies);
      const caller = new AbortController();
      const answer = shop(url, { signal: caller.signal });
      await clock.advance(89);
      expect(fetch.calls).toHaveLength(11);
      await clock.advance(1);
      expect(fetch.calls).toHaveLength(12);
      caller.abort('enough');
      await expect(answer).rejects.toBe('enough');
    });

    test.each([
      ['where nothing needs to be seen, and nothing was', 0, []],
      ['where less was seen', 1, [0]],
    ])('HG-10: it is a millisecond %s', async (_, minSamples, latencies) => {
      const { shop } = await warm({ minSamples }, latencies);
      const caller = new AbortController();
      const answer = shop(url, { signal: caller.signal });
      await settled();
      expect(clock.delays.at(-1)).toBe(1);
      caller.abort('enough');
      await expect(answer).rejects.toBe('enough');
    });

    test('HG-10: first tries that lost count with the time that they were let', async () => {
      const { fetch, shop } = await warm({ minSamples: 4 }, [10, 10, 10, 10]);
      for (let hedged = 0; hedged < 40; hedged++) {
        const caller = new AbortController();
        const answer = shop(url, { signal: caller.signal });
        await clock.advance(100);
        caller.abort('next');
        await expect(answer).rejects.toBe('next');
      }
      const before = fetch.calls.length;
      const caller = new AbortController();
      const answer = shop(url, { signal: caller.signal });
      await clock.advance(99);
      expect(fetch.calls.length - before).toBe(1);
      await clock.advance(1);
      expect(fetch.calls.length - before).toBe(2);
      caller.abort('enough');
      await expect(answer).rejects.toBe('enough');
    });

    test('HG-10: a first try that lost has taken at least as long as it was let: the delay does not shrink', async () => {
      const { fetch, shop } = await warm({ minSamples: 4 }, [100, 100, 100, 100]);
      for (let hedged = 0; hedged < 100; hedged++) {
        const before = fetch.calls.length;
        const caller = new AbortController();
        const answer = shop(url, { signal: caller.signal });
        await clock.advance(99);
        expect(fetch.calls.length - before).toBe(1);
        await clock.advance(1);
        expect(fetch.calls.length - before).toBe(2);
        caller.abort('next');
        await expect(answer).rejects.toBe('next');
      }
    });
  });
});

describe('who wins', () => {
  test('HG-02: the first good answer; the losers are aborted, and cancelled if they answer late', async () => {
    const late = tracedBody(['late'], { end: 'hang' });
    let answerLate: ((response: Response) => void) | undefined;
    const deaf: Answer = () =>
      new Promise((resolve) => {
        answerLate = resolve;
      });
    const fetch = upstream(deaf, stalled, status(200));
    const answer = outbound(fetch, hedging({ max: 2 }))(url);
    await clock.advance(1_000);
    const response = await answer;
    expect(await response.text()).toBe('status 200');
    const lost = { name: 'AbortError', message: 'Another try answered first' };
    expect(fetch.calls.map(({ signal }) => signal.reason)).toMatchObject([lost, lost, undefined]);
    answerLate?.(new Response(late.stream));
    await settled();
    expect(late.cancels).toBe(1);
  });

  test('HG-02: the first try may win after all', async () => {
    const fetch = upstream(later(700, status(200)), stalled);
    const answer = outbound(fetch, hedging())(url);
    await clock.advance(700);
    expect((await answer).status).toBe(200);
    expect(fetch.calls.map(({ signal }) => signal.aborted)).toEqual([false, true]);
  });

  test('HG-02: what a loser fails with is forgotten', async () => {
    let failLate: ((error: Error) => void) | undefined;
    const deaf: Answer = () =>
      new Promise((_, rejectWith) => {
        failLate = rejectWith;
      });
    const answer = outbound(upstream(deaf, status(200)), hedging())(url);
    await clock.advance(500);
    await answer;
    // A rejection that nobody handles would fail the run.
    failLate?.(new Error('late'));
    await settled();
  });

  test.each([404, 501, 505])('HG-04: a %d is final: the others are cancelled', async (code) => {
    const fetch = upstream(stalled, status(code));
    const answer = outbound(fetch, hedging({ max: 4 }))(url);
    await clock.advance(500);
    expect((await answer).status).toBe(code);
    expect(fetch.calls[0]?.signal.aborted).toBe(true);
  });

  test('HG-04: a bug is final, too', async () => {
    const bug = new Error('bug');
    await expect(outbound(upstream(bug), hedging())(url)).rejects.toBe(bug);
  });

  test('HG-05: where all fail, the last failure is handed over, and the others are cancelled', async () => {
    const bodies = [tracedBody(['a'], { end: 'hang' }), tracedBody(['b'])];
    const fetch = upstream(
      () => new Response(bodies[0]?.stream, { status: 500 }),
      () => new Response(bodies[1]?.stream, { status: 503 }),
    );
    const response = await outbound(fetch, hedging())(url);
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('b');
    expect(bodies.map(({ cancels }) => cancels)).toEqual([1, 0]);
  });

  test('HG-05: a rejection that came last is handed over by identity', async () => {
    const last = connectionReset();
    const shop = outbound(upstream(status(503), connectionReset(), last), hedging({ max: 2 }));
    await expect(shop(url)).rejects.toBe(last);
  });

  test('HG-05: an answer of our own does not take the place of a failure of the upstream', async () => {
    const fetch = upstream(later(600, status(503)), () => reject('rate_limited'));
    const answer = outbound(fetch, hedging())(url);
    await clock.advance(600);
    expect((await answer).status).toBe(503);
  });

  test('HG-05: of two answers of our own the last is handed over', async () => {
    const fetch = upstream(
      later(600, () => reject('rate_limited')),
      later(600, () => reject('shed')),
    );
    const answer = outbound(fetch, hedging())(url);
    await clock.advance(1_100);
    expect(rejectionOf(await answer)?.reason).toBe('shed');
  });

  test('CO-06, HG-02: a failure that a later try makes good is cancelled', async () => {
    const failed = tracedBody(['down'], { end: 'hang' });
    const fetch = upstream(() => new Response(failed.stream, { status: 503 }), status(200));
    expect((await outbound(fetch, hedging())(url)).status).toBe(200);
    expect(failed.cancels).toBe(1);
  });

  test('HG-05: nor where it comes after that failure', async () => {
    const body = tracedBody(['down']);
    const fetch = upstream(
      () => new Response(body.stream, { status: 503 }),
      () => reject('rate_limited'),
    );
    const response = await outbound(fetch, hedging())(url);
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('down');
    expect(fetch.calls).toHaveLength(2);
  });

  test('an answer of our own to the only try is the answer, at once', async () => {
    const fetch = upstream(() => reject('rate_limited'));
    const response = await outbound(fetch, hedging({ max: 4 }))(url);
    expect(rejectionOf(response)?.reason).toBe('rate_limited');
    expect(fetch.calls).toHaveLength(1);
  });

  test('an answer of our own to a further try leaves it to the others, and to the next one in its time', async () => {
    const starts: number[] = [];
    const began = clock.monotonic();
    const answers = [stalled, () => reject('rate_limited'), status(200)];
    const fetch = upstream((request, init) => {
      starts.push(clock.monotonic() - began);
      return (answers[starts.length - 1] as Answering)(request, init);
    });
    const answer = outbound(fetch, hedging({ max: 2 }))(url);
    await clock.advance(1_000);
    expect((await answer).status).toBe(200);
    expect(starts).toEqual([0, 500, 1_000]);
  });

  test('RT-19: a breaker that refuses what is no endpoint among others is the answer', async () => {
    const fetch = upstream(() => reject('circuit_breaker_open'));
    const response = await outbound(fetch, hedging({ max: 4 }))(url);
    expect(rejectionOf(response)?.reason).toBe('circuit_breaker_open');
    expect(fetch.calls).toHaveLength(1);
  });

  test('HG-08: a loser’s end says nothing about its upstream', async () => {
    const verdicts: string[] = [];
    const judging: Middleware = (next) => async (request, context) => {
      try {
        return await next(request, context);
      } catch (error) {
        verdicts.push(outcomeOfError(error, context.get(abortSignal)).verdict);
        throw error;
      }
    };
    const answer = outbound(upstream(stalled, status(200)), hedging(), judging)(url);
    await clock.advance(500);
    await answer;
    await settled();
    expect(verdicts).toEqual(['ignored']);
  });
});

describe('what is hedged', () => {
  test.each([
    ['GET', {}, {}, 2],
    ['PUT', {}, {}, 2],
    ['POST', {}, {}, 1],
    ['POST', { unsafeMethods: 'always' }, {}, 2],
    ['POST', { unsafeMethods: 'idempotency_key' }, {}, 1],
    ['POST', { unsafeMethods: 'idempotency_key' }, { 'idempotency-key': 'k' }, 2],
  ] as const)(
    'HG-06: %s with %j and %j is sent %d times',
    async (method, options, headers, tries) => {
      const fetch = upstream(later(5_000, status(200)));
      const answer = outbound(fetch, hedging(options))(url, { method, headers });
      await clock.advance(5_000);
      await answer;
      expect(fetch.calls).toHaveLength(tries);
    },
  );

  test('HG-06: every try sends the whole body', async () => {
    const bodies: string[] = [];
    const fetch = upstream(async (request, init) => {
      bodies.push(await request.text());
      return bodies.length === 1 ? stalled(request, init) : new Response('ok');
    });
    const answer = outbound(fetch, hedging())(url, { method: 'PUT', body: 'hello' });
    await clock.advance(500);
    expect((await answer).status).toBe(200);
    expect(bodies).toEqual(['hello', 'hello']);
  });

  test('HG-06: a stream that has been read to its end is sent again', async () => {
    const bodies: string[] = [];
    const fetch = upstream(async (request, init) => {
      bodies.push(new TextDecoder().decode(await bytesOf(request)));
      return bodies.length === 1 ? stalled(request, init) : new Response('ok');
    });
    const answer = outbound(fetch, hedging())(streamingPut(tracedBody(['one ', 'two']).stream));
    await clock.advance(500);
    expect((await answer).status).toBe(200);
    expect(bodies).toEqual(['one two', 'one two']);
  });

  test('HG-06: a try that wins before it has sent all of it sends the rest', async () => {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    const whole = async (request: Request, init?: RequestInit) => {
      await bytesOf(request);
      return stalled(request, init);
    };
    const early = async (request: Request, init?: RequestInit) => {
      reader = request.body?.getReader();
      await reader?.read();
      return later(700, status(200))(request, init);
    };
    const shop = outbound(upstream(whole, early, stalled), hedging({ max: 2 }));
    const answer = shop(streamingPut(tracedBody(['one', 'two']).stream));
    await clock.advance(1_200);
    expect((await answer).status).toBe(200);
    const rest = await reader?.read();
    expect(new TextDecoder().decode(rest?.value)).toBe('two');
  });

  test('HG-06: a body that cannot be made anew fails the request', async () => {
    let made = 0;
    const body = () => {
      made += 1;
      if (made > 1) throw new Error('no second one');
      return 'hello';
    };
    const fetch = upstream(stalled);
    const answer = outbound(fetch, hedging())(url, { method: 'PUT', body });
    const failure = answer.catch((error: Error) => error.message);
    await clock.advance(500);
    expect(await failure).toBe('no second one');
    expect(fetch.calls[0]?.signal.aborted).toBe(true);
  });

  test.each([
    ['is still being read', 262_144, ['a', 'b']],
    ['is too long to be kept', 1, ['abc']],
  ])('HG-06: a stream that %s is sent once', async (_, maxReplayBytes, chunks) => {
    const caller = new AbortController();
    const source = tracedBody(chunks, { end: 'hang' });
    const fetch = upstream(async (request, init) => {
      await request.body?.getReader().read();
      return stalled(request, init);
    });
    const shop = outbound(fetch, listening, hedging({ maxReplayBytes }));
    const answer = shop(streamingPut(source.stream, { signal: caller.signal }));
    await clock.advance(500);
    expect(fetch.calls).toHaveLength(1);
    expect(events).toEqual([{ name: 'hedge_skipped', attributes: { reason: 'body' } }]);
    caller.abort('gone');
    await expect(answer).rejects.toBe('gone');
  });

  test('HG-06: one that the only try wants no more of is cancelled', async () => {
    const source = tracedBody(['one', 'two'], { end: 'hang' });
    const fetch = upstream(async (request) => {
      await request.body?.cancel();
      return new Response('enough');
    });
    const response = await outbound(fetch, hedging())(streamingPut(source.stream));
    expect(await response.text()).toBe('enough');
    expect(source.cancels).toBe(1);
  });

  test('HG-06: and again, whole, once nobody reads it any more', async () => {
    const bodies: string[] = [];
    const partly = async (request: Request, init?: RequestInit) => {
      await request.body?.getReader().read();
      return later(600, status(503))(request, init);
    };
    const fetch = upstream(partly, async (request) => {
      bodies.push(new TextDecoder().decode(await bytesOf(request)));
      return new Response('ok');
    });
    const shop = outbound(fetch, listening, hedging());
    const answer = shop(streamingPut(tracedBody(['one ', 'two']).stream));
    await clock.advance(600);
    expect((await answer).status).toBe(200);
    expect(bodies).toEqual(['one two']);
    expect(events.map(({ name }) => name)).toEqual(['hedge_skipped', 'hedge']);
  });

  test('HG-06: one that is too long is spoken of once, and then the first try stands', async () => {
    const reading = async (request: Request, init?: RequestInit) => {
      await bytesOf(request);
      return later(600, status(503))(request, init);
    };
    const fetch = upstream(reading);
    const shop = outbound(fetch, listening, hedging({ maxReplayBytes: 1 }));
    const answer = shop(streamingPut(tracedBody(['too long']).stream));
    await clock.advance(600);
    expect((await answer).status).toBe(503);
    expect(fetch.calls).toHaveLength(1);
    expect(events.map(({ name }) => name)).toEqual(['hedge_skipped']);
  });

  test.each([200, 503])(
    'HG-07: a budget that is used up leaves the first try alone, be it answered with a %d',
    async (code) => {
      const budget = retryBudget({ ratio: 0.2, minPerSecond: 0, clock });
      const fetch = upstream(later(600, status(code)));
      const answer = outbound(fetch, listening, hedging({ budget, max: 4 }))(url);
      await clock.advance(600);
      expect((await answer).status).toBe(code);
      expect(fetch.calls).toHaveLength(1);
      expect(events.map(({ name }) => name)).toEqual(['hedge_overflow']);
    },
  );

  test('HG-07: a failure that no further try can follow is handed over at once', async () => {
    const reading = upstream(async (request) => {
      await request.text();
      return new Response(null, { status: 503 });
    });
    const budget = { deposit() {}, withdraw: () => false };
    // Nobody turns the clock.
    expect((await outbound(reading, hedging({ budget }))(url)).status).toBe(503);
    const long = streamingPut(tracedBody(['12345']).stream);
    expect((await outbound(reading, hedging({ maxReplayBytes: 4 }))(long)).status).toBe(503);
    expect(reading.calls).toHaveLength(2);
  });

  test('HG-07: so is one whose server asks for a further try that the budget denies', async () => {
    const budget = { deposit() {}, withdraw: () => false };
    const fetch = upstream(status(503, { 'grpc-retry-pushback-ms': '2000' }));
    const answer = outbound(fetch, hedging({ budget }))(url);
    await clock.advance(2_000);
    expect((await answer).status).toBe(503);
  });

  test('RB-07: every request counts for the budget, and a share of them may be hedged', async () => {
    const budget = retryBudget({ ratio: 0.5, minPerSecond: 0, clock });
    const fetch = upstream(status(503));
    const shop = outbound(fetch, hedging({ budget }));
    const calls: number[] = [];
    for (let request = 0; request < 4; request++) {
      await shop(url);
      calls.push(fetch.calls.length);
    }
    expect(calls).toEqual([1, 3, 4, 6]);
  });

  test('RB-07: hedges and retries draw from one budget, and count a request once', async () => {
    let deposits = 0;
    let withdrawals = 0;
    const budget = {
      deposit: () => {
        deposits += 1;
      },
      withdraw: () => ++withdrawals <= 1,
    };
    const fetch = upstream(status(503));
    const shop = outbound(
      fetch,
      hedging({ budget }),
      retry({ budget, clock, baseDelay: '0s', max: 5 }),
    );
    const answer = shop(url);
    await clock.advance(1_000);
    expect((await answer).status).toBe(503);
    expect(deposits).toBe(1);
    expect(fetch.calls).toHaveLength(2);
  });

  test('HG-09: who picks an endpoint knows where the other tries went', async () => {
    const seen: string[][] = [];
    const picking: Middleware = (next) => (request, context) => {
      const tried = context.get(triedEndpoints)?.tried ?? [];
      seen.push([...tried]);
      recordPick(context, { url: `http://${tried.length}`, service: 's', version: '' }, 3);
      return next(request, context);
    };
    const answer = outbound(
      upstream(stalled, stalled, status(200)),
      hedging({ max: 2 }),
      picking,
    )(url);
    await clock.advance(1_000);
    await answer;
    expect(seen).toEqual([[], ['http://0'], ['http://0', 'http://1']]);
  });

  test('RT-19: a breaker that refuses one endpoint brings on the next try at another one', async () => {
    const picking: Middleware = (next) => (request, context) => {
      const tried = context.get(triedEndpoints)?.tried ?? [];
      recordPick(context, { url: `http://${tried.length}`, service: 's', version: '' }, 2);
      return next(request, context);
    };
    const fetch = upstream(() => reject('circuit_breaker_open'), status(200));
    expect((await outbound(fetch, hedging({ max: 4 }), picking)(url)).status).toBe(200);
    const refusing = upstream(() => reject('circuit_breaker_open'));
    const response = await outbound(refusing, hedging({ max: 4 }), picking)(url);
    expect(rejectionOf(response)?.reason).toBe('circuit_breaker_open');
    expect(refusing.calls).toHaveLength(2);
  });

  test('RT-13: the layers further in know which try it is, and so does the upstream', async () => {
    const numbers: number[] = [];
    const seeing: Middleware = (next) => (request, context) => {
      numbers.push(context.get(attemptNumber));
      return next(request, context);
    };
    const fetch = upstream(stalled, status(200));
    const answer = outbound(fetch, listening, hedging(), seeing)(url);
    await clock.advance(500);
    await answer;
    expect(numbers).toEqual([1, 2]);
    expect(fetch.calls.map(({ headers }) => headers.get('x-fetchmesh-attempt-count'))).toEqual([
      null,
      '2',
    ]);
    expect(events).toEqual([{ name: 'hedge', attributes: { attempt: 2 } }]);
  });
});

describe('the caller', () => {
  test('HG-11: that leaves ends all tries with its own reason, at once', async () => {
    const reason = { left: true };
    const caller = new AbortController();
    const fetch = upstream(stalled);
    const answer = outbound(fetch, hedging({ max: 2 }))(url, { signal: caller.signal });
    await clock.advance(1_000);
    caller.abort(reason);
    expect(fetch.calls.map(({ signal }) => signal.reason)).toEqual([reason, reason, reason]);
    expect(clock.pending).toBe(0);
    await expect(answer).rejects.toBe(reason);
  });

  test('HG-11: that leaves while a try begins leaves no timer behind', async () => {
    const caller = new AbortController();
    const leaving: Middleware = (next) => (request, context) => {
      caller.abort('gone');
      return next(request, context);
    };
    const shop = outbound(upstream(stalled), hedging(), leaving);
    await expect(shop(url, { signal: caller.signal })).rejects.toBe('gone');
    expect(clock.pending).toBe(0);
  });

  test('HG-11: that leaves while nothing is under way ends the wait', async () => {
    const caller = new AbortController();
    const fetch = upstream(status(503, { 'grpc-retry-pushback-ms': '5000' }));
    const answer = outbound(fetch, hedging())(url, { signal: caller.signal });
    await settled();
    expect(clock.pending).toBe(1);
    caller.abort('gone');
    expect(clock.pending).toBe(0);
    await expect(answer).rejects.toBe('gone');
  });

  test('that left before is told so, and nothing is sent', async () => {
    const fetch = upstream(status(200));
    const signal = AbortSignal.abort('gone');
    await expect(outbound(fetch, hedging())(url, { signal })).rejects.toBe('gone');
    expect(fetch.calls).toHaveLength(0);
  });

  test('that leaves after the response ends the body that it reads', async () => {
    const caller = new AbortController();
    const fetch = upstream(stalled, (_, init) => {
      const signal = init?.signal;
      return new Response(
        new ReadableStream({
          start: (controller) =>
            signal?.addEventListener('abort', () => controller.error(signal.reason)),
        }),
      );
    });
    const answer = outbound(fetch, hedging())(url, { signal: caller.signal });
    await clock.advance(500);
    const reading = bytesOf(await answer).catch((error: unknown) => error);
    caller.abort('seen enough');
    expect(await reading).toBe('seen enough');
  });

  test.each([
    ['stall', stalled],
    ['fail', () => new Response(null, { status: 503 })],
  ])('whose first tries %s has no listener left on its signal', async (_, first: Answering) => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const fetch = upstream((received, init) =>
      fetch.calls.length % 2 === 1 ? first(received, init) : new Response(null),
    );
    const shop = outbound(fetch, hedging());
    for (let calls = 0; calls < 500; calls++) {
      const answer = shop(request);
      await clock.advance(500);
      await answer;
    }
    expect(fetch.calls).toHaveLength(1_000);
    expect(listeners.current).toBe(0);
  });

  test('an app is hedged like an upstream', async () => {
    let calls = 0;
    const app = inbound(
      () => (++calls === 1 ? new Promise<Response>(() => {}) : new Response('second')),
      hedging(),
    );
    const answer = app(new Request(url));
    await clock.advance(500);
    expect(await (await answer).text()).toBe('second');
  });

  test('a middleware that throws at once is a bug like any other', async () => {
    const throwing: Middleware = () => () => {
      throw new Error('at once');
    };
    await expect(outbound(upstream(status(200)), hedging(), throwing)(url)).rejects.toThrow(
      'at once',
    );
  });
});

describe('configuration', () => {
  test('HG-01: one further try where nothing is said', () => {
    expect(describeChain(hedge())).toBe('hedge max 1 after p95');
  });

  test('HG-10: after 50 requests where nothing is said', async () => {
    let isSlow = false;
    const slow = later(10_000, status(200));
    const fetch = upstream((request, init) => (isSlow ? slow(request, init) : new Response(null)));
    const shop = outbound(fetch, hedge({ clock }));
    for (let request = 0; request < 49; request++) await shop(url);
    isSlow = true;
    for (const calls of [50, 52]) {
      const answer = shop(url);
      await clock.advance(10_000);
      await answer;
      expect(fetch.calls).toHaveLength(calls);
    }
  });

  test('CO-05: a hedge inside of a retry says so', async () => {
    const shop = outbound(upstream(status(200)), listening, retry({ clock }), hedging({ max: 2 }));
    await shop(url);
    expect(events).toEqual([{ name: 'nested_retry', attributes: { max: 2 } }]);
  });
});
