import { describe, expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { outbound } from '../../src/core/outbound.ts';
import { outcomeOfResponse } from '../../src/core/outcome.ts';
import { setHeader } from '../../src/core/outgoing.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { retry } from '../../src/policies/retry.ts';
import { rewrite } from '../../src/routing/rewrite.ts';
import { service } from '../../src/routing/service.ts';
import { parseRules } from '../../src/rules/parse.ts';
import {
  type GuardRefusal,
  type NameResolver,
  refusedAddressCode,
  type UpstreamGuardOptions,
  upstreamGuard,
} from '../../src/security/upstream-guard.ts';
import { streamingPut } from '../support/bodies.ts';
import { insideAttacks } from './attacks/inside.ts';

/** Answers by URL, and keeps what was asked. */
function internet(answers: Readonly<Record<string, () => Response>> = {}) {
  const asked: { url: string; method: string; headers: Headers; body: string }[] = [];
  async function fetch(request: Request): Promise<Response> {
    // A `fetch` that followed redirects by itself would get past every check.
    expect(request.redirect).toBe('manual');
    const { url, method, headers } = request;
    asked.push({ url, method, headers, body: await request.text() });
    return answers[url]?.() ?? new Response('page');
  }
  return { asked, fetch };
}

const moved =
  (location: string, status = 302) =>
  (): Response =>
    new Response('moved', { status, headers: { location } });

/** Names and where they lead; all others do not exist. */
const names = (table: Readonly<Record<string, readonly string[]>>): NameResolver => ({
  resolve: async (name) => {
    const found = table[name];
    if (found === undefined) throw Object.assign(new Error('no name'), { code: 'ENOTFOUND' });
    return found;
  },
});

async function refusalOf(
  url: string,
  options: UpstreamGuardOptions = { resolver: 'none' },
): Promise<string | undefined> {
  const refusals: GuardRefusal[] = [];
  const { asked, fetch } = internet();
  const guarded = outbound(
    fetch,
    upstreamGuard({ ...options, onRefusal: (refusal) => refusals.push(refusal) }),
  );
  const response = await guarded(url);
  expect([response.status, asked.length]).toEqual(refusals.length === 0 ? [200, 1] : [403, 0]);
  return refusals[0]?.reason;
}

test.each([
  'https://www.example.com/',
  'http://www.example.com:80/a?b',
  'https://www.example.com:443/',
  'https://1.1.1.1/',
  'https://[2606:4700:4700::1111]/',
  'https://xn--mnchen-3ya.example/',
  'https://www.example.com./',
  'https://localhost.example.com/',
  'https://10.0.0.1.example.com/',
])('%s is sent', async (url) => {
  expect(await refusalOf(url)).toBeUndefined();
});

test.each(insideAttacks)(
  'UG-01 UG-02 UG-03 $name ($input) is refused',
  async ({ input, expected }) => {
    expect(await refusalOf(input)).toBe(expected);
  },
);

describe('UG-03 where names lead', () => {
  const resolver = names({
    'www.example.com': ['1.1.1.1', '2606:4700:4700::1111'],
    'inside.example.com': ['10.0.0.1'],
    'half.example.com': ['1.1.1.1', '::ffff:127.0.0.1'],
    'nowhere.example.com': [],
    'odd.example.com': ['nonsense'],
  });

  test.each([
    ['https://www.example.com/', undefined],
    ['https://www.example.com./', undefined],
    ['https://inside.example.com/', 'address'],
    ['https://half.example.com/', 'address'],
    ['https://nowhere.example.com/', 'unresolved'],
    ['https://odd.example.com/', 'address'],
  ])('%s: %s', async (url, reason) => {
    expect(await refusalOf(url, { resolver })).toBe(reason);
  });

  test('a name that nobody knows is a failure, as of any fetch', async () => {
    const guarded = outbound(internet().fetch, upstreamGuard({ resolver }));
    await expect(guarded('https://gone.example.com/')).rejects.toThrow('no name');
  });

  test('the resolver ends with the caller', async () => {
    let seen: AbortSignal | undefined;
    const slow: NameResolver = {
      resolve: (_, signal) => {
        seen = signal;
        return new Promise((_, fail) => {
          signal.addEventListener('abort', () => fail(signal.reason));
        });
      },
    };
    const guarded = outbound(internet().fetch, upstreamGuard({ resolver: slow }));
    const caller = new AbortController();
    const answer = guarded('https://www.example.com/', { signal: caller.signal });
    caller.abort(new Error('left'));
    await expect(answer).rejects.toThrow('left');
    expect(seen?.aborted).toBe(true);
  });
});

describe('UG-04 hosts', () => {
  const hosts = [
    'api.example.com',
    '*.cdn.example.com',
    'ledger.internal',
    '1.1.1.1',
    'Bücher.example',
    'db',
    '::1',
  ];
  test.each([
    ['https://api.example.com/', undefined],
    ['https://API.example.com./', undefined],
    ['https://a.b.cdn.example.com/', undefined],
    ['https://ledger.internal/', undefined],
    ['https://xn--bcher-kva.example/', undefined],
    ['https://1.1.1.1/', undefined],
    ['https://db/', undefined],
    ['https://cdn.example.com/', 'host'],
    ['https://evil-api.example.com/', 'host'],
    ['https://api.example.com.evil.example/', 'host'],
    ['https://evilcdn.example.com/', 'host'],
    ['https://1.0.0.1/', 'host'],
    ['https://[::1]/', 'address'],
  ])('%s: %s', async (url, reason) => {
    expect(await refusalOf(url, { hosts })).toBe(reason);
  });

  test('are asked of the resolver where there is one', async () => {
    const resolver = names({ 'api.example.com': ['10.0.0.1'] });
    expect(await refusalOf('https://api.example.com/', { hosts, resolver })).toBe('address');
  });
});

test.each<[url: string, options: Partial<UpstreamGuardOptions>, reason: string | undefined]>([
  ['http://10.1.2.3/', { allowNetworks: ['10.1.0.0/16'] }, undefined],
  ['http://10.2.0.1/', { allowNetworks: ['10.1.0.0/16'] }, 'address'],
  ['http://[::ffff:10.1.2.3]/', { allowNetworks: ['10.1.0.0/16'] }, undefined],
  ['http://10.1.0.9/', { allowNetworks: ['10.0.0.0/8'], denyNetworks: ['10.1.0.9'] }, 'address'],
  ['http://1.1.1.1/', { denyNetworks: ['1.1.1.0/24'] }, 'address'],
  ['http://1.1.1.1:8080/', { ports: [8080] }, undefined],
  ['http://1.1.1.1/', { ports: [8080] }, 'port'],
  ['http://1.1.1.1:6379/', { ports: 'any' }, undefined],
  ['http://1.1.1.1/', { schemes: ['https'] }, 'scheme'],
])('UG-05 %s with %j: %s', async (url, options, reason) => {
  expect(await refusalOf(url, { resolver: 'none', ...options })).toBe(reason);
});

describe('redirects', () => {
  async function followed(
    answers: Readonly<Record<string, () => Response>>,
    input: string | Request = 'https://a.example/',
    init: RequestInit = {},
    options: Partial<UpstreamGuardOptions> = {},
  ) {
    const net = internet(answers);
    const guarded = outbound(net.fetch, upstreamGuard({ resolver: 'none', ...options }));
    const response = await guarded(input, init);
    return { response, asked: net.asked, reason: rejectionOf(response)?.reason };
  }
  const urls = (asked: readonly { url: string }[]): string[] => asked.map(({ url }) => url);

  test('UG-06 are followed', async () => {
    const { response, asked } = await followed({
      'https://a.example/': moved('/b'),
      'https://a.example/b': moved('https://c.example/d'),
    });
    expect(await response.text()).toBe('page');
    expect(urls(asked)).toEqual([
      'https://a.example/',
      'https://a.example/b',
      'https://c.example/d',
    ]);
  });

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    '//127.0.0.1/',
    'http://2130706433/',
    'http://localhost/',
    'file:///etc/passwd',
    'http://ada:hunter2@c.example/',
    'http://c.example:6379/',
    'gopher://c.example/',
  ])('UG-06 to %s is refused before it is asked for', async (location) => {
    const { asked, reason } = await followed({ 'https://a.example/': moved(location) });
    expect([urls(asked), reason]).toEqual([['https://a.example/'], 'url_denied']);
  });

  test('UG-06 stop at the limit', async () => {
    const { asked, reason } = await followed({ 'https://a.example/': moved('/') });
    expect([asked.length, reason]).toEqual([6, 'upstream_error']);
    const none = await followed(
      { 'https://a.example/': moved('/') },
      undefined,
      {},
      { maxRedirects: 0 },
    );
    expect([none.asked.length, none.reason]).toEqual([1, 'upstream_error']);
  });

  test('that the caller wants for itself are handed back', async () => {
    const { response, asked } = await followed(
      { 'https://a.example/': moved('http://127.0.0.1/') },
      undefined,
      { redirect: 'manual' },
    );
    expect([response.status, response.headers.get('location'), asked.length]).toEqual([
      302,
      'http://127.0.0.1/',
      1,
    ]);
  });

  test('to what is no URL, or to nothing, are answers', async () => {
    const broken = await followed({ 'https://a.example/': moved('http://[') });
    expect(broken.response.status).toBe(302);
    const nowhere = await followed({
      'https://a.example/': () => new Response(null, { status: 301 }),
    });
    expect(nowhere.response.status).toBe(301);
  });

  const secrets = { authorization: 'Bearer t', cookie: 'sid=1', 'x-a': '1' };

  test('UG-07 keep credentials within an origin, and lose them beyond it', async () => {
    const { asked } = await followed(
      {
        'https://a.example/': moved('/b'),
        'https://a.example/b': moved('http://a.example/'),
      },
      undefined,
      { headers: secrets },
    );
    const seen = asked.map(({ headers }) =>
      ['authorization', 'cookie', 'x-a'].map((name) => headers.has(name)),
    );
    expect(seen).toEqual([
      [true, true, true],
      [true, true, true],
      [false, false, true],
    ]);
  });

  test('UG-07 lose credentials that a policy put there', async () => {
    const net = internet({ 'https://a.example/': moved('https://b.example/') });
    const guarded = outbound(
      net.fetch,
      (next) => (request, context) =>
        next(request, setHeader(context, 'authorization', 'Bearer t')),
      upstreamGuard({ resolver: 'none' }),
    );
    await guarded('https://a.example/');
    expect(net.asked.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer t',
      null,
    ]);
  });

  test.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [302, 'PUT', 'PUT', 'text'],
    [307, 'POST', 'POST', 'text'],
    [308, 'PUT', 'PUT', 'text'],
  ])('UG-07 with %i a %s becomes a %s', async (status, method, then, body) => {
    const { asked } = await followed({ 'https://a.example/': moved('/b', status) }, undefined, {
      method,
      body: 'text',
      headers: { 'content-type': 'text/plain' },
    });
    const [, second] = asked;
    expect([second?.method, second?.body]).toEqual([then, body]);
    expect(second?.headers.has('content-type')).toBe(body !== '');
  });

  test('UG-07 of a body that streams are a 502', async () => {
    const body = new Blob(['text']).stream() as ReadableStream<Uint8Array>;
    const request = streamingPut(body);
    const { reason } = await followed({ [request.url]: moved('/b', 307) }, request);
    expect(reason).toBe('upstream_error');
  });

  test('stay hidden in a browser, and are refused', async () => {
    const hidden = Object.defineProperties(new Response(), { type: { value: 'opaqueredirect' } });
    const { reason } = await followed({ 'https://a.example/': () => hidden });
    expect(reason).toBe('url_denied');
  });
});

