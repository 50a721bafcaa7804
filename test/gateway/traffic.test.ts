import { describe, expect, test } from 'vitest';
import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { traffic } from '../../src/gateway/traffic-policies.ts';
import { outbound, rejectionOf } from '../../src/index.ts';
import { rulesFrom } from '../support/rules.ts';
import { stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

/** What reached an upstream. */
interface Sent {
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

const services = `services:
  web: http://web.test
  users: { versions: { v1: "http://u1.test", v2: "http://u2.test/base" } }
`;

/** A gateway with one route, and what its upstreams were sent; the answer is by host. */
function gatewayFor(
  route: string,
  answers: Record<string, () => Response | Promise<Response>> = {},
  options: GatewayOptions = {},
) {
  const clock = new VirtualClock();
  const sent: Sent[] = [];
  const gateway = createGateway(
    rulesFrom(`${services}routes:\n  - ${route}`, { mode: 'gateway' }),
    {
      transport: async (url, init) => {
        const body = await new Response(init.body ?? null).text();
        sent.push({ url, headers: new Headers(init.headers), body });
        const answer = answers[new URL(url).hostname];
        return answer === undefined ? new Response('ok') : await answer();
      },
      clock,
      random: () => 0.5,
      ...options,
    },
  );
  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    gateway.fetch(new Request(`http://shop.example${path}`, init));
  return { gateway, ask, sent, clock, urls: () => sent.map(({ url }) => url) };
}

describe('fault', () => {
  const route =
    '{ path: /**, to: web, fault: { abort: 503, percent: 100%, only_if: { headers: { x-chaos: "1" } } } }';

  test('is injected where the condition holds, and shows in the metrics', async () => {
    const { gateway, ask, sent } = gatewayFor(`${route}\ntelemetry: { metrics: { names: istio } }`);
    expect((await ask('/')).status).toBe(200);
    const response = await ask('/', { headers: { 'x-chaos': '1' } });
    expect(response.status).toBe(503);
    expect(rejectionOf(response)?.flag).toBe('FI');
    expect(sent).toHaveLength(1);
    const requests = gateway.registry.collect().find(({ name }) => name === 'istio_requests_total');
    const labels = requests?.series.map((series) => series.labels) ?? [];
    expect(labels.filter((text) => text.includes('response_flags="FI"'))).toHaveLength(1);
  });

  test('delays within the timeout of the route', async () => {
    const { ask, sent, clock } = gatewayFor(
      '{ path: /**, to: web, timeout: 1s, fault: { delay: 2s, percent: 100%, until: 2099-01-01 } }',
    );
    const answer = ask('/');
    await clock.advance(1_000);
    expect((await answer).status).toBe(504);
    expect(sent).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });

  test('is drawn for each part by its own share', async () => {
    const { ask } = gatewayFor(
      '{ path: /**, to: web, fault: { delay: { fixed: 1s, percent: 50% }, abort: 418, percent: 50.1%, until: 2099-01-01 } }',
    );
    expect((await ask('/')).status).toBe(418);
  });

  test('under way is counted over a reload that leaves it as it is', async () => {
    const text = `${services}routes: [{ name: a, path: /**, to: web, fault: { delay: 1s, percent: 100%, max_active: 1, until: 2099-01-01 } }]`;
    const clock = new VirtualClock();
    const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }), {
      transport: async () => new Response('ok'),
      clock,
    });
    const ask = () => gateway.fetch(new Request('http://shop.example/'));
    const first = ask();
    await settled();
    gateway.replace(rulesFrom(text, { mode: 'gateway' }), '2');
    const second = await ask();
    expect(second.headers.has('x-fetchmesh-fault')).toBe(false);
    await clock.advance(1_000);
    expect((await first).headers.get('x-fetchmesh-fault')).toBe('delay');
  });
});

