import { describe, expect, test } from 'vitest';
import { abortSignal } from '../../src/core/abort.ts';
import type { App, Middleware } from '../../src/core/chain.ts';
import { Context, contextOf, key } from '../../src/core/context.ts';
import { inbound } from '../../src/core/inbound.ts';
import { appendHeader } from '../../src/core/outgoing.ts';
import { editing, observing } from '../support/layers.ts';

const url = 'http://shop.example/';
const get = () => new Request(url);

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