describe('UG-08 connections of the resolver', () => {
  test('are what the request is sent by, and asked whom they may reach', async () => {
    const dispatcher = {};
    const asked: boolean[] = [];
    const inits: (RequestInit & { dispatcher?: unknown })[] = [];
    const resolver: NameResolver = {
      resolve: async () => ['1.1.1.1'],
      pinned(permits) {
        asked.push(permits('1.1.1.1'), permits('10.0.0.1'), permits('nonsense'));
        return { dispatcher } as RequestInit;
      },
    };
    const guarded = outbound(async (_, init) => {
      inits.push(init ?? {});
      return new Response();
    }, upstreamGuard({ resolver }));
    await guarded('https://a.example/');
    await guarded('https://a.example/');
    expect(asked).toEqual([true, false, false]);
    expect(inits.map((init) => [init.dispatcher === dispatcher, init.redirect])).toEqual([
      [true, 'manual'],
      [true, 'manual'],
    ]);
  });

  test('that refuse an address are a refusal, others a failure', async () => {
    const failing = (code: string) =>
      outbound(
        async () => {
          throw new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) });
        },
        upstreamGuard({ resolver: 'none' }),
      );
    const refused = await failing(refusedAddressCode)('https://a.example/');
    expect(rejectionOf(refused)?.reason).toBe('url_denied');
    await expect(failing('ECONNREFUSED')('https://a.example/')).rejects.toThrow('fetch failed');
  });
});

