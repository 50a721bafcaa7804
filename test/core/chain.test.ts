import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compose,
  describe as describeChain,
  layer,
  type Middleware,
  type Next,
} from '../../src/core/chain.ts';
import { key } from '../../src/core/context.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { setHeader } from '../../src/core/outgoing.ts';
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
