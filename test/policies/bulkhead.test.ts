import { describe, expect, test } from 'vitest';
import { deadline } from '../../src/core/abort.ts';
import { describe as describeChain, type Next } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { type BulkheadOptions, bulkhead } from '../../src/policies/bulkhead.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { bytesOf, tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import { stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';

/** An upstream that answers when it is told to, in any order. */
function held() {
  const answers: ((response: Response) => void)[] = [];
  const started: string[] = [];
  const fetch = upstream(
    (request, init) =>
      new Promise<Response>((resolve, reject) => {
        started.push(new URL(request.url).pathname.slice(1));
        answers.push(resolve);
        const signal = init?.signal ?? request.signal;
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  );
  return {
    fetch,
    started,
    async answer(index: number, response = new Response('done')): Promise<void> {
      answers[index]?.(response);
      await settled();
    },
  };
}

function shopOf(options: BulkheadOptions) {
  const clock = new VirtualClock();
  const server = held();
  const guard = bulkhead({ clock, ...options });
  const through = outbound(server.fetch, guard);
  const call = (name: string, init?: RequestInit, context?: Context): Promise<Response> =>
    through(url + name, init, context);
  return { ...server, call, clock, guard };
}

describe('bulkhead', () => {
  test('BH-01 of five calls with two places and two in the queue four run in turn, the fifth is rejected', async () => {
    const { call, answer, started, guard } = shopOf({ limit: 2, queue: 2 });
    const calls = ['a', 'b', 'c', 'd', 'e'].map((name) => call(name));
    const rejected = await calls[4];
    expect(rejected?.status).toBe(503);
    expect(rejected && rejectionOf(rejected)).toMatchObject({
      reason: 'bulkhead_full',
      flag: 'UO',
      blame: 'policy',
    });
    expect(started).toEqual(['a', 'b']);
    expect(guard.status()).toEqual({ inFlight: 2, waiting: 2, keys: 1 });
    await answer(1);
    expect(started).toEqual(['a', 'b', 'c']);
    // The place has changed hands.
    expect(guard.status()).toEqual({ inFlight: 2, waiting: 1, keys: 1 });
    await answer(0);
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect(guard.status()).toEqual({ inFlight: 2, waiting: 0, keys: 1 });
    await answer(2);
    await answer(3);
    expect(await Promise.all(calls.map(async (one) => (await one).status))).toEqual([
      200, 200, 200, 200, 503,
    ]);
    expect(guard.status()).toEqual({ inFlight: 0, waiting: 0, keys: 0 });
  });

  test('BH-02 by default a place is free again with the headers', async () => {
    const { call, answer, guard } = shopOf({ limit: 1 });
    const first = call('a');
    await answer(0, new Response(tracedBody(['never read'], { end: 'hang' }).stream));
    await first;
    expect(guard.status().inFlight).toBe(0);
  });

  describe('BH-02 with release: body a place is free again', () => {
    async function withBody(body: BodyInit | null) {
      const shop = shopOf({ limit: 2, release: 'body' });
      void shop.call('another');
      const answer = shop.call('a');
      await shop.answer(1, new Response(body, { status: 201, headers: { 'x-a': 'b' } }));
      const response = await answer;
      /** The other call has one place; of what ends, one more must be free, and no other. */
      async function expectOnePlace(): Promise<void> {
        expect(shop.guard.status().inFlight).toBe(1);
        void shop.call('b');
        expect((await shop.call('c')).status).toBe(503);
      }
      return { ...shop, response, expectOnePlace };
    }

    test('once the body was read', async () => {
      const { response, guard, expectOnePlace } = await withBody(
        tracedBody(['slow ', 'body']).stream,
      );
      expect([response.status, response.headers.get('x-a')]).toEqual([201, 'b']);
      expect(guard.status().inFlight).toBe(2);
      expect(await response.text()).toBe('slow body');
      await expectOnePlace();
    });

    test('once the body was cancelled, which reaches the upstream', async () => {
      const body = tracedBody(['slow'], { end: 'hang' });
      const { response, expectOnePlace } = await withBody(body.stream);
      await response.body?.cancel('enough');
      expect(body).toMatchObject({ cancels: 1, cancelReason: 'enough' });
      await expectOnePlace();
    });

    test('once the body failed', async () => {
      const { response, expectOnePlace } = await withBody(
        tracedBody(['half'], { end: new Error('lost') }).stream,
      );
      await expect(bytesOf(response)).rejects.toThrow('lost');
      await expectOnePlace();
    });

    test('at once where there is none', async () => {
      const { expectOnePlace } = await withBody(null);
      await expectOnePlace();
    });
  });

  test('BH-03 who leaves while waiting is out in that tick, with the reason, and makes room', async () => {
    const { call, answer, started, guard, clock } = shopOf({ limit: 1, queue: 1, maxWait: '1m' });
    const first = call('a');
    const caller = new AbortController();
    const left = call('b', { signal: caller.signal });
    await settled();
    const reason = new Error('gone');
    caller.abort(reason);
    expect(guard.status().waiting).toBe(0);
    const third = call('c');
    await expect(left).rejects.toBe(reason);
    expect(clock.pending).toBe(1);
    await answer(0);
    await answer(1);
    expect([(await first).status, (await third).status]).toEqual([200, 200]);
    expect(started).toEqual(['a', 'c']);
    expect(clock.pending).toBe(0);
  });

  test('BH-04 the first in the queue leaves: the next one gets its turn', async () => {
    const { call, answer, started } = shopOf({ limit: 1, queue: 2 });
    void call('a');
    const caller = new AbortController();
    const left = call('b', { signal: caller.signal });
    const third = call('c');
    await settled();
    caller.abort();
    await expect(left).rejects.toThrow();
    await answer(0);
    expect(started).toEqual(['a', 'c']);
    await answer(1);
    expect((await third).status).toBe(200);
  });

  test('BH-04 who is admitted and leaves in the same tick gives the place back', async () => {
    const { call, answer, started, guard } = shopOf({ limit: 1, queue: 2 });
    void call('a');
    const caller = new AbortController();
    const left = call('b', { signal: caller.signal });
    const third = call('c');
    await settled();
    const answered = answer(0);
    caller.abort();
    await expect(left).rejects.toThrow();
    await answered;
    expect(started.at(-1)).toBe('c');
    await answer(started.length - 1);
    expect((await third).status).toBe(200);
    expect(guard.status().inFlight).toBe(0);
  });

  test('BH-05 nobody waits for longer than maxWait', async () => {
    const { call, clock, guard, fetch } = shopOf({ limit: 1, queue: 5, maxWait: '2s' });
    void call('a');
    const waiting = call('b');
    await clock.advance(1_999);
    expect(guard.status().waiting).toBe(1);
    await clock.advance(1);
    expect(rejectionOf(await waiting)?.reason).toBe('bulkhead_full');
    expect(guard.status().waiting).toBe(0);
    expect(fetch.calls).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('BH-05 nor past the deadline, whoever set it', async () => {
    const { call, clock, guard } = shopOf({ limit: 1, queue: 5, maxWait: '1m' });
    void call('a');
    const inTime = Context.background('outbound').with(deadline, clock.monotonic() + 3_000);
    const waiting = call('b', undefined, inTime);
    await clock.advance(2_999);
    expect(guard.status().waiting).toBe(1);
    await clock.advance(1);
    expect(rejectionOf(await waiting)?.reason).toBe('bulkhead_full');
    expect(guard.status().waiting).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('BH-05 a deadline that has passed ends nothing: who outlives it waits for maxWait', async () => {
    const { call, clock, guard } = shopOf({ limit: 1, queue: 5, maxWait: '1s' });
    void call('a');
    const late = Context.background('outbound').with(deadline, clock.monotonic());
    const waiting = call('b', undefined, late);
    await clock.advance(999);
    expect(guard.status().waiting).toBe(1);
    await clock.advance(1);
    expect(rejectionOf(await waiting)?.reason).toBe('bulkhead_full');
  });

  test('BH-05 the longest wait that timers know is one', async () => {
    const { call, clock } = shopOf({ limit: 1, queue: 1, maxWait: '2147483647ms' });
    void call('a');
    void call('b');
    await settled();
    expect(clock.pending).toBe(1);
  });

  test('BH-05 with a timeout further out the answer is that of the timeout', async () => {
    const clock = new VirtualClock();
    const guard = bulkhead({ limit: 1, queue: 5, maxWait: '1m', clock });
    const fetch = upstream(stalled);
    void outbound(fetch, guard)(url);
    const waiting = outbound(fetch, timeout('3s', { clock }), guard)(url);
    await clock.advance(3_000);
    expect((await waiting).status).toBe(504);
    expect(guard.status()).toMatchObject({ inFlight: 1, waiting: 0 });
    expect(clock.pending).toBe(0);
  });

  test.each(['headers', 'body'] as const)(
    'BH-06 what throws at once gives its place back, once (release: %s)',
    async (release) => {
      const guard = bulkhead({ limit: 2, release });
      const error = new Error('at once');
      const through = (next: Next): ReturnType<typeof inbound> =>
        inbound(
          () => new Response(),
          guard,
          () => next,
        );
      const throwing = through(() => {
        throw error;
      });
      const holding = through(() => new Promise(() => {}));
      void holding(new Request(url));
      for (let call = 0; call < 5; call++) {
        await expect(throwing(new Request(url))).rejects.toBe(error);
      }
      expect(guard.status()).toEqual({ inFlight: 1, waiting: 0, keys: 1 });
      void holding(new Request(url));
      expect((await holding(new Request(url))).status).toBe(503);
    },
  );

  test('BH-07 keys do not get in each other’s way, and are forgotten', async () => {
    const { call, answer, guard } = shopOf({
      limit: 1,
      key: (request) => request.headers.get('x-tenant') ?? '',
    });
    const of = (tenant: string) => call(tenant, { headers: { 'x-tenant': tenant } });
    const a = of('a');
    const b = of('b');
    expect((await of('a')).status).toBe(503);
    expect(guard.status()).toEqual({ inFlight: 2, waiting: 0, keys: 2 });
    await answer(0);
    await answer(1);
    expect([(await a).status, (await b).status]).toEqual([200, 200]);
    expect(guard.status().keys).toBe(0);
    void of('a');
    expect((await of('a')).status).toBe(503);
  });

  test('BH-07 a key keeps its limit and its queue while any of its calls is under way', async () => {
    const { call, answer, started, guard } = shopOf({ limit: 2, queue: 1, key: () => 'tenant' });
    const first = call('a');
    void call('b');
    await answer(0);
    await first;
    void call('c');
    const waiting = call('d');
    expect((await call('e')).status).toBe(503);
    expect(started).toEqual(['a', 'b', 'c']);
    expect(guard.status()).toEqual({ inFlight: 2, waiting: 1, keys: 1 });
    await answer(1);
    await answer(2);
    await answer(3);
    expect((await waiting).status).toBe(200);
    expect(guard.status()).toEqual({ inFlight: 0, waiting: 0, keys: 0 });
  });

  test('an event tells of those that are refused, and whether they have waited', async () => {
    const { call, clock } = shopOf({ limit: 1, queue: 1, maxWait: '1s' });
    const events: PolicyEvent[] = [];
    const told = Context.background('outbound').with(eventListener, (event) => events.push(event));
    void call('a');
    const waiting = call('b', undefined, told);
    await call('c', undefined, told);
    await clock.advance(1_000);
    await waiting;
    expect(events.map(({ name, attributes }) => ({ name, ...attributes }))).toEqual([
      { name: 'bulkhead_full', limit: 1, waited: false },
      { name: 'bulkhead_full', limit: 1, waited: true },
    ]);
  });

  test('the caller’s abort reaches the upstream in the same tick and leaves nothing behind', async () => {
    const { call, clock, fetch, guard } = shopOf({ limit: 1, queue: 1, maxWait: '1m' });
    const caller = new AbortController();
    const answer = call('a', { signal: caller.signal });
    await settled();
    caller.abort(new Error('gone'));
    expect(fetch.calls[0]?.signal.aborted).toBe(true);
    await expect(answer).rejects.toThrow('gone');
    expect(guard.status()).toEqual({ inFlight: 0, waiting: 0, keys: 0 });
    expect(clock.pending).toBe(0);
  });

  test('waiting leaves no listener behind', async () => {
    const clock = new VirtualClock();
    const guard = bulkhead({ limit: 1, queue: 1, maxWait: '1s', clock });
    const app = inbound(() => new Promise<Response>(() => {}), guard);
    void app(new Request(url));
    const waiting = new Request(url);
    const listeners = countListeners(waiting.signal);
    const answer = app(waiting);
    await settled();
    expect(listeners.current).toBe(1);
    await clock.advance(1_000);
    expect((await answer).status).toBe(503);
    expect(listeners.current).toBe(0);
  });

  test('a caller that has left already does not wait', async () => {
    const { call, guard } = shopOf({ limit: 1, queue: 1 });
    void call('a');
    await expect(call('b', { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
    expect(guard.status()).toMatchObject({ inFlight: 1, waiting: 0 });
  });

  test('describe prints it', () => {
    expect(describeChain(bulkhead({ limit: 5 }))).toBe('bulkhead 5 at once');
    expect(describeChain(bulkhead({ limit: 5, queue: 3, maxWait: '1s' }))).toBe(
      'bulkhead 5 at once, 3 waiting up to 1s',
    );
  });
});

test('BH-02 a status that has no body is let through as it is', async () => {
  const guard = bulkhead({ limit: 1, release: 'body' });
  expect((await outbound(upstream(status(204)), guard)(url)).status).toBe(204);
  expect(guard.status().inFlight).toBe(0);
});