test.each<[options: object, message: RegExp]>([
  [{}, /resolver: give systemResolver\(\)/],
  [{ resolver: 'system' }, /resolver: "system" has no resolve, and is not 'none'/],
  [{ resolver: {} }, /resolver: {} has no resolve/],
  [{ host: 'a.example' }, /upstreamGuard: there is no option 'host'/],
  [{ resolver: 'none', onRefusal: 'log' }, /onRefusal: "log" is not a function/],
  [{ hosts: [] }, /hosts: \[\] is not a list with an entry/],
  [{ hosts: ['https://a.example'] }, /hosts: "https:\/\/a\.example" is not a name/],
  [{ hosts: ['a.example:80'] }, /"a\.example:80" is not a name/],
  [{ hosts: ['*'] }, /"\*" is not a name/],
  [{ hosts: ['a.*.example'] }, /is not a name/],
  [{ hosts: ['user@a.example'] }, /is not a name/],
  [{ resolver: 'none', schemes: ['ftp'] }, /schemes: "ftp" is not https or http/],
  [{ resolver: 'none', ports: [] }, /ports: \[\] is not a list/],
  [{ resolver: 'none', ports: [0] }, /ports: 0 is not from 1 to 65535/],
  [{ resolver: 'none', ports: ['80'] }, /ports: "80" is not from 1/],
  [{ resolver: 'none', allowNetworks: ['10.0.0.0/40'] }, /allowNetworks: .* is neither/],
  [{ resolver: 'none', denyNetworks: ['here'] }, /denyNetworks: .* is neither/],
  [{ resolver: 'none', maxRedirects: 21 }, /maxRedirects: 21 is not a whole number from 0 to 20/],
  [{ resolver: 'none', maxRedirects: 1.5 }, /maxRedirects: 1\.5 is not/],
])('UG-09 %j is refused', (options, message) => {
  expect(() => upstreamGuard(options as UpstreamGuardOptions)).toThrow(message);
});

