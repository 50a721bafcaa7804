import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { peerAddress } from '../../../src/core/address.ts';
import type { Middleware } from '../../../src/core/chain.ts';
import { clientScheme } from '../../../src/core/client-scheme.ts';
import { Context } from '../../../src/core/context.ts';
import { inbound } from '../../../src/core/inbound.ts';
import { rejectionOf } from '../../../src/core/rejection.ts';
import {
  type AuthorizationPolicy,
  type AuthorizeOptions,
  authorize,
  type ExternalAuthorizerOptions,
  externalAuthorizer,
} from '../../../src/security/authorize/authorize.ts';
import { tracedBody } from '../../support/bodies.ts';
import { settled, VirtualClock } from '../../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

/** An app behind an authorizer that answers so; what it was asked, and what came through. */
function behind(
  answer: (question: Request) => Response | Promise<Response>,
  options: Partial<ExternalAuthorizerOptions> = {},
  more: readonly AuthorizationPolicy[] = [],
  settings: AuthorizeOptions = {},
  outside: Middleware = (next) => next,
) {
  const questions: Request[] = [];
  const passed: Headers[] = [];
  const authorizer = externalAuthorizer({
    url: 'http://gate.internal/check',
    clock,
    send: async (question) => {
      questions.push(question);
      return await answer(question);
    },
    ...options,
  });
  const app = inbound(
    (request) => {
      passed.push(request.headers);
      return new Response('in');
    },
    outside,
    authorize([{ name: 'gate', action: 'custom', rules: [{}], authorizer }, ...more], settings),
  );
  const ask = (path = '/', init?: RequestInit) =>
    app(new Request(`https://shop.example:8443${path}`, init));
  return { ask, questions, passed };
}

const status =
  (code: number, headers: HeadersInit = {}) =>
  () =>
    new Response(code === 304 || code === 204 ? null : 'text', { status: code, headers });

describe('AZ-17 what is asked', () => {
  test('is a GET with method, host, path and query, and the headers that may be seen', async () => {
    const { ask, questions } = behind(status(200), { headers: ['X-Key', 'cookie'] });
    await ask('/%61/../orders?page=2', {
      method: 'DELETE',
      headers: { 'x-key': 'k', cookie: 'sid=1', authorization: 'Bearer t', 'x-other': 'o' },
    });
    const [question] = questions;
    expect([question?.method, question?.url]).toEqual(['GET', 'http://gate.internal/check']);
    expect(Object.fromEntries(question?.headers ?? [])).toEqual({
      accept: '*/*',
      cookie: 'sid=1',
      'x-key': 'k',
      'x-forwarded-method': 'DELETE',
      'x-forwarded-host': 'shop.example:8443',
      'x-forwarded-proto': 'https',
      'x-forwarded-uri': '/orders?page=2',
    });
  });

  test('has authorization and cookie by default, and never the body', async () => {
    const body = tracedBody(['text']);
    const { ask, questions, passed } = behind(status(200));
    const init = { method: 'POST', body: body.stream, duplex: 'half' };
    const headers = { authorization: 'Bearer t', cookie: 'sid=1' };
    await ask('/', { ...init, headers } as RequestInit);
    expect(questions[0]?.headers.get('authorization')).toBe('Bearer t');
    expect(questions[0]?.headers.get('cookie')).toBe('sid=1');
    expect(questions[0]?.body).toBeNull();
    expect([body.pulls, passed.length]).toEqual([0, 1]);
  });

  test('cannot be forged: what forwards the request is written here', async () => {
    const { ask, questions } = behind(status(200));
    await ask('/admin', {
      headers: {
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/public',
        'x-forwarded-host': 'other.example',
        'x-forwarded-proto': 'http',
      },
    });
    const { headers } = questions[0] as Request;
    expect(headers.get('x-forwarded-uri')).toBe('/admin');
    expect(headers.get('x-forwarded-host')).toBe('shop.example:8443');
    expect(headers.get('x-forwarded-proto')).toBe('https');
  });

  test('has the scheme that the client asked by, where a trusted proxy ends TLS', async () => {
    const { ask, questions } = behind(status(200), {}, [], {}, (next) => (request, context) => {
      return next(request, context.with(clientScheme, 'http'));
    });
    await ask();
    expect(questions[0]?.headers.get('x-forwarded-proto')).toBe('http');
  });

  test('goes to a path of the place that `send` knows', async () => {
    const { ask, questions } = behind(status(200), { url: '/check?by=shop' });
    await ask('/orders');
    expect(questions[0]?.url).toBe('https://shop.example:8443/check?by=shop');
  });
});

