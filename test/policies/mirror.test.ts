import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deadline, signalOf } from '../../src/core/abort.ts';
import { canonicalPathname } from '../../src/core/canonical-path.ts';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { exchange, withExchange } from '../../src/core/exchange.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { appendHeader, outgoingHeaders, setHeader } from '../../src/core/outgoing.ts';
import { type MirrorOptions, mirror } from '../../src/policies/mirror.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { streamingPut, tracedBody } from '../support/bodies.ts';
import { countListeners, type ListenerCount } from '../support/listeners.ts';
import { stalled, status, type Upstream, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/users?page=2';
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

/** A mirror whose copies go to a stub. */
function mirrorTo(shadow: Upstream, options: Partial<MirrorOptions> = {}) {
  return mirror({ send: (copy) => shadow(copy), clock, ...options });
}

/** An upstream that reads what it is sent, as `fetch` does. */
function reading(code = 200): Upstream {
  return upstream(async (request) => {
    await request.text();
    return new Response(null, { status: code });
  });
}

describe('MI-01: the request goes its way as if there was no copy', () => {
  test.each<[string, Upstream]>([
    ['fails', upstream(new Error('no'))],
    ['is answered with an error', upstream(status(500))],
    ['is refused', upstream(status(403))],
    [
      'throws at once',
      upstream(() => {
        throw new Error('at once');
      }),
    ],
  ])('where it %s', async (_, shadow) => {
    const response = new Response('hello');
    expect(await outbound(upstream(response), mirrorTo(shadow))(url)).toBe(response);
    await settled();
    expect(shadow.calls).toHaveLength(1);
  });

  test('where it is never answered', async () => {
    const shadow = upstream(stalled);
    const copies = mirrorTo(shadow);
    const response = new Response('hello');
    expect(await outbound(upstream(response), copies)(url)).toBe(response);
    expect(copies.stats.active).toBe(1);
    await clock.advance(15_000);
    expect(copies.stats).toEqual({ active: 0, answered: 0, failed: 1, skipped: 0 });
  });

  test('where the request itself fails', async () => {
    const error = new Error('no');
    const shadow = upstream(status(200));
    await expect(outbound(upstream(error), mirrorTo(shadow))(url)).rejects.toBe(error);
    await settled();
    expect(shadow.calls).toHaveLength(1);
  });

  test('where a middleware further in throws at once', async () => {
    const throwing: Middleware = () => () => {
      throw new Error('at once');
    };
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const shadow = upstream(status(200));
    const shop = outbound(upstream(status(200)), mirrorTo(shadow), throwing);
    await expect(shop(request)).rejects.toThrow('at once');
    await settled();
    expect(listeners.current).toBe(0);
  });

  test('and leaves first', async () => {
    const order: string[] = [];
    const shadow = upstream(() => {
      order.push('copy');
      return new Response();
    });
    const fetch = upstream(() => {
      order.push('request');
      return new Response();
    });
    await outbound(fetch, mirrorTo(shadow))(url);
    await settled();
    expect(order).toEqual(['request', 'copy']);
  });
});

describe('MI-02: the share', () => {
  test.each([
    [0, 0, 0],
    [100, 1 - Number.EPSILON / 2, 1],
    [5, 0.049, 1],
    [5, 0.05, 0],
  ])('of %d %% at a draw of %d makes %d copies', async (percent, draw, copies) => {
    const shadow = upstream(status(200));
    await outbound(upstream(status(200)), mirrorTo(shadow, { percent, random: () => draw }))(url);
    await settled();
    expect(shadow.calls).toHaveLength(copies);
  });

  test('is drawn once a request, CO-04: however often that is tried', async () => {
    let draws = 0;
    const random = (): number => {
      draws += 1;
      return 0;
    };
    const shadow = upstream(status(200));
    const fetch = upstream(status(503), status(503), status(200));
    const shop = outbound(fetch, mirrorTo(shadow, { random }), retry({ clock, random: () => 0 }));
    const answer = shop(url);
    await clock.advance(1_000);
    expect((await answer).status).toBe(200);
    expect(fetch.calls).toHaveLength(3);
    expect(shadow.calls).toHaveLength(1);
    expect(draws).toBe(1);
  });
});

describe('MI-03: the body', () => {
  test('of the copy is that of the request', async () => {
    const shadow = upstream(status(200));
    const fetch = reading();
    const shop = outbound(fetch, mirrorTo(shadow));
    await shop(url, {
      method: 'POST',
      body: '{"sku":1}',
      headers: { 'content-type': 'application/json' },
    });
    await settled();
    const copy = shadow.calls[0]?.request as Request;
    expect(copy.method).toBe('POST');
    expect(copy.url).toBe(url);
    expect(copy.headers.get('content-type')).toBe('application/json');
    expect(await copy.text()).toBe('{"sku":1}');
  });

  test('waits for nothing but its reader, and the copy for its end', async () => {
    const shadow = upstream(status(200));
    const body = tracedBody(['a', 'b']);
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    const fetch = upstream(async (request) => {
      reader = request.body?.getReader();
      await reader?.read();
      return new Response();
    });
    await outbound(fetch, mirrorTo(shadow))(streamingPut(body.stream));
    await settled();
    expect(shadow.calls).toHaveLength(0);
    await reader?.read();
    await reader?.read();
    await settled();
    expect(await shadow.calls[0]?.request.text()).toBe('ab');
  });

  test('that is too long is sent on alone, and that is told', async () => {
    const events: PolicyEvent[] = [];
    const shadow = upstream(status(200));
    const fetch = upstream(async (request) => new Response(await request.text()));
    const copies = mirrorTo(shadow, { maxReplayBytes: 9 });
    const shop = outbound(fetch, listening(events), copies);
    const response = await shop(streamingPut(tracedBody(['12345', '67890']).stream));
    expect(await response.text()).toBe('1234567890');
    await settled();
    expect(shadow.calls).toHaveLength(0);
    expect(events).toEqual([{ name: 'mirror_skipped', attributes: { reason: 'body' } }]);
    expect(copies.stats).toEqual({ active: 0, answered: 0, failed: 0, skipped: 1 });
  });

  test('that nobody reads to its end makes no copy, after a while', async () => {
    const shadow = upstream(status(200));
    const copies = mirrorTo(shadow, { timeout: '2s' });
    const body = tracedBody(['a'], { end: 'hang' });
    await outbound(upstream(status(200)), copies)(streamingPut(body.stream));
    await settled();
    expect(copies.stats.active).toBe(1);
    await clock.advance(2_000);
    expect(copies.stats).toEqual({ active: 0, answered: 0, failed: 0, skipped: 1 });
    expect(shadow.calls).toHaveLength(0);
  });

  test('can be read by retries and the mirror at once', async () => {
    const shadow = upstream(status(200));
    const seen: string[] = [];
    const fetch = upstream(async (request) => {
      seen.push(await request.text());
      return new Response(null, { status: seen.length < 3 ? 503 : 200 });
    });
    const shop = outbound(fetch, mirrorTo(shadow), retry({ clock, random: () => 0 }));
    const answer = shop(streamingPut(tracedBody(['a', 'b']).stream));
    await clock.advance(1_000);
    expect((await answer).status).toBe(200);
    expect(seen).toEqual(['ab', 'ab', 'ab']);
    expect(await shadow.calls[0]?.request.text()).toBe('ab');
  });
});

describe('MI-04: the answer of the copy', () => {
  test('is cancelled unread', async () => {
    const body = tracedBody(['x'], { end: 'hang' });
    const copies = mirrorTo(upstream(() => new Response(body.stream)));
    await outbound(upstream(status(200)), copies)(url);
    await settled();
    expect(body.cancels).toBe(1);
    expect(copies.stats).toEqual({ active: 0, answered: 1, failed: 0, skipped: 0 });
  });

  test('may be a redirect, which nobody follows', async () => {
    const shadow = upstream(status(302, { location: '/elsewhere' }));
    await outbound(upstream(status(200)), mirrorTo(shadow))(url);
    await settled();
    expect(shadow.calls.map(({ request }) => request.redirect)).toEqual(['manual']);
  });

  test('is cancelled also where it comes too late', async () => {
    const body = tracedBody(['x'], { end: 'hang' });
    let answerLate: ((response: Response) => void) | undefined;
    const shadow = upstream(
      () =>
        new Promise((resolve) => {
          answerLate = resolve;
        }),
    );
    await outbound(upstream(status(200)), mirrorTo(shadow, { timeout: '1s' }))(url);
    await clock.advance(1_000);
    expect(shadow.calls[0]?.signal.reason).toMatchObject({
      name: 'TimeoutError',
      message: 'No response within 1s',
    });
    answerLate?.(new Response(body.stream));
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('leaves no listener on the signal of the copy', async () => {
    const counts: ListenerCount[] = [];
    let answer = (_: Response): void => {};
    const copies = mirror({
      clock,
      send(copy, context) {
        counts.push(countListeners(signalOf(copy, context)));
        return new Promise((resolve) => (answer = resolve));
      },
    });
    await outbound(upstream(status(200)), copies)(url);
    await settled();
    expect(counts[0]?.current).toBe(1);
    answer(new Response());
    await settled();
    expect(counts[0]?.current).toBe(0);
  });

  test('is waited for by the platform', async () => {
    const works: Promise<unknown>[] = [];
    const platform = { waitUntil: (work: Promise<unknown>) => works.push(work) };
    const shadow = upstream(stalled);
    const app = inbound(() => new Response(), mirrorTo(shadow, { timeout: '1s' }));
    await app(new Request(url), {}, platform);
    expect(works).toHaveLength(1);
    await clock.advance(1_000);
    expect(await works[0]).toBeUndefined();
  });

  test('moves no limit of the request, and has none of it', async () => {
    let seen: Context | undefined;
    const copies = mirror({
      clock,
      send: async (_, context) => {
        seen = context;
        return new Response();
      },
    });
    await outbound(upstream(status(200)), timeout('1s', { clock }), copies)(url);
    await settled();
    expect(seen?.get(deadline)).toBe(Number.POSITIVE_INFINITY);
    expect(seen?.get(exchange)).toBeUndefined();
    expect(seen?.get(eventListener)).toBeUndefined();
  });
});

describe('MI-05: a caller that leaves', () => {
  test('before the answer takes the copy along, within a tick', async () => {
    const shadow = upstream(stalled);
    const fetch = upstream(stalled);
    const copies = mirrorTo(shadow);
    const caller = new AbortController();
    const answer = outbound(fetch, copies)(url, { signal: caller.signal });
    await settled();
    caller.abort('gone');
    expect(fetch.calls[0]?.signal.aborted).toBe(true);
    expect(shadow.calls[0]?.signal.aborted).toBe(true);
    await expect(answer).rejects.toBe('gone');
    await settled();
    expect(copies.stats).toEqual({ active: 0, answered: 0, failed: 1, skipped: 0 });
  });

  test('while the copy is about to leave keeps it from leaving', async () => {
    const shadow = upstream(status(200));
    const copies = mirrorTo(shadow);
    const caller = new AbortController();
    const fetch = upstream(() => {
      caller.abort('gone');
      throw caller.signal.reason;
    });
    await expect(outbound(fetch, copies)(url, { signal: caller.signal })).rejects.toBe('gone');
    await settled();
    expect(shadow.calls).toHaveLength(0);
    expect(copies.stats).toEqual({ active: 0, answered: 0, failed: 1, skipped: 0 });
  });

  test('in the middle of its body leaves no copy behind', async () => {
    const shadow = upstream(status(200));
    const copies = mirrorTo(shadow);
    const caller = new AbortController();
    const answer = outbound(
      upstream(stalled),
      copies,
    )(streamingPut(tracedBody(['a'], { end: 'hang' }).stream, { signal: caller.signal }));
    await settled();
    caller.abort('gone');
    await expect(answer).rejects.toBe('gone');
    await settled();
    expect(copies.stats).toEqual({ active: 0, answered: 0, failed: 1, skipped: 0 });
    expect(shadow.calls).toHaveLength(0);
  });

  test('after it leaves the copy alone', async () => {
    const shadow = upstream(stalled);
    const caller = new AbortController();
    await outbound(upstream(status(200)), mirrorTo(shadow))(url, { signal: caller.signal });
    caller.abort('gone');
    await settled();
    expect(shadow.calls[0]?.signal.aborted).toBe(false);
    await clock.advance(15_000);
    expect(shadow.calls[0]?.signal.aborted).toBe(true);
  });

  test('is not listened for where the body was read before', async () => {
    const request = new Request(url, { method: 'POST', body: 'text' });
    const listeners = countListeners(request.signal);
    await request.text();
    const chain = mirrorTo(upstream(status(200)))(async () => new Response());
    await expect(chain(request, Context.background())).rejects.toThrow(TypeError);
    expect(listeners.current).toBe(0);
  });

  test('before the call makes neither', async () => {
    const shadow = upstream(status(200));
    const fetch = upstream(status(200));
    const signal = AbortSignal.abort('gone');
    await expect(outbound(fetch, mirrorTo(shadow))(url, { signal })).rejects.toBe('gone');
    expect([fetch.calls.length, shadow.calls.length]).toEqual([0, 0]);
  });

  test('never, but calls a thousand times on one signal, has no listener left on it', async () => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const copies = mirrorTo(upstream(status(204)));
    const shop = outbound(upstream(status(204)), copies);
    for (let call = 0; call < 1_000; call++) await shop(request);
    await settled();
    expect(listeners.current).toBe(0);
    expect(copies.stats).toMatchObject({ active: 0, answered: 1_000 });
  });
});

describe('MI-06: a copy', () => {
  test('is marked, and not mirrored again', async () => {
    const second = upstream(status(200));
    const shadow = outbound(upstream(status(200)), mirrorTo(second));
    const seen: Request[] = [];
    const first = mirror({
      clock,
      send: (copy) => {
        seen.push(copy);
        return shadow(copy);
      },
    });
    await outbound(upstream(status(200)), first)(url);
    await settled();
    expect(seen[0]?.headers.get('x-fetchmesh-mirror')).toBe('true');
    expect(second.calls).toHaveLength(0);
  });

  test('is not tried again', async () => {
    const shadow = upstream(status(503));
    const shop = outbound(upstream(status(200)), retry({ clock }), mirrorTo(shadow));
    await shop(url);
    await clock.advance(10_000);
    expect(shadow.calls).toHaveLength(1);
  });

  test('puts nothing on the record of the request, and tells its listener nothing', async () => {
    const records: unknown[] = [];
    const shadow = mirror({
      clock,
      send: async (_, context) => {
        records.push(context.get(exchange), context.get(eventListener));
        return new Response();
      },
    });
    const { context } = withExchange(Context.background().with(eventListener, () => {}));
    await outbound(
      upstream(status(200)),
      (next) => (request) => next(request, context),
      shadow,
    )(url);
    await settled();
    expect(records).toEqual([undefined, undefined]);
  });

  test('is not made of what cannot be sent twice', async () => {
    const shadow = upstream(status(200));
    const shop = inbound(() => new Response(), mirrorTo(shadow));
    await shop(new Request(url, { headers: { upgrade: 'websocket' } }));
    await settled();
    expect(shadow.calls).toHaveLength(0);
  });

  test('is not made of a method that no fetch sends', async () => {
    const copies = mirrorTo(upstream(status(200)));
    // Some servers hand over such a request all the same; none can be made by its constructor.
    const request = Object.defineProperty(new Request(url), 'method', { value: 'TRACE' });
    await copies(async () => new Response())(request, Context.background());
    await settled();
    expect(copies.stats).toEqual({ active: 0, answered: 0, failed: 0, skipped: 0 });
  });
});

describe('MI-07: the headers of a copy', () => {
  const secrets = { authorization: 'Bearer t', cookie: 'sid=1', 'x-tenant': 'acme' };

  test.each([
    [{}, false],
    [{ credentials: 'omit' as const }, false],
    [{ credentials: 'include' as const }, true],
  ])('with %j', async (options, included) => {
    const shadow = upstream(status(200));
    await outbound(upstream(status(200)), mirrorTo(shadow, options))(url, { headers: secrets });
    await settled();
    const copied = shadow.calls[0]?.headers as Headers;
    expect(copied.get('authorization')).toBe(included ? 'Bearer t' : null);
    expect(copied.get('cookie')).toBe(included ? 'sid=1' : null);
    expect(copied.get('x-tenant')).toBe('acme');
  });

  test.each([
    ['http://shop.example/v2', 'Bearer t'],
    ['http://shop.example:81/v2', null],
  ])('have credentials where the copy goes to the same origin: %s', async (to, authorization) => {
    const shadow = upstream(() => new Response(null));
    vi.stubGlobal('fetch', (copy: string, init: RequestInit) => shadow(new Request(copy, init)));
    const canonical: Middleware = (next) => (request, context) =>
      next(request, context.with(canonicalPathname, '/canonical'));
    const copies = mirror({ to, clock });
    await outbound(upstream(status(200)), canonical, copies)(url, { headers: secrets });
    await settled();
    vi.unstubAllGlobals();
    expect(shadow.calls.map(({ request }) => request.url)).toEqual([`${to}/canonical?page=2`]);
    expect(shadow.calls[0]?.headers.get('authorization')).toBe(authorization);
  });

  test('are none of the connection that the request came by', async () => {
    const shadow = upstream(status(200));
    const headers = {
      connection: 'x-hop',
      'x-hop': '1',
      'keep-alive': 'timeout=5',
      host: 'shop.example',
      'content-length': '0',
      'x-tenant': 'acme',
    };
    await outbound(upstream(status(200)), mirrorTo(shadow))(new Request(url, { headers }));
    await settled();
    const copied = Object.fromEntries(shadow.calls[0]?.headers as Headers);
    expect(copied).toEqual({ 'x-fetchmesh-mirror': 'true', 'x-tenant': 'acme' });
  });

  test('are edited once, also where the copy goes through a chain of its own', async () => {
    const sent: (string | undefined)[] = [];
    const tagging: Middleware = (next) => (request, context) =>
      next(request, appendHeader(context, 'via', 'mesh'));
    const copies = mirror({
      send: async (copy, context) => {
        sent.push(outgoingHeaders(copy, context)['via']);
        return new Response();
      },
      clock,
    });
    await outbound(upstream(status(200)), tagging, copies)(url);
    await settled();
    expect(sent).toEqual(['mesh']);
  });

  test('are those that the request leaves with, edited', async () => {
    const shadow = upstream(status(200));
    const editing: Middleware = (next) => (request, context) =>
      next(request, setHeader(context, 'x-region', 'eu'));
    const headers = { set: { 'x-shadow-of': 'v1' }, remove: ['x-tenant'] };
    const shop = outbound(upstream(status(200)), editing, mirrorTo(shadow, { headers }));
    await shop(url, { headers: secrets });
    await settled();
    expect(Object.fromEntries(shadow.calls[0]?.headers as Headers)).toEqual({
      'x-region': 'eu',
      'x-shadow-of': 'v1',
      'x-fetchmesh-mirror': 'true',
    });
  });
});

test.each([
  ['http://v2.internal', 'http://v2.internal/users?page=2'],
  ['http://v2.internal/shop', 'http://v2.internal/shop/users?page=2'],
  ['http://v2.internal/shop/', 'http://v2.internal/shop/users?page=2'],
])('a copy goes to the path of the request below that of %s', async (to, wanted) => {
  const sent: string[] = [];
  vi.stubGlobal('fetch', async (copy: string) => {
    sent.push(copy);
    return new Response(null);
  });
  await outbound(upstream(status(200)), mirror({ to, clock }))(url);
  await settled();
  vi.unstubAllGlobals();
  expect(sent).toEqual([wanted]);
});

test('there are no more copies at once than allowed', async () => {
  const events: PolicyEvent[] = [];
  const shadow = upstream(stalled);
  const copies = mirrorTo(shadow, { maxActive: 2, timeout: '1s' });
  const shop = outbound(upstream(status(200)), listening(events), copies);
  for (let call = 0; call < 3; call++) await shop(url);
  expect(copies.stats).toEqual({ active: 2, answered: 0, failed: 0, skipped: 1 });
  expect(events.map(({ name, attributes }) => [name, attributes['reason']])).toEqual([
    ['mirror', undefined],
    ['mirror', undefined],
    ['mirror_skipped', 'overflow'],
  ]);
  await clock.advance(1_000);
  expect(copies.stats.active).toBe(0);
});

test('a hundred copies are let go on at once where nothing is said', async () => {
  const copies = mirrorTo(upstream(stalled), { timeout: '1s' });
  const shop = outbound(
    upstream(() => new Response(null)),
    copies,
  );
  for (let call = 0; call < 101; call++) await shop(url);
  expect(copies.stats).toMatchObject({ active: 100, skipped: 1 });
  await clock.advance(1_000);
});

test('describes itself', () => {
  expect(describeChain(mirror({ to: 'http://v2.internal/base', percent: 5 }))).toBe(
    'mirror 5% to http://v2.internal',
  );
  expect(describeChain(mirrorTo(upstream(status(200))))).toBe('mirror 100% to a handler');
});

function listening(events: PolicyEvent[]): Middleware {
  return (next) => (request, context) =>
    next(
      request,
      context.with(eventListener, (event) => events.push(event)),
    );
}
