import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { abortSignal, deadline } from '../../src/core/abort.ts';
import {
  type App,
  compose,
  describe as describeChain,
  inbound,
  layer,
  type Middleware,
  type Next,
  outbound,
} from '../../src/core/chain.ts';
import { Context, contextOf, key } from '../../src/core/context.ts';
import { exchange, withExchange } from '../../src/core/exchange.ts';
import { appendHeader, outgoingHeaders, setHeader } from '../../src/core/outgoing.ts';
import { isRejectionError, reject, rejectionOf } from '../../src/core/rejection.ts';
import { status, upstream } from '../support/upstream.ts';

const url = 'http://shop.example/';
const get = () => new Request(url);

/** Writes what it sees on the way in and on the way out. */
const tracer =
  (log: string[], name: string): Middleware =>
  (next) =>
  async (request, context) => {
    log.push(`${name} in`);
    const response = await next(request, context);
    log.push(`${name} out`);
    return response;
  };

const editing =
  (name: string, value: string): Middleware =>
  (next) =>
  (request, context) =>
    next(request, setHeader(context, name, value));

/** Hands the context of the innermost layer to the test. */
const observing =
  (observe: (context: Context, request: Request) => void): Middleware =>
  (next) =>
  (request, context) => {
    observe(context, request);
    return next(request, context);
  };

