/**
 * What may be collected, and what must not: a response that streams for hours outlives its request, and on Node the
 * signal of a request goes dead with the request.
 */

import { afterEach, describe, expect, test } from 'vitest';
import { follow, signalOf } from '../../src/core/abort.ts';
import { abortCallbacks } from '../../src/core/abort-callbacks.ts';
import type { Middleware } from '../../src/core/chain.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { setHeader } from '../../src/core/outgoing.ts';
import { own } from '../../src/core/own.ts';
import { fallback } from '../../src/policies/fallback.ts';
import { mirror } from '../../src/policies/mirror.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { streamingPut, tracedBody } from '../support/bodies.ts';
import { collectGarbage } from '../support/garbage.ts';
import { countListeners } from '../support/listeners.ts';

const url = 'http://shop.example/';

/** A first byte, and then nothing until the signal aborts. */
function endless(signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(1));
      signal.addEventListener('abort', () => controller.error(signal.reason), { once: true });
    },
  });
}

/** Sends the body, and keeps the signal that it should obey, as `fetch` does, and nothing else. */
const fetch = async (request: Request, init?: RequestInit): Promise<Response> => {
  await request.arrayBuffer();
  const signal = init?.signal ?? request.signal;
  obeyed.push(signal);
  return new Response(endless(signal));
};

const obeyed: AbortSignal[] = [];

afterEach(() => {
  obeyed.length = 0;
});

const editing: Middleware = (next) => (request, context) =>
  next(request, setHeader(context, 'x-a', '1'));
const owning: Middleware = (next) => (request, context) => next(own(request), context);
const rebuilding: Middleware = (next) => async (request, context) => {
  const response = await next(request, context);
  return new Response(response.body, response);
};

const unavailable: Middleware = () => async () => new Response(null, { status: 503 });
const answering = fallback(
  ({ request }, context) => fetch(request, { signal: signalOf(request, context) }),
  { maxReplayBytes: 10 },
);

const chains: [string, Middleware[]][] = [
  ['nothing', []],
  ['a limit', [timeout('1h')]],
  ['limits and tries', [timeout('2h'), retry({ perTry: '1h' })]],
  ['tries alone', [retry()]],
  ['a fallback', [fallback({ body: 'instead' }, { maxReplayBytes: 10 })]],
  ['a mirror', [mirror({ send: async () => new Response() })]],
  ['edits', [editing]],
  ['a copy of the response', [rebuilding, timeout('1h')]],
];

async function readFirst(response: Response): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  return reader;
}

describe('an abort while the body is read reaches', () => {
  const collect = collectGarbage as () => Promise<void>;

  test.each([
    ...chains,
    ['the answer of a fallback', [answering, unavailable]] as [string, Middleware[]],
  ])('the upstream through %s, whatever was collected', async (_, middlewares) => {
    const shop = outbound(fetch, ...middlewares);
    for (const make of [
      (signal: AbortSignal) => shop(url, { signal }),
      (signal: AbortSignal) => shop(streamingPut(tracedBody(['a']).stream), { signal }),
      (signal: AbortSignal) => shop(new Request(url, { signal })),
      (signal: AbortSignal) => shop(new Request(url, { signal }), { headers: { 'x-b': '2' } }),
      (signal: AbortSignal) => shop(streamingPut(tracedBody(['a']).stream, { signal })),
    ]) {
      const caller = new AbortController();
      const reader = await readFirst(await make(caller.signal));
      const reading = reader.read().catch((reason: unknown) => reason);
      await collect();
      caller.abort('gone');
      expect(await reading).toBe('gone');
    }
  });

  test.each([...chains, ['an owned copy', [owning]] as [string, Middleware[]]])(
    'the app through %s, as long as the server holds the request',
    async (_, middlewares) => {
      const app = inbound(
        async (request) => {
          await request.arrayBuffer();
          return new Response(endless(request.signal));
        },
        ...middlewares,
      );
      for (const make of [
        (signal: AbortSignal) => new Request(url, { signal }),
        (signal: AbortSignal) => streamingPut(tracedBody(['a']).stream, { signal }),
      ]) {
        const client = new AbortController();
        const request = make(client.signal);
        const reader = await readFirst(await app(request));
        const reading = reader.read().catch((reason: unknown) => reason);
        await collect();
        client.abort('gone');
        expect(await reading).toBe('gone');
        expect(request.signal.aborted).toBe(true);
      }
    },
  );

  test('whoever follows, when the response is garbage and its body is not', async () => {
    const parent = new AbortController();
    const follower = follow(parent.signal);
    const body = endless(follower.signal);
    follower.release(new Response(body));
    await collect();
    parent.abort('gone');
    expect(follower.signal.reason).toBe('gone');
    await body.cancel().catch(() => {});
  });
});