describe('UG-10 a refusal', () => {
  test('says nothing of its reason, and tells it to those who record it', async () => {
    const events: PolicyEvent[] = [];
    const refusals: GuardRefusal[] = [];
    const guarded = outbound(
      internet({ 'https://a.example/': moved('http://10.0.0.1:80/secret?token=hunter2') }).fetch,
      upstreamGuard({
        resolver: 'none',
        onRefusal: (refusal) => {
          refusals.push(refusal);
          throw new Error('a log that fails');
        },
      }),
    );
    const context = Context.background().with(eventListener, (event) => void events.push(event));
    const response = await guarded('https://a.example/', undefined, context);
    expect(await response.json()).toEqual({
      title: 'Forbidden',
      status: 403,
      reason: 'url_denied',
      detail: 'Requests may not be sent there.',
    });
    expect(refusals).toEqual([{ reason: 'address', origin: 'http://10.0.0.1', redirects: 1 }]);
    expect(events).toEqual([
      { name: 'url_denied', attributes: { reason: 'address', redirects: 1 } },
    ]);
    expect(outcomeOfResponse(response).verdict).toBe('ignored');
  });

  test('is not tried again', async () => {
    const refusals: GuardRefusal[] = [];
    const guarded = outbound(
      internet().fetch,
      retry({ max: 3, retryOn: [403] }),
      upstreamGuard({ resolver: 'none', onRefusal: (refusal) => refusals.push(refusal) }),
    );
    await guarded('http://127.0.0.1/');
    expect(refusals.length).toBe(1);
  });
});