describe('deadline', () => {
  const route = '{ path: /**, to: web, deadline: {} }';
  const left = (ms: string, name = 'x-fetchmesh-timeout-ms') => ({ headers: { [name]: ms } });

  test('DL-01: of the caller ends the exchange, and upstreams are told what is left', async () => {
    const { ask, sent, clock } = gatewayFor(route, { 'web.test': () => new Promise(() => {}) });
    const answer = ask('/', left('500'));
    await clock.advance(499);
    expect(sent[0]?.headers.get('x-fetchmesh-timeout-ms')).toBe('500');
    await clock.advance(1);
    const response = await answer;
    expect([response.status, rejectionOf(response)?.reason]).toEqual([504, 'deadline_exceeded']);
  });

  test('DL-03: each try is told what is left when it is sent, also by a timeout alone', async () => {
    const { ask, sent, clock } = gatewayFor(
      '{ path: /**, to: web, deadline: {}, timeout: 3s, retries: { max: 1, base_delay: 100ms, jitter: none } }',
      { 'web.test': () => new Response(null, { status: 503 }) },
    );
    const answer = ask('/');
    await clock.advance(100);
    expect((await answer).status).toBe(503);
    expect(sent.map(({ headers }) => headers.get('x-fetchmesh-timeout-ms'))).toEqual([
      '3000',
      '2900',
    ]);
  });

  test('DL-02: that has passed on arrival reaches no upstream', async () => {
    const { ask, sent } = gatewayFor(route);
    expect((await ask('/', left('0'))).status).toBe(504);
    expect(sent).toEqual([]);
  });

  test('can be kept to oneself, under another name', async () => {
    const { ask, sent } = gatewayFor(
      '{ path: /**, to: web, deadline: { header: x-left, forward: false } }',
    );
    await ask('/', left('500', 'x-left'));
    expect([...(sent[0]?.headers.keys() ?? [])]).not.toContain('x-left');
  });

  test('DL-04: of somebody who is not trusted is taken off, and counts for nothing', async () => {
    const { gateway, sent } = gatewayFor(
      '{ path: /**, to: web, deadline: { trusted_ips: 10.0.0.0/8 } }',
    );
    for (const ip of ['10.9.9.9', '192.0.2.1']) {
      const request = Object.assign(new Request('http://shop.example/', left('500')), { ip });
      await gateway.fetch(request);
    }
    expect(sent.map(({ headers }) => headers.get('x-fetchmesh-timeout-ms'))).toEqual(['500', null]);
  });
});

describe('mirror in bounds', () => {
  test('copies no more at once, and no longer bodies, than the rules say', async () => {
    const { ask, sent } = gatewayFor(
      '{ path: /**, to: web, mirror: { to: users@v1, max_replay_bytes: 3B, max_active: 1 } }',
      { 'u1.test': () => new Promise(() => {}) },
    );
    await ask('/', { method: 'PUT', body: 'long' });
    await settled();
    await ask('/', { method: 'PUT', body: 'fit' });
    await settled();
    await ask('/', { method: 'PUT', body: 'fit' });
    await settled();
    const copied = sent.filter(({ url }) => url.startsWith('http://u1.test'));
    expect(copied.map(({ body }) => body)).toEqual(['fit']);
  });
});

describe('mirror', () => {
  const secret = { authorization: 'Bearer t', 'x-tenant': 'acme' };

  test('copies requests as they are sent on, with their body', async () => {
    const { ask, sent } = gatewayFor(
      '{ path: /api/**, to: users@v1, mirror: users@v2, rewrite: { prefix: / } }',
    );
    const response = await ask('/api/a%2fb?q=1', { method: 'POST', body: 'x', headers: secret });
    expect(await response.text()).toBe('ok');
    await settled();
    // Which of the two leaves first is open: the copy waits for nothing but the body.
    sent.sort((a, b) => a.url.localeCompare(b.url));
    expect(sent.map(({ url, body }) => [url, body])).toEqual([
      ['http://u1.test/a%2Fb?q=1', 'x'],
      ['http://u2.test/base/a%2Fb?q=1', 'x'],
    ]);
    expect(sent[0]?.headers.has('x-fetchmesh-mirror')).toBe(false);
    expect(sent[1]?.headers.get('x-fetchmesh-mirror')).toBe('true');
    expect(sent[1]?.headers.get('x-tenant')).toBe('acme');
  });

  test.each([
    ['to: users@v1, mirror: users@v2', 'Bearer t'],
    ['to: users@v1, mirror: { to: users@v2, credentials: omit }', null],
    ['to: web, mirror: users@v2', null],
    ['to: { web: 50, users@v1: 50 }, mirror: users@v2', null],
  ])('MI-07: %s: the copy has the credentials %s', async (blocks, expected) => {
    const { ask, sent } = gatewayFor(`{ path: /**, ${blocks} }`);
    await ask('/', { headers: secret });
    await settled();
    const copy = sent.find(({ headers }) => headers.has('x-fetchmesh-mirror'));
    expect(copy?.headers.get('authorization')).toBe(expected);
  });

  test('CO-04: is made once, however often the request is tried', async () => {
    const { ask, clock, urls } = gatewayFor(
      '{ path: /**, to: web, retries: 2, mirror: users@v2 }',
      {
        'web.test': () => new Response(null, { status: 503 }),
      },
    );
    const answer = ask('/');
    await clock.advance(10_000);
    expect((await answer).status).toBe(503);
    expect(urls().filter((url) => url.includes('u2'))).toHaveLength(1);
    expect(urls()).toHaveLength(4);
  });

  test('goes to several places, each by its own share', async () => {
    const { ask, urls } = gatewayFor(
      '{ path: /**, to: web, mirror: [{ to: users@v1 }, { to: users@v2, percent: 10% }] }',
    );
    await ask('/');
    await settled();
    expect(urls()).toEqual(['http://web.test/', 'http://u1.test/']);
  });

  test('does not count as an attempt of the request, nor shows in its answer', async () => {
    const { ask } = gatewayFor('{ path: /**, to: web, mirror: users@v2 }', {
      'u2.test': () => new Response(null, { status: 500 }),
    });
    expect((await ask('/')).status).toBe(200);
  });
});