describe('once it was answered, nothing keeps', () => {
  test.each([...chains, ['an owned copy', [owning]] as [string, Middleware[]]])(
    'a request, nor a copy of it that the app got through %s',
    async (_, middlewares) => {
      const seen: WeakRef<Request>[] = [];
      const app = inbound(
        async (request) => {
          seen.push(new WeakRef(request));
          request.signal.addEventListener('abort', () => request.url);
          return new Response(await request.text());
        },
        (next) => (request, context) => {
          seen.push(new WeakRef(request));
          return next(request, context);
        },
        ...middlewares,
      );
      const ask = async (init?: RequestInit): Promise<void> => {
        const { signal } = new AbortController();
        await (await app(new Request(url, { ...init, signal }))).text();
      };
      for (let count = 0; count < 20; count++) {
        await ask();
        await ask({ method: 'PUT', body: 'hello' });
      }
      const left = (): number => seen.filter((request) => request.deref()).length;
      for (let attempt = 0; attempt < 20 && left() > 0; attempt++) await collectGarbage?.();
      expect(seen).toHaveLength(80);
      // The collector of Bun is a conservative one.
      expect(left()).toBeLessThanOrEqual(8);
    },
  );

  test('what follows it on a signal that a server made, though its body is garbage: that goes with the signal', async () => {
    const app = inbound(() => new Response('hello'), timeout('1h'));
    const kept = async (...platform: unknown[]): Promise<number> => {
      const requests = Array.from({ length: 20 }, () => new Request(url));
      for (const request of requests) await (await app(request, ...platform)).text();
      for (let attempt = 0; attempt < 5; attempt++) await collectGarbage?.();
      return requests.filter(({ signal }) => abortCallbacks(signal) > 0).length;
    };
    expect(await kept({ requestIP: () => null })).toBe(20);
    expect(await kept()).toBeLessThanOrEqual(2);
  });
});

describe('TO-11: a signal that lives on', () => {
  test('keeps nothing of the calls whose bodies were read or dropped', async () => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const shop = outbound(async () => new Response('hello'), timeout('1h'));
    for (let call = 0; call < 100; call++) {
      const response = await shop(request);
      if (call % 2 === 0) await response.text();
      // Counted at each call: the collector may come by itself.
      expect(listeners.current).toBeGreaterThan(0);
    }
    expect(listeners.highest).toBeGreaterThan(50);
    for (let attempt = 0; attempt < 20 && listeners.current > 1; attempt++)
      await collectGarbage?.();
    // The collector of Bun is a conservative one, and may take a number on the stack for the last of them.
    expect(listeners.current).toBeLessThanOrEqual(1);
  });

  test('and is a policy’s own keeps a few of them at most, and reaches every body that is there', async () => {
    const outer = follow(new AbortController().signal);
    function call(body: BodyInit): AbortSignal {
      const follower = follow(outer.signal);
      follower.release(new Response(body));
      return follower.signal;
    }
    const early = call('hello');
    for (let count = 0; count < 100; count++) call('hello');
    const reading = new TransformStream<Uint8Array, Uint8Array>();
    const late = call(reading.readable);
    expect(abortCallbacks(outer.signal)).toBeGreaterThan(50);
    for (let attempt = 0; attempt < 20 && abortCallbacks(outer.signal) > 10; attempt++)
      await collectGarbage?.();
    expect(abortCallbacks(outer.signal)).toBeLessThanOrEqual(10);
    outer.abort('gone');
    expect([early.reason, late.reason]).toEqual(['gone', 'gone']);
    await reading.readable.cancel();
  });
});