describe('AZ-18 what its answer does', () => {
  test.each([200, 201, 204, 299])('%i lets the request on', async (code) => {
    const { ask } = behind(status(code));
    expect((await ask()).status).toBe(200);
  });

  test.each([301, 302, 307, 400, 401, 403, 404, 429])(
    '%i is what the client gets',
    async (code) => {
      const { ask, passed } = behind(
        status(code, {
          location: 'https://id.example/',
          'www-authenticate': 'Bearer',
          'retry-after': '5',
          connection: 'close',
          'x-internal': 'gate-7',
          'set-cookie': 'a=1',
        }),
      );
      const response = await ask();
      expect([response.status, await response.text(), passed.length]).toEqual([code, 'text', 0]);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        location: 'https://id.example/',
        'www-authenticate': 'Bearer',
        'retry-after': '5',
        'set-cookie': 'a=1',
      });
      for (const name of ['connection', 'x-internal'])
        expect(response.headers.has(name)).toBe(false);
    },
  );

  test.each([500, 502, 503])('%i denies', async (code) => {
    const { ask, passed } = behind(status(code));
    const response = await ask();
    expect(rejectionOf(response)?.reason).toBe('access_denied');
    expect([response.status, passed.length]).toEqual([403, 0]);
  });

  test('no answer denies: a failure, and one that takes too long', async () => {
    const failing = behind(() => Promise.reject(new TypeError('fetch failed')));
    expect((await failing.ask()).status).toBe(403);
    const slow = behind(
      ({ signal }) =>
        new Promise((_, fail) => {
          signal.addEventListener('abort', () => fail(signal.reason));
        }),
      { timeout: '300ms' },
    );
    const answer = slow.ask();
    await settled();
    clock.advance(300);
    expect((await answer).status).toBe(403);
    expect(slow.passed).toEqual([]);
  });

  test('no answer in time denies, also where whoever sends does not heed the signal', async () => {
    const body = tracedBody(['text'], { end: 'hang' });
    let answerLate = (_: Response): void => {};
    const deaf = behind(() => new Promise((resolve) => (answerLate = resolve)), {
      timeout: '300ms',
    });
    const answer = deaf.ask();
    await settled();
    clock.advance(300);
    expect((await answer).status).toBe(403);
    answerLate(new Response(body.stream));
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('a caller that leaves meanwhile was denied nothing', async () => {
    const told: unknown[] = [];
    const { ask } = behind(() => new Promise(() => {}), {}, [], {
      onDecision: (decision) => told.push(decision),
    });
    const caller = new AbortController();
    const answer = ask('/', { signal: caller.signal });
    await settled();
    caller.abort(new Error('left'));
    await expect(answer).rejects.toThrow('left');
    expect(told).toEqual([]);
  });

  test('a body that is let on unread is cancelled', async () => {
    const body = tracedBody(['text'], { end: 'hang' });
    const { ask } = behind(() => new Response(body.stream));
    await ask();
    expect(body.cancels).toBe(1);
  });
});