test('looks at where a request really goes, whatever its own URL', async () => {
  const guard = upstreamGuard({ resolver: 'none' });
  const inside = service({ name: 'a', endpoints: ['http://10.0.0.1'] });
  const statusOf = async (...chain: Parameters<typeof outbound>[1][]) =>
    (await outbound(internet().fetch, ...(chain as []))('https://www.example.com/')).status;
  expect(await statusOf(inside.middleware, guard)).toBe(403);
  expect(await statusOf(rewrite({ host: '127.0.0.1' }), guard)).toBe(403);
  expect(await statusOf(guard)).toBe(200);
});

describe('UG-11 a gateway', () => {
  const rulesOf = (text: string) => {
    const { rules } = parseRules(text);
    return rules as NonNullable<typeof rules>;
  };
  const seen: string[] = [];
  const gateway = createGateway(
    rulesOf(`services: { web: "http://10.0.0.1:8080/base" }
routes:
  - { path: /all/**, to: web, rewrite: { regex: { match: "^/all(/.*)$", to: "\\\\1" } } }
  - { path: /cut/**, to: web, rewrite: { prefix: / } }
  - { path: /**, to: web }`),
    {
      transport: async (url) => {
        seen.push(new URL(url).origin);
        return new Response(null, {
          status: 302,
          headers: { location: 'http://169.254.169.254/' },
        });
      },
    },
  );

  test.each([
    ['http://169.254.169.254/', {}],
    ['http://shop.example//169.254.169.254/', {}],
    ['http://shop.example/all//169.254.169.254/', {}],
    ['http://shop.example/all/%2F169.254.169.254/', {}],
    ['http://shop.example/all/@169.254.169.254/', {}],
    ['http://shop.example/all/\\\\169.254.169.254/', {}],
    ['http://shop.example/cut/http://169.254.169.254/', {}],
    ['http://shop.example/cut//169.254.169.254/', {}],
    ['http://shop.example/.169.254.169.254/', {}],
    ['http://shop.example/:@169.254.169.254/', {}],
    ['http://shop.example/?url=http://169.254.169.254/', {}],
    ['http://shop.example/', { 'x-forwarded-host': '169.254.169.254' }],
    ['http://shop.example/', { forwarded: 'host=169.254.169.254' }],
    ['http://shop.example/', { 'x-original-url': 'http://169.254.169.254/' }],
    ['http://shop.example/', { 'x-envoy-original-dst-host': '169.254.169.254:80' }],
  ])('sends %s with %j to its upstream, and follows it nowhere', async (url, headers) => {
    seen.length = 0;
    const response = await gateway.fetch(new Request(url, { headers: headers as HeadersInit }));
    expect([response.status, seen]).toEqual([302, ['http://10.0.0.1:8080']]);
  });

  test('is not made of rules whose routes lead nowhere: it would send requests to the host that they ask for', () => {
    const nowhere =
      'services: { a: "http://a", b: "http://b" }\nroutes: [{ path: /a, to: a }, { path: /** }]';
    expect(() => createGateway(rulesOf(nowhere))).toThrow("route '/**' leads nowhere");
    const whole = rulesOf('services: { a: "http://a" }\nroutes: [{ path: /** }]');
    const changing = createGateway(whole);
    expect(() => changing.replace(rulesOf(nowhere), '2')).toThrow('leads nowhere');
    for (const end of ['respond: { status: 404 }', 'redirect: "https://b.example"']) {
      createGateway(rulesOf(`routes: [{ path: /**, ${end} }]`));
    }
  });
});
