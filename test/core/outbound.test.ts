import { describe, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import type { Middleware } from '../../src/core/chain.ts';
import { Context, key } from '../../src/core/context.ts';
import { exchange, withExchange } from '../../src/core/exchange.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { outgoingHeaders, setHeader } from '../../src/core/outgoing.ts';
import { isRejectionError, reject, rejectionOf } from '../../src/core/rejection.ts';
import { editing, observing } from '../support/layers.ts';
import { status, upstream } from '../support/upstream.ts';

const url = 'http://shop.example/';
const get = () => new Request(url);

describe('outbound', () => {
  test('pitfall 1: calls fetch with the very request and nothing beside it', async () => {
    const received: unknown[][] = [];
    const shop = outbound(
      async (...everything: unknown[]) => {
        received.push(everything);
        return new Response();
      },
      (next) => next,
    );
    const request = get();
    await shop(request);
    expect(received).toEqual([[request]]);
    expect(received[0]?.[0]).toBe(request);
  });

  test('calls fetch bare, as Workers demand', async () => {
    let receiver: unknown = 'not called';
    async function fetch(this: unknown): Promise<Response> {
      receiver = this;
      return new Response();
    }
    await outbound(fetch)(url);
    expect(receiver).toBeUndefined();
  });

  test.each([
    ['a string', url],
    ['a URL', new URL(url)],
    ['a request', get()],
  ])('takes %s', async (_, input) => {
    const fetch = upstream(status(200));
    expect((await outbound(fetch)(input)).status).toBe(200);
    expect(fetch.calls[0]?.request.url).toBe(url);
  });

  test('takes an init, with a string or a request', async () => {
    const fetch = upstream(status(200));
    const shop = outbound(fetch);
    await shop(url, { method: 'PUT', body: 'a', headers: { 'x-a': '1' } });
    await shop(new Request(url, { method: 'PUT', body: 'b' }), { headers: { 'x-a': '2' } });
    expect(fetch.calls.map(({ request }) => request.method)).toEqual(['PUT', 'PUT']);
    expect(fetch.calls.map(({ headers }) => headers.get('x-a'))).toEqual(['1', '2']);
    expect(await fetch.calls[0]?.request.text()).toBe('a');
    expect(await fetch.calls[1]?.request.text()).toBe('b');
  });

  test('refuses what fetch refuses, as a rejection', async () => {
    const shop = outbound(upstream(status(200)));
    await expect(shop('http://')).rejects.toThrow(TypeError);
    await expect(shop('/relative')).rejects.toThrow(TypeError);
  });

  test('hands over edited headers as a literal beside the request', async () => {
    const fetch = upstream(status(200));
    await outbound(fetch, editing('x-a', '1'))(url, { headers: { 'x-b': '2' } });
    expect(Object.keys(fetch.calls[0]?.init ?? {})).toEqual(['headers']);
    expect([...(fetch.calls[0]?.headers ?? [])]).toEqual([
      ['x-a', '1'],
      ['x-b', '2'],
    ]);
  });

  test('edited headers keep the type that the body implied', async () => {
    const plain = new Request(url, { method: 'POST', body: new URLSearchParams({ a: '1' }) });
    const fetch = upstream(status(200));
    await outbound(fetch, editing('x-a', '1'))(url, {
      method: 'POST',
      body: new URLSearchParams({ a: '1' }),
    });
    expect(fetch.calls[0]?.headers.get('content-type')).toBe(plain.headers.get('content-type'));
  });

  test('hands over the members of an init that only one runtime knows', async () => {
    const fetch = upstream(status(200));
    await outbound(fetch)(url, { proxy: 'http://proxy.example', verbose: true } as RequestInit);
    await outbound(fetch)(url, { decompress: false, headers: { 'x-a': '1' } } as RequestInit);
    expect(fetch.calls[0]?.init).toEqual({ proxy: 'http://proxy.example', verbose: true });
    expect(fetch.calls[1]?.init).toEqual({ decompress: false });
  });

  test('copies preconnect, which the fetch of Bun has', () => {
    const preconnect = () => {};
    const fetch = Object.assign(upstream(status(200)), { preconnect });
    expect(outbound(fetch)).toHaveProperty('preconnect', preconnect);
    expect(outbound(upstream(status(200)))).not.toHaveProperty('preconnect');
  });

  test('the signal of the caller reaches fetch', async () => {
    const fetch = upstream(status(200));
    const shop = outbound(fetch);
    const caller = new AbortController();
    await shop(url, { signal: caller.signal });
    await shop(new Request(url, { signal: caller.signal }));
    await shop(new Request(url), { signal: caller.signal });
    await shop(new Request(url, { signal: caller.signal }), { headers: { 'x-a': '1' } });
    caller.abort('gone');
    expect(fetch.calls.map(({ signal }) => signal.reason)).toEqual(Array(4).fill('gone'));
  });

  test('a signal of null frees the call of the signal that its request has', async () => {
    const fetch = upstream(status(200));
    const caller = new AbortController();
    await outbound(fetch)(new Request(url, { signal: caller.signal }), { signal: null });
    caller.abort();
    expect(fetch.calls[0]?.signal.aborted).toBe(false);
  });

  describe('the context', () => {
    const tenant = key<string>('tenant');
    const seeing = () => {
      const contexts: Context[] = [];
      const fetch = upstream(status(200));
      return {
        contexts,
        fetch,
        shop: outbound(
          fetch,
          observing((c) => contexts.push(c)),
        ),
      };
    };
    const served = Context.root('inbound', ['env'], { pending: 0, rejected: 0 }, undefined).with(
      tenant,
      'acme',
    );

    test('is a new one, outbound, for a call that nobody asked for', async () => {
      const { contexts, shop } = seeing();
      await shop(url);
      expect(contexts[0]?.direction).toBe('outbound');
      expect(contexts[0]?.platform).toEqual([]);
    });

    test('pitfall 2: of the request being served may stand second or third', async () => {
      const { contexts, fetch, shop } = seeing();
      await shop(get(), served);
      await shop(url, undefined, served);
      await shop(url, { headers: { 'x-a': '1' } }, served);
      expect(contexts.map((context) => context.get(tenant))).toEqual(['acme', 'acme', 'acme']);
      expect(contexts.map((context) => context.direction)).toEqual(Array(3).fill('outbound'));
      expect(fetch.calls[2]?.headers.get('x-a')).toBe('1');
    });

    test('is the one of the served request, where that is sent on', async () => {
      const { contexts, shop } = seeing();
      const proxy = inbound(
        (request) => shop(request),
        (next) => (request, context) => next(request, context.with(tenant, 'acme')),
      );
      await proxy(get());
      expect(contexts[0]?.get(tenant)).toBe('acme');
      expect(contexts[0]?.direction).toBe('outbound');
    });

    test('brings its limit alone, where the call has no signal that anybody else could abort', async () => {
      const { fetch, shop } = seeing();
      const { signal } = new AbortController();
      const limited = served.with(abortSignal, signal);
      await shop(url, undefined, limited);
      await shop(url, { headers: { 'x-a': '1' } }, limited);
      expect(fetch.calls.map(({ signal: obeyed }) => obeyed)).toEqual([signal, signal]);
    });

    test('brings its deadline and its limit, but not the edits of the served request', async () => {
      const { contexts, fetch, shop } = seeing();
      const limit = new AbortController();
      const context = setHeader(served, 'authorization', 'secret')
        .with(deadline, 42)
        .with(abortSignal, limit.signal);
      await shop(url, undefined, context);
      expect(contexts[0]?.get(deadline)).toBe(42);
      expect(fetch.calls[0]?.headers.has('authorization')).toBe(false);
      expect(outgoingHeaders(get(), contexts[0] as Context)).toEqual({});
      limit.abort('too slow');
      expect(fetch.calls[0]?.signal.reason).toBe('too slow');
    });

    test('does not bring its record: what becomes of the call is not what became of the request', async () => {
      const { contexts, shop } = seeing();
      const { context } = withExchange(served);
      await shop(url, undefined, context);
      expect(contexts[0]?.get(exchange)).toBeUndefined();
    });

    test('of a call in whose chain a middleware makes another one: no edit goes along', async () => {
      const auth = upstream(status(200));
      const asking: Middleware = (next) => async (request, context) => {
        await outbound(auth)('http://auth.example/', undefined, context);
        return next(request, context);
      };
      const fetch = upstream(status(200));
      await outbound(fetch, editing('authorization', 'for the shop alone'), asking)(url);
      expect(fetch.calls[0]?.headers.get('authorization')).toBe('for the shop alone');
      expect(auth.calls[0]?.headers.has('authorization')).toBe(false);
    });

    test('its limit does not take the place of the signal that the call brings', async () => {
      const { fetch, shop } = seeing();
      for (const direction of ['inbound', 'outbound'] as const) {
        const caller = new AbortController();
        const context = Context.background(direction).with(
          abortSignal,
          new AbortController().signal,
        );
        await shop(url, { signal: caller.signal }, context);
        caller.abort('gone');
        expect(fetch.calls.at(-1)?.signal.reason).toBe('gone');
      }
    });
  });

  describe('rejections', () => {
    const rejecting: Middleware = () => async () => reject('timeout', { detail: 'Too slow.' });

    test('are responses where nothing else is said', async () => {
      const response = await outbound(upstream(status(200)), rejecting)(url);
      expect(rejectionOf(response)?.reason).toBe('timeout');
    });

    test('are thrown where that is wished', async () => {
      const shop = outbound(upstream(status(200)), rejecting, { rejections: 'throw' });
      const error = await shop(url).catch((error: unknown) => error);
      expect(isRejectionError(error)).toBe(true);
      expect(error).toMatchObject({ rejection: { reason: 'timeout' }, response: { status: 504 } });
    });

    test('what the upstream says is never thrown', async () => {
      const shop = outbound(upstream(status(504)), { rejections: 'throw' });
      expect((await shop(url)).status).toBe(504);
    });
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [{ fetch() {} }, 'an object'],
  ])('refuses %o for a fetch', (value, name) => {
    expect(() => outbound(value as unknown as typeof fetch)).toThrow(
      `outbound: the fetch is ${name}, not a function`,
    );
  });

  test('refuses options that it does not know', () => {
    const fetch = upstream(status(200));
    expect(() => outbound(fetch, { rejections: 'thorw' as 'throw' })).toThrow(
      new RangeError("outbound.rejections: 'thorw' is not one of response, throw"),
    );
    expect(() => outbound(fetch, null as unknown as Middleware)).toThrow(/argument 1 is null/);
    expect(() => outbound(fetch, {} as Middleware, (next) => next)).toThrow(
      /argument 1 is an object/,
    );
  });

  describe('what the end of the chain calls', () => {
    const marked = editing('x-mark', '1');

    test('a function that takes one argument gets a request with all changes in it', async () => {
      const seen: (string | null)[] = [];
      const call = outbound(async (request: Request) => {
        seen.push(request.headers.get('x-mark'));
        return new Response();
      }, marked);
      await call('http://shop.example/');
      expect(seen).toEqual(['1']);
    });

    test('a function that takes two gets the changes beside the request', async () => {
      const seen: unknown[] = [];
      const call = outbound(async (request: Request, init?: RequestInit) => {
        seen.push(request.headers.get('x-mark'), new Headers(init?.headers).get('x-mark'));
        return new Response();
      }, marked);
      await call('http://shop.example/');
      expect(seen).toEqual([null, '1']);
    });
  });
});