describe('fallback', () => {
  test('answers always the same', async () => {
    const { ask } = gatewayFor(
      '{ path: /**, to: web, fallback: { respond: { body: "[]", headers: { content-type: application/json } } } }',
      { 'web.test': () => new Response(null, { status: 503 }) },
    );
    const response = await ask('/');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual([]);
    expect(response.headers.get('x-fetchmesh-fallback')).toBe('503');
  });

  test('asks another service, with the body, under the timeout of the route', async () => {
    const { ask, sent, clock } = gatewayFor(
      '{ path: /**, to: users@v1, timeout: 1s, fallback: users@v2, retries: 0 }',
      {
        'u1.test': () => new Response(null, { status: 500 }),
        'u2.test': () => new Promise(() => {}),
      },
    );
    const answer = ask('/x', { method: 'POST', body: 'abc' });
    await clock.advance(1_000);
    expect((await answer).status).toBe(504);
    expect(sent.map(({ url, body }) => [url, body])).toEqual([
      ['http://u1.test/x', 'abc'],
      ['http://u2.test/base/x', 'abc'],
    ]);
    expect(clock.pending).toBe(0);
  });

  test('can be narrowed', async () => {
    const { ask } = gatewayFor('{ path: /**, to: web, fallback: { to: users@v1, when: [404] } }', {
      'web.test': () => new Response(null, { status: 503 }),
    });
    expect((await ask('/')).status).toBe(503);
  });

  test('of the defaults can be switched off', async () => {
    const text = `${services}defaults: { fallback: { respond: { body: instead } } }
routes: [{ path: /a, to: web }, { path: /b, to: web, fallback: off }]`;
    const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }), {
      transport: async () => new Response(null, { status: 503 }),
    });
    const ask = (path: string) => gateway.fetch(new Request(`http://shop.example${path}`));
    expect(await (await ask('/a')).text()).toBe('instead');
    expect((await ask('/b')).status).toBe(503);
  });
});

describe('headers', () => {
  test('are edited on the way in and on the way back, also of what the gateway says itself', async () => {
    const { ask, sent } = gatewayFor(
      `path: /**
    to: web
    headers: { request: { set: { x-region: eu }, remove: [cookie] }, response: { remove: [server], set: { x-a: b } } }
    retries: 0`,
      { 'web.test': () => new Response('ok', { headers: { server: 'nginx' } }) },
    );
    const response = await ask('/', { headers: { cookie: 'a=1' } });
    expect(sent[0]?.headers.get('x-region')).toBe('eu');
    expect(sent[0]?.headers.has('cookie')).toBe(false);
    expect(response.headers.has('server')).toBe(false);
    expect(response.headers.get('x-a')).toBe('b');
  });

  test.each([
    ['their edits', 'headers: { response: { set: { x-a: b } } }', 'x-a', 'b'],
    [
      'those that let pages read it',
      'cors: { origins: [https://shop.example] }',
      'access-control-allow-origin',
      'https://shop.example',
    ],
  ])(
    '%s are on the answer for an upstream that cannot be reached',
    async (_, block, name, value) => {
      const { ask } = gatewayFor(`path: /**\n    to: web\n    retries: 0\n    ${block}`, {
        'web.test': () =>
          Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })),
      });
      const response = await ask('/', { headers: { origin: 'https://shop.example' } });
      expect(response.status).toBe(502);
      expect(response.headers.get(name)).toBe(value);
    },
  );
});

