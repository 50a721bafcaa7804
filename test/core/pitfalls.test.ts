/**
 * The pitfalls of the four runtimes, each where it concerns the algebra and the first policies. What waits for its
 * feature:
 *
 * - pitfall 10, `redirect: 'manual'` when proxying: the gateway
 * - pitfall 11, hop-by-hop headers and those of a decoded body: the gateway
 * - pitfall 14, capped caches under attacker-chosen keys: rate limits, JWT keys, metric labels
 * - pitfall 15, untrusted `X-Forwarded-…`: the address of the peer
 * - pitfall 19, leases in place of `finally`: bulkhead, breaker, adaptive concurrency
 * - pitfall 20, sharing data and not I/O objects between requests: JWT keys, rules, tokens
 * - pitfall 21, no counters in KV: the KV store
 * - pitfall 22, expiry within the script, reload on NOSCRIPT alone: the Redis store
 * - pitfall 23, weights of 0 and 100: split
 * - pitfall 24, key sets cached, single flight, cooldown: JWT
 * - pitfall 25, durations to the headers or to the end of the body: telemetry
 * - pitfall 26, canaries by rewriting the URL and not `Host`: rewrite
 */

import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import {
  Context,
  contextOf,
  inbound,
  isRejectionError,
  key,
  type Middleware,
  outbound,
  outcomeOfError,
  outcomeOfResponse,
  reject,
  setHeader,
} from '../../src/index.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { bytesOf, streamingPut, tracedBody } from '../support/bodies.ts';
import { stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const runtime = inject('runtime');
const url = 'http://shop.example/';
let clock: VirtualClock;

/** A chain with everything that there is. */
const governed = (): Middleware[] => [
  timeout('30s', { clock }),
  retry({ clock, perTry: '10s', baseDelay: '1ms', jitter: 'none' }),
];

beforeEach(() => {
  clock = new VirtualClock();
});
afterEach(() => {
  expect(clock.pending).toBe(0);
});

describe('pitfall 1: a context is no init', () => {
  test('it has no member by the name of one of RequestInit', () => {
    const names = new Set<string>();
    for (let object: object = Context.background(); object !== Object.prototype; ) {
      for (const name of Object.getOwnPropertyNames(object)) names.add(name);
      object = Object.getPrototypeOf(object) as object;
    }
    const members =
      'body cache cf client credentials decompress dispatcher duplex fetcher headers integrity keepalive method mode priority proxy redirect referrer referrerPolicy signal tls unix verbose window timeout';
    expect(members.split(' ').filter((name) => names.has(name))).toEqual([]);
  });

  test('the fetch of this runtime gets a request and a literal, bare, and answers', async () => {
    // A data: URL is the one that needs no network; workerd refuses it, but in its own words.
    for (const middlewares of [[], governed()]) {
      const shop = outbound(fetch, ...middlewares);
      const answer = await shop('data:text/plain,hello').then(
        (response) => response.text(),
        (error: Error) => error.message,
      );
      expect(answer).not.toMatch(/illegal invocation/i);
      if (runtime !== 'workerd') expect(answer).toBe('hello');
    }
  });
});

test('pitfall 2: what a drop-in fetch gets in the place of a context is an init', async () => {
  const fetch = upstream(status(200));
  await outbound(fetch, ...governed())(url, { method: 'DELETE', headers: { 'x-a': '1' } });
  expect(fetch.calls[0]?.request.method).toBe('DELETE');
  expect(fetch.calls[0]?.headers.get('x-a')).toBe('1');
});

test('pitfall 3: what the platform passes beside the request arrives, and waitUntil is bound to its host', async () => {
  class Host {
    readonly #work: unknown[] = [];
    waitUntil(work: unknown): void {
      this.#work.push(work);
    }
    get count(): number {
      return this.#work.length;
    }
  }
  const host = new Host();
  const env = { SECRET: 's' };
  let received: unknown[] = [];
  const working: Middleware = (next) => (request, context) => {
    context.waitUntil(Promise.resolve());
    return next(request, context);
  };
  const app = inbound(
    (_, ...platform) => {
      received = platform;
      return new Response();
    },
    ...governed(),
    working,
  );
  await app(new Request(url), env, host);
  expect(received[0]).toBe(env);
  expect(received[1]).toBe(host);
  expect(host.count).toBe(1);
});

test('pitfall 4: the status and each of the cookies of a response arrive', async () => {
  const headers = new Headers();
  headers.append('set-cookie', 'a=1; Path=/');
  headers.append('set-cookie', 'b=2; Path=/');
  const shop = outbound(
    upstream(() => new Response('teapot', { status: 418, headers })),
    ...governed(),
  );
  const response = await shop(url);
  expect(response.status).toBe(418);
  expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2; Path=/']);
});

describe('pitfall 5: a response that nobody changed passes by identity', () => {
  const responses: Record<string, () => Response | undefined> = {
    'with a body': () => new Response('hello'),
    'of status 204': () => new Response(null, { status: 204 }),
    'of status 304': () => new Response(null, { status: 304 }),
    'that redirects': () => Response.redirect('http://shop.example/other', 307),
    'of type error': () => Response.error(),
    'of status 101': () => {
      try {
        return new Response(null, { status: 101 });
      } catch {
        return undefined; // Node has no such responses, workerd only with a socket.
      }
    },
    'with a socket': () => {
      const Pair = (globalThis as { WebSocketPair?: new () => Record<string, unknown> })
        .WebSocketPair;
      if (Pair === undefined) return undefined;
      return new Response(null, { status: 101, webSocket: new Pair()['0'] } as ResponseInit);
    },
  };

  test.each(Object.entries(responses))('%s', async (_, make) => {
    const response = make();
    if (response === undefined) return;
    expect(await outbound(async () => response, ...governed())(url)).toBe(response);
    expect(await inbound(() => response, ...governed())(new Request(url))).toBe(response);
  });
});

test('pitfall 6: edits never touch the headers of a request that others made', async () => {
  const request = new Request(url, { headers: { 'x-a': '1' } });
  const editing: Middleware = (next) => (request, context) =>
    next(request, setHeader(context, 'x-a', '2'));
  const app = inbound((request) => new Response(request.headers.get('x-a')), editing);
  expect(await (await app(request)).text()).toBe('2');
  expect(request.headers.get('x-a')).toBe('1');
});

describe('pitfall 7: a body is read once', () => {
  test('and no further than the attempt asks, whatever is kept of it', async () => {
    const source = tracedBody(['one', 'two', 'three']);
    const fetch = upstream(async (request) => {
      await request.body?.getReader().read();
      await settled();
      return new Response();
    });
    await outbound(fetch, ...governed())(streamingPut(source.stream));
    expect(source.pulls).toBe(1);
  });

  test('and its source is cancelled with the last attempt, which tee() would not do', async () => {
    const source = tracedBody(['one', 'two'], { end: 'hang' });
    const fetch = upstream(async (request) => {
      await request.body?.cancel();
      return new Response();
    });
    await outbound(fetch, ...governed())(streamingPut(source.stream));
    await settled();
    expect(source.cancels).toBe(1);
  });

  test('and over the limit there is no second attempt', async () => {
    const fetch = upstream(async (request) => {
      await bytesOf(request);
      return new Response(null, { status: 503 });
    });
    const shop = outbound(fetch, retry({ clock, maxReplayBytes: 2 }));
    expect((await shop(streamingPut(tracedBody(['abc']).stream))).status).toBe(503);
    expect(fetch.calls).toHaveLength(1);
  });
});

test('pitfall 8: a stream is sent with duplex, which Node demands', async () => {
  const fetch = upstream(async (request) => new Response(await request.text()));
  const response = await outbound(fetch, ...governed())(streamingPut(tracedBody(['hi']).stream));
  expect(await response.text()).toBe('hi');
});

describe('pitfall 9: the body of a response that nobody gets is cancelled', () => {
  test('of a failed try', async () => {
    const lost = tracedBody(['x'], { end: 'hang' });
    const fetch = upstream(() => new Response(lost.stream, { status: 503 }), status(200));
    const answer = outbound(fetch, ...governed())(url);
    await clock.advance(10);
    expect((await answer).status).toBe(200);
    expect(lost.cancels).toBe(1);
  });

  test('of a try that came too late', async () => {
    const late = tracedBody(['x'], { end: 'hang' });
    let answerLate: (() => void) | undefined;
    const fetch = upstream(
      () =>
        new Promise((resolve) => {
          answerLate = () => resolve(new Response(late.stream));
        }),
    );
    const answer = outbound(fetch, timeout('1s', { clock }))(url);
    await clock.advance(1_000);
    await answer;
    answerLate?.();
    await settled();
    expect(late.cancels).toBe(1);
  });
});

describe('pitfall 12: a timeout is not a caller that left', () => {
  test('a limit is a 504 and a failure', async () => {
    const answer = outbound(upstream(stalled), timeout('1s', { clock }))(url);
    await clock.advance(1_000);
    const response = await answer;
    expect(response.status).toBe(504);
    expect(outcomeOfResponse(response).verdict).toBe('failure');
  });

  test.each([
    ['without a reason', undefined],
    ['with the reason of a server that lost its client', { code: 'ECONNRESET' }],
  ])('an abort %s is a rejection with that reason, and no failure', async (_, reason) => {
    const caller = new AbortController();
    const answer = outbound(upstream(stalled), ...governed())(url, { signal: caller.signal });
    await settled();
    caller.abort(reason);
    const rejection: unknown = await answer.catch((error: unknown) => error);
    expect(rejection).toBe(caller.signal.reason);
    expect(isRejectionError(rejection)).toBe(false);
    expect(outcomeOfError(rejection, caller.signal).verdict).toBe('ignored');
  });
});

test('pitfall 13: there is one canonical path, and none for what is malformed', () => {
  const pathOf = (path: string) => canonicalPath(new URL(path, url).pathname);
  for (const path of ['/%61dmin', '/x/../admin', '//admin'.slice(1), '/%61%64min', '\\admin']) {
    expect(pathOf(path)).toBe('/admin');
  }
  expect(pathOf('/admin%2fusers')).toBe('/admin%2Fusers');
  expect(pathOf('/admin%')).toBeUndefined();
  expect(pathOf('/admin%00')).toBeUndefined();
});

test('pitfall 16: no answer of the governance carries the message of an error', async () => {
  const secret = 'connect ECONNREFUSED db-7.internal:5432';
  const fetch = upstream(
    () => new Promise((_, fail) => clock.schedule(() => fail(new Error(secret)), 2_000)),
  );
  const answer = outbound(fetch, timeout('1s', { clock }))(url);
  await clock.advance(2_000);
  expect(await (await answer).text()).not.toContain('internal:5432');
  expect(await reject('upstream_connection_failed').text()).not.toContain('ECONNREFUSED');
});

test('pitfall 17: what throws at once, app, fetch or middleware, rejects', async () => {
  const throws = (): never => {
    throw new Error('at once');
  };
  const middleware: Middleware = () => throws;
  const messageOf = (error: Error) => error.message;
  expect(await inbound(throws, ...governed())(new Request(url)).catch(messageOf)).toBe('at once');
  expect(await outbound(throws, ...governed())(url).catch(messageOf)).toBe('at once');
  expect(await outbound(fetch, ...governed(), middleware)(url).catch(messageOf)).toBe('at once');
});

describe('pitfall 18: nothing happens at module scope', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  // Every portable entry is loaded by a Worker in test/runtimes/workers-flagless.process.test.ts; here: on all runtimes.
  test.each([
    ...[
      'abort',
      'canonical-path',
      'chain',
      'clock',
      'context',
      'duration',
      'event',
      'discard',
      'outgoing',
      'own',
    ],
    ...['network-failure', 'outcome', 'rejection', 'replay', 'retry-after'],
    ...['../policies/backoff', '../policies/retry', '../policies/timeout', '../index'],
  ])('%s: no timer, no randomness, no call', async (module) => {
    const touched: string[] = [];
    const watch = (host: object, name: string) => {
      const real = Reflect.get(host, name) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        // The test runner has timers of its own.
        if (new Error().stack?.includes(`${module.replace('../', '')}.ts`)) touched.push(name);
        return real.apply(host, args);
      };
    };
    for (const name of ['setTimeout', 'setInterval', 'queueMicrotask', 'fetch']) {
      vi.stubGlobal(name, watch(globalThis, name));
    }
    vi.spyOn(Math, 'random').mockImplementation(watch(Math, 'random') as () => number);
    // The query makes it a module that was not loaded before.
    const specifier = `../../src/core/${module}.ts?fresh`;
    expect(await import(/* @vite-ignore */ specifier)).toBeDefined();
    expect(touched).toEqual([]);
  });
});

test('pitfall 27: what the platform passes is read when a request comes, and never kept', async () => {
  const secrets: unknown[] = [];
  const reading: Middleware = (next) => (request, context) => {
    const [env] = context.platform as [{ SECRET: string }];
    secrets.push(env.SECRET);
    return next(request, context);
  };
  const app = inbound(() => new Response(), reading);
  await app(new Request(url), { SECRET: 'before the rotation' });
  await app(new Request(url), { SECRET: 'after it' });
  expect(secrets).toEqual(['before the rotation', 'after it']);
});

test('a context survives what a framework does with a request, but not a copy', async () => {
  const tenant = key<string>('tenant');
  let copy: Context | undefined;
  let proxied: Context | undefined;
  const app = inbound(
    (request) => {
      copy = contextOf(new Request(request));
      proxied = contextOf(new Proxy(request, {}));
      return new Response();
    },
    (next) => (request, context) => next(request, context.with(tenant, 'acme')),
  );
  await app(new Request(url));
  expect(copy).toBeUndefined();
  expect(proxied?.get(tenant)).toBe('acme');
});