describe('compose', () => {
  test('the first is the outermost', async () => {
    const log: string[] = [];
    const app = inbound(
      () => {
        log.push('app');
        return new Response();
      },
      tracer(log, 'a'),
      compose(tracer(log, 'b'), tracer(log, 'c')),
      tracer(log, 'd'),
    );
    await app(get());
    expect(log.join(', ')).toBe('a in, b in, c in, d in, app, d out, c out, b out, a out');
  });

  test('of nothing is the identity', () => {
    const next: Next = async () => new Response();
    expect(compose()(next)).toBe(next);
  });

  test('is associative, however a list is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 6 }),
        fc.array(fc.nat({ max: 6 }), { maxLength: 4 }),
        async (names, cuts) => {
          const flat: string[] = [];
          const nested: string[] = [];
          const list = (log: string[]) => names.map((name) => tracer(log, name));
          const rest = list(nested);
          const pieces = cuts.map((cut) => compose(...rest.splice(0, cut)));
          await inbound(() => new Response(), ...list(flat))(get());
          await inbound(() => new Response(), compose(...pieces), compose(...rest))(get());
          expect(nested).toEqual(flat);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('wraps once, at construction, and not for each request', async () => {
    let wrapped = 0;
    const counting: Middleware = (next) => {
      wrapped += 1;
      return next;
    };
    const app = inbound(() => new Response(), counting, compose(counting));
    expect(wrapped).toBe(2);
    await Promise.all([app(get()), app(get()), app(get())]);
    expect(wrapped).toBe(2);
  });

  test('one middleware value may wrap many chains and keeps its state', async () => {
    let requests = 0;
    const counting: Middleware = (next) => (request, context) => {
      requests += 1;
      return next(request, context);
    };
    await inbound(() => new Response(), counting)(get());
    await outbound(upstream(status(200)), counting)(url);
    expect(requests).toBe(2);
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [{}, 'an object'],
    ['timeout', 'string'],
  ])('refuses %o, and says at which place', (value, name) => {
    expect(() => compose((next) => next, value as unknown as Middleware)).toThrow(
      `compose: argument 2 is ${name}, not a middleware (next) => (request, context) => Promise<Response>`,
    );
  });
});

describe('a middleware', () => {
  test('may answer by itself', async () => {
    const app = inbound(
      () => {
        throw new Error('not to be called');
      },
      () => async () => new Response('closed', { status: 503 }),
    );
    expect((await app(get())).status).toBe(503);
  });

  test('may call next several times, one after the other or at once', async () => {
    let calls = 0;
    const twice: Middleware = (next) => async (request, context) => {
      await next(request, context);
      const both = await Promise.all([next(request, context), next(request, context)]);
      return both[1];
    };
    const shop = outbound(async () => new Response(String(++calls)), twice);
    expect(await (await shop(url)).text()).toBe('3');
  });

  test('two attempts at once on one context never see what the other wrote', async () => {
    const attempt = key<string>('attempt');
    const seen: (string | undefined)[] = [];
    const race: Middleware = (next) => async (request, context) => {
      const [first] = await Promise.all(
        ['a', 'b'].map((name) =>
          next(request, setHeader(context.with(attempt, name), 'x-attempt', name)),
        ),
      );
      return first as Response;
    };
    const slow: Middleware = (next) => async (request, context) => {
      // Both have written before either reads.
      await Promise.resolve();
      seen.push(context.get(attempt));
      return next(request, context);
    };
    const fetch = upstream(status(200));
    await outbound(fetch, race, slow)(url);
    expect(seen).toEqual(['a', 'b']);
    expect(fetch.calls.map(({ headers }) => headers.get('x-attempt'))).toEqual(['a', 'b']);
  });

  test('may hand another request inwards', async () => {
    const rewriting: Middleware = (next) => (request, context) =>
      next(new Request(new URL('/other', request.url), request), context);
    const app = inbound((request) => new Response(request.url), rewriting);
    expect(await (await app(get())).text()).toBe('http://shop.example/other');
  });

  test('pitfall 17: that throws at once makes a rejection, wherever it stands', async () => {
    const throwing: Middleware = () => () => {
      throw new Error('at once');
    };
    const through: Middleware = (next) => (request, context) => next(request, context);
    for (const chain of [[throwing], [through, throwing], [throwing, through]]) {
      await expect(inbound(() => new Response(), ...chain)(get())).rejects.toThrow('at once');
      await expect(outbound(upstream(status(200)), ...chain)(url)).rejects.toThrow('at once');
    }
  });
});

describe('inbound', () => {
  test('pitfall 3: hands the app the very request, and exactly what the platform passed', async () => {
    const received: unknown[] = [];
    const app = inbound(
      (...everything: unknown[]) => {
        received.push(...everything);
        return new Response();
      },
      (next) => next,
    );
    const [request, env, ctx] = [get(), { KV: {} }, { waitUntil() {} }];
    await app(request, env, ctx);
    expect(received).toHaveLength(3);
    for (const [index, value] of [request, env, ctx].entries()) {
      expect(received[index]).toBe(value);
    }
  });

  test('passes nothing beside the request where the platform passed nothing', async () => {
    let count: number | undefined;
    await inbound((...everything: unknown[]) => {
      count = everything.length;
      return new Response();
    })(get());
    expect(count).toBe(1);
  });

  test('hands the very response back', async () => {
    const response = new Response('hello');
    expect(
      await inbound(
        () => response,
        (next) => next,
      )(get()),
    ).toBe(response);
  });

  test('takes an object with fetch, and calls it as its method', async () => {
    class Shop {
      readonly #name = 'shop';
      fetch(request: Request, env?: string): Response {
        return new Response(`${this.#name} ${new URL(request.url).pathname} ${env}`);
      }
    }
    const app = inbound(new Shop());
    expect(await (await app(get(), 'env')).text()).toBe('shop / env');
  });

  test('a fetch that changes on the object changes the app', async () => {
    const shop = { fetch: () => new Response('before') };
    const app = inbound(shop);
    shop.fetch = () => new Response('after');
    expect(await (await app(get())).text()).toBe('after');
  });

  test('pitfall 17: an app that throws at once makes a rejection', async () => {
    const app = inbound(() => {
      throw new Error('at once');
    });
    // A throw would leave this test before `catch`.
    expect(await app(get()).catch((error: Error) => error.message)).toBe('at once');
  });

  test('what the app rejects with passes through by identity', async () => {
    const reason = { no: 'error' };
    await expect(inbound(() => Promise.reject(reason))(get())).rejects.toBe(reason);
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['hello', 'string'],
    [{ body: 'hello' }, 'an object'],
  ])('an app that returns %o is told so', async (value, name) => {
    await expect(inbound((() => value) as unknown as App)(get())).rejects.toThrow(
      `The app returned ${name}, not a Response.`,
    );
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [{}, 'an object'],
    [{ fetch: 'no' }, 'an object'],
    ['app', 'string'],
  ])('refuses %o for an app', (value, name) => {
    expect(() => inbound(value as unknown as App)).toThrow(
      `inbound: the app is ${name}, not a function or an object with fetch`,
    );
  });

  describe('a request that a middleware changed', () => {
    test('reaches the app with the edited headers, the body and the signal of the policy', async () => {
      const policy = new AbortController();
      const limiting: Middleware = (next) => (request, context) =>
        next(request, context.with(abortSignal, policy.signal));
      let received: Request | undefined;
      const app = inbound(
        async (request) => {
          received = request;
          return new Response(`${request.headers.get('x-a')} ${await request.text()}`);
        },
        editing('x-a', '1'),
        limiting,
      );
      const request = new Request(url, { method: 'POST', body: 'hello', headers: { 'x-b': '2' } });
      expect(await (await app(request)).text()).toBe('1 hello');
      expect(received?.method).toBe('POST');
      expect(received?.headers.get('x-b')).toBe('2');
      policy.abort('too slow');
      expect(received?.signal.reason).toBe('too slow');
    });

    test('keeps the type that its body implied', async () => {
      const form = new FormData();
      form.set('a', '1');
      const app = inbound(
        async (request) => new Response((await request.formData()).get('a') as string),
        editing('x-a', '1'),
      );
      const response = await app(new Request(url, { method: 'POST', body: form }));
      expect(await response.text()).toBe('1');
    });

    test('is copied once, whatever the number of edits', async () => {
      const requests = new Set<Request>();
      const watch = observing((_, request) => requests.add(request));
      const app = inbound(
        (request) => {
          requests.add(request);
          return new Response();
        },
        watch,
        editing('x-a', '1'),
        watch,
        editing('x-b', '2'),
        watch,
      );
      await app(get());
      expect(requests.size).toBe(2);
    });
  });

  describe('the context', () => {
    test('is found by the app with contextOf, copied request or not', async () => {
      const tenant = key<string>('tenant');
      const knowing: Middleware = (next) => (request, context) =>
        next(request, context.with(tenant, 'acme'));
      for (const more of [[], [editing('x-a', '1')]]) {
        const app = inbound(
          (request) => new Response(contextOf(request)?.get(tenant)),
          knowing,
          ...more,
        );
        expect(await (await app(get())).text()).toBe('acme');
      }
    });

    test('is inbound, holds what the platform passed, and is new for each request', async () => {
      const contexts: Context[] = [];
      const app = inbound(
        () => new Response(),
        observing((context) => contexts.push(context)),
      );
      const env = {};
      await app(get(), env);
      await app(get(), env);
      expect(contexts[0]).not.toBe(contexts[1]);
      expect(contexts[0]?.direction).toBe('inbound');
      expect(contexts[0]?.platform[0]).toBe(env);
    });

    test('pitfall 2: a second argument is a context by its brand and not by its place', async () => {
      const tenant = key<string>('tenant', 'nobody');
      const given = Context.background('inbound').with(tenant, 'acme');
      let seen: Context | undefined;
      const app = inbound(
        () => new Response(),
        observing((context) => {
          seen = context;
        }),
      );
      await app(get(), given);
      expect(seen?.get(tenant)).toBe('acme');
      await app(get(), { get: () => 'forged', with: () => ({}) });
      expect(seen?.get(tenant)).toBe('nobody');
      expect(seen?.platform).toHaveLength(1);
    });
  });

  describe('inside of another one', () => {
    const inner = (...middlewares: Middleware[]) =>
      inbound(
        (request, ...platform) => {
          const headers = JSON.stringify([...request.headers]);
          return new Response(`${headers} ${JSON.stringify(platform)}`);
        },
        ...middlewares,
      );
    const appending: Middleware = (next) => (request, context) =>
      next(request, appendHeader(context, 'via', 'mesh'));

    test('goes on with the context of the request', async () => {
      const tenant = key<string>('tenant');
      let seen: Context | undefined;
      const app = inbound(
        inner(
          observing((context) => {
            seen = context;
          }),
        ),
        (next) => (request, context) => next(request, context.with(tenant, 'acme')),
      );
      await app(get());
      expect(seen?.get(tenant)).toBe('acme');
    });

    test('does not make the edits of the outer one again', async () => {
      expect(await (await inbound(inner(), appending)(get())).text()).toBe('[["via","mesh"]] []');
      expect(await (await inbound(inner(appending), appending)(get())).text()).toBe(
        '[["via","mesh, mesh"]] []',
      );
    });

    test('passes on what it was passed, and else what the platform passed to the outer one', async () => {
      const renaming = inbound((request, env) => inner()(request, { ...env, tenant: 'acme' }));
      expect(await (await renaming(get(), { region: 'eu' })).text()).toBe(
        '[] [{"region":"eu","tenant":"acme"}]',
      );
      const silent = inbound((request) => inner()(request));
      expect(await (await silent(get(), { region: 'eu' })).text()).toBe('[] [{"region":"eu"}]');
    });
  });

  describe('waitUntil', () => {
    const work = Promise.resolve('mirrored');
    const working: Middleware = (next) => (request, context) => {
      context.waitUntil(work);
      return next(request, context);
    };

    test('is the one of the execution context, called as its method', async () => {
      class ExecutionContext {
        readonly #work: Promise<unknown>[] = [];
        waitUntil(work: Promise<unknown>): void {
          this.#work.push(work);
        }
        get count(): number {
          return this.#work.length;
        }
      }
      const ctx = new ExecutionContext();
      await inbound(() => new Response(), working)(get(), {}, ctx);
      expect(ctx.count).toBe(1);
    });

    test('is the one of the request, where a server put it there', async () => {
      const extended: unknown[] = [];
      const request = Object.assign(get(), { waitUntil: (work: unknown) => extended.push(work) });
      await inbound(() => new Response(), working)(request);
      expect(extended).toHaveLength(1);
    });

    test('is not needed', async () => {
      expect((await inbound(() => new Response(), working)(get(), null, undefined)).status).toBe(
        200,
      );
    });
  });
});

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
});

describe('describe', () => {
  test('prints the chain, outermost first, one line for each layer', () => {
    const named = layer('timeout 3s', (next) => next);
    function shout(next: Next): Next {
      return next;
    }
    function shop(): Response {
      return new Response();
    }
    expect(describeChain(inbound(shop, compose(named, shout), (next) => next))).toBe(
      'inbound\n  timeout 3s\n  shout\n  anonymous middleware\n  app shop',
    );
    expect(describeChain(outbound(upstream(), named))).toBe('outbound\n  timeout 3s\n  fetch');
    expect(describeChain(compose(named))).toBe('timeout 3s');
    expect(describeChain(compose())).toBe('');
  });

  test('names an app that has no name', () => {
    expect(describeChain(inbound(() => new Response()))).toBe('inbound\n  app anonymous');
    expect(describeChain(inbound({ fetch: () => new Response() }))).toBe(
      'inbound\n  app anonymous',
    );
  });
});

describe('what the end of an outbound chain calls', () => {
  const marked: Middleware = (next) => (request, context) =>
    next(request, setHeader(context, 'x-mark', '1'));

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