describe('rewrite', () => {
  test.each([
    ['/api/**', 'prefix: /v2', '/api/users?q=1', '/v2/users?q=1'],
    ['/users/:id/**', 'prefix: /u', '/users/7/orders', '/u/orders'],
    ['/api/**', 'path: /one', '/api/users', '/one'],
    ['/**', 'regex: { match: "^/(.*)/x$", to: "/y/\\\\1" }', '/a/b/x', '/y/a/b'],
  ])('of %s by { %s }: %s becomes %s', async (path, edit, from, to) => {
    const { ask, urls } = gatewayFor(`{ path: "${path}", to: web, rewrite: { ${edit} } }`);
    await ask(from);
    expect(urls()).toEqual([`http://web.test${to}`]);
  });

  test('of the host is told to the upstream', async () => {
    const { ask, sent, urls } = gatewayFor(
      '{ path: /**, to: web, rewrite: { host: users.internal } }',
    );
    await ask('/a');
    expect(urls()).toEqual(['http://web.test/a']);
    expect(sent[0]?.headers.get('x-forwarded-host')).toBe('users.internal');
  });

  test('holds in a library, too', async () => {
    const fetch = upstream(status(200));
    const rules = rulesFrom('routes: [{ path: /api/**, rewrite: { prefix: /v2 } }]');
    await outbound(fetch, governance(rules, { traffic }))('http://shop.example/api/users');
    expect(fetch.calls[0]?.request.url).toBe('http://shop.example/v2/users');
  });
});

describe('a route that answers by itself', () => {
  test('sends the caller elsewhere', async () => {
    const { ask, sent } = gatewayFor(
      '{ path: /old/**, redirect: { prefix: /new, status: 308 }, headers: { response: { set: { x-a: b } } } }\n  - { path: /web, to: web }',
    );
    const response = await ask('/old/x?q=1');
    expect(response.status).toBe(308);
    expect(response.headers.get('location')).toBe('http://shop.example/new/x?q=1');
    expect(response.headers.get('x-a')).toBe('b');
    expect(sent).toHaveLength(0);
  });

  test.each([
    ['/new', 'http://shop.example/new?q=1'],
    ['https://b.example', 'https://b.example/old?q=1'],
    ['https://b.example:8443/x', 'https://b.example:8443/x?q=1'],
  ])('to %s, in short', async (target, location) => {
    const { ask } = gatewayFor(
      `{ path: /old, redirect: "${target}" }\n  - { path: /web, to: web }`,
    );
    const response = await ask('/old?q=1');
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe(location);
  });

  test('says always the same, and inherits nothing that is for an upstream', async () => {
    const text = `${services}defaults: { fault: { abort: 500, percent: 100%, until: 2099-01-01 }, to: web }
routes: [{ path: /down, respond: { status: 503, body: closed } }]`;
    const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }));
    const response = await gateway.fetch(new Request('http://shop.example/down'));
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('closed');
    expect(rejectionOf(response)).toBeUndefined();
  });
});

test('the caller that leaves reaches the upstream through all of it', async () => {
  const rules = rulesFrom(`routes:
  - path: /**
    fallback: { respond: { body: instead } }
    timeout: 3s
    fault: { delay: 1s, percent: 100%, until: 2099-01-01 }
    rewrite: { path: /x }
    headers: { response: { set: { a: b } } }`);
  const clock = new VirtualClock();
  const fetch = upstream(stalled);
  const caller = new AbortController();
  const shop = outbound(fetch, governance(rules, { clock, traffic }));
  const answer = shop('http://shop.example/', { signal: caller.signal });
  await clock.advance(1_000);
  caller.abort('gone');
  expect(fetch.calls[0]?.signal.aborted).toBe(true);
  await expect(answer).rejects.toBe('gone');
  expect(clock.pending).toBe(0);
});

test.each([
  ['fault', 'fault: { abort: 503, percent: 1%, until: 2099-01-01 }'],
  ['deadline', 'deadline: {}'],
  ['respond', 'respond: { status: 503 }'],
  ['headers', 'headers: { request: { remove: cookie } }'],
])('governance without these policies refuses a block %s, and passes none over', (_, text) => {
  const rules = rulesFrom(`routes: [{ name: a, path: /**, ${text} }]`);
  expect(() => outbound(upstream(status(200)), governance(rules))).toThrow(
    "governance: route 'a' needs { traffic } from 'fetchmesh/traffic'",
  );
});