describe('AZ-19 headers of its answer', () => {
  const told = status(200, { 'x-user': 'ada', 'x-other': 'o' });

  test('go on with the request where they are named, in place of what the client wrote', async () => {
    const { ask, passed } = behind(told, { forward: ['X-User'] });
    await ask('/', { headers: { 'x-user': 'root', x_user: 'root' } });
    expect(passed[0]?.get('x-user')).toBe('ada');
    expect([passed[0]?.has('x_user'), passed[0]?.has('x-other')]).toEqual([false, false]);
  });

  test('have no twins either where there is an underscore in their names', async () => {
    const { ask, passed } = behind(status(200, { x_user: 'ada' }), { forward: ['X_User'] });
    await ask('/', { headers: { 'x-user': 'root', x_user: 'root' } });
    expect(passed[0]?.get('x_user')).toBe('ada');
    expect(passed[0]?.has('x-user')).toBe(false);
  });

  test('are taken off where it says nothing, and where it is not asked', async () => {
    const silent = behind(status(200), { forward: ['x-user'] });
    await silent.ask('/', { headers: { 'x-user': 'root' } });
    expect(silent.passed[0]?.has('x-user')).toBe(false);

    let seen: Headers | undefined;
    const gate = externalAuthorizer({ url: '/', forward: ['x-user'], send: status(200) as never });
    const app = inbound(
      (request) => {
        seen = request.headers;
        return new Response();
      },
      authorize([{ action: 'custom', rules: [{ to: [{ methods: ['PUT'] }] }], authorizer: gate }]),
    );
    await app(new Request('http://shop.example/', { headers: { 'x-user': 'root' } }));
    expect(seen?.has('x-user')).toBe(false);
  });

  test('are what deny and allow see', async () => {
    const onlyAda: AuthorizationPolicy = {
      rules: [{ when: [{ key: 'request.headers[X-User]', values: ['ada'] }] }],
    };
    const ada = behind(told, { forward: ['x-user'] }, [onlyAda]);
    expect((await ada.ask('/', { headers: { 'x-user': 'eve' } })).status).toBe(200);
    const eve = behind(status(200, { 'x-user': 'eve' }), { forward: ['x-user'] }, [onlyAda]);
    expect((await eve.ask('/', { headers: { 'x-user': 'ada' } })).status).toBe(403);
    const nobody = behind(status(200), { forward: ['x-user'] }, [onlyAda]);
    expect((await nobody.ask('/', { headers: { 'x-user': 'ada' } })).status).toBe(403);
  });

  test('AZ-01 comes before deny, which comes before allow', async () => {
    const order: string[] = [];
    const { ask } = behind(
      status(200),
      {},
      [
        { name: 'closed', action: 'deny', rules: [{}] },
        { name: 'open', rules: [{}] },
      ],
      { onDecision: ({ policy }) => order.push(policy ?? '') },
    );
    expect((await ask()).status).toBe(403);
    expect(order).toEqual(['closed']);
  });
});

test('AZ-12 a denial is recorded, and its answer says nothing', async () => {
  const decisions: unknown[] = [];
  const { ask } = behind(status(500), {}, [], {
    onDecision: ({ action, policy, outcome }) => decisions.push([action, policy, outcome]),
  });
  expect(await (await ask()).json()).not.toHaveProperty('policy');
  expect(decisions).toEqual([['custom', 'gate', 'denied']]);
});

test('the caller that leaves ends the question', async () => {
  let seen: AbortSignal | undefined;
  const gate = externalAuthorizer({
    url: '/',
    clock,
    send: ({ signal }) => {
      seen = signal;
      return new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason)));
    },
  });
  const caller = new AbortController();
  const request = new Request('http://shop.example/', { signal: caller.signal });
  const verdict = gate(request, Context.background('inbound').with(peerAddress, '192.0.2.1'));
  caller.abort(new Error('left'));
  await expect(verdict).rejects.toThrow('left');
  expect(seen?.aborted).toBe(true);
});

test.each<[options: object, message: RegExp]>([
  [{}, /url: undefined is neither a path nor/],
  [{ url: 'gate.internal' }, /"gate\.internal" is neither/],
  [{ url: '//evil.example/' }, /is neither a path nor/],
  [{ url: 'file:///etc' }, /is neither/],
  [{ url: 'http://a:b@gate/' }, /is neither/],
  [{ uri: '/' }, /externalAuthorizer: there is no option 'uri'/],
  [{ url: '/', send: 'gate' }, /send: "gate" is not a function/],
  [{ url: '/', headers: ['a b'] }, /headers: "a b" is not the name of a header/],
  [{ url: '/', forward: [''] }, /forward: "" is not the name of a header/],
  [{ url: '/', timeout: '0s' }, /timeout: "0s" is not longer than nothing/],
  [{ url: '/', timeout: 'soon' }, /timeout/],
])('%j is refused', (options, message) => {
  expect(() => externalAuthorizer(options as ExternalAuthorizerOptions)).toThrow(message);
});
