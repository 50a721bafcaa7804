import { describe, expect, test } from 'vitest';
import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { rejectionOf } from '../../src/index.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { rulesFrom } from '../support/rules.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** What reached an upstream. */
interface Sent {
  readonly url: string;
  readonly init: RequestInit;
  readonly headers: Headers;
}

/** A gateway whose upstreams answer by function, and what was sent to them. */
function gatewayFor(
  text: string,
  answer: (sent: Sent) => Response | Promise<Response> = () => new Response('ok'),
  options: GatewayOptions = {},
) {
  const sent: Sent[] = [];
  const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }), {
    transport: async (url, init) => {
      const one = { url, init, headers: new Headers(init.headers) };
      sent.push(one);
      return answer(one);
    },
    ...options,
  });
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    gateway.fetch(new Request(`http://shop.example${path}`, init));
  return { gateway, get, sent };
}

const two = 'services: { a: "http://a.test", b: "http://b.test/base/" }\n';

test('rules that a file did not give are told of as such', () => {
  const { rules } = parseRules('routes: [{ path: nowhere }]');
  expect(() => createGateway(rules as never)).toThrow(
    'createGateway: there are no rules; parseRules',
  );
  expect(() => governance(rules as never)).toThrow('governance: there are no rules; parseRules');
});

describe('routing', () => {
  test('the first route that matches decides where a request goes', async () => {
    const { get, sent } = gatewayFor(
      `${two}routes: [{ path: /b/**, to: b }, { path: /**, to: a }]`,
    );
    await get('/b/x?q=1');
    await get('/c');
    expect(sent.map(({ url }) => url)).toEqual(['http://b.test/base/b/x?q=1', 'http://a.test/c']);
  });

  test('upstream and routing see the same canonical path', async () => {
    const { get, sent } = gatewayFor(
      `${two}routes: [{ path: /admin/**, to: b }, { path: /**, to: a }]`,
    );
    await get('/%61dmin//x/%2e%2e/y%2f');
    expect(sent[0]?.url).toBe('http://b.test/base/admin/y%2F');
  });

  test('no route is a 404, a malformed path a 400, neither reaches an upstream', async () => {
    const { get, sent } = gatewayFor(`${two}routes: [{ path: /a, to: a }, { path: /b, to: b }]`);
    const notFound = await get('/nowhere');
    expect(notFound.status).toBe(404);
    expect(rejectionOf(notFound)?.flag).toBe('NR');
    expect((await get('/%00')).status).toBe(400);
    expect((await get('/%zz')).status).toBe(400);
    expect(sent).toEqual([]);
  });

  test('several endpoints of a version take turns', async () => {
    const { get, sent } = gatewayFor(
      'services: { a: { versions: { v1: ["http://one.test", "http://two.test"] }, balance: round_robin } }\nroutes: [{ path: /**, to: a@v1 }]',
    );
    for (let call = 0; call < 4; call++) await get('/');
    expect(sent.map(({ url }) => url)).toEqual([
      'http://one.test/',
      'http://two.test/',
      'http://one.test/',
      'http://two.test/',
    ]);
  });
});

describe('splitting', () => {
  const split =
    'services: { a: { versions: { v1: "http://one.test", v2: { url: "http://two.test", env: canary } } } }\n';

  test('weights share requests out by chance', async () => {
    const draws = [0, 0.1999, 0.2, 0.99];
    const { get, sent } = gatewayFor(
      `${split}routes: [{ path: /**, to: { a@v2: 20, a@v1: 80 } }]`,
      undefined,
      { random: () => draws.shift() ?? 0 },
    );
    for (let call = 0; call < 4; call++) await get('/');
    expect(sent.map(({ url }) => url)).toEqual([
      'http://two.test/',
      'http://two.test/',
      'http://one.test/',
      'http://one.test/',
    ]);
  });

  test('a sticky caller keeps its version, and gets a cookie where it brings no key', async () => {
    const { get, sent } = gatewayFor(
      `${split}routes: [{ name: shop, path: /**, to: { a@v2: 50, a@v1: 50 }, sticky: { by: "cookie:sid", ttl: 1h } }]`,
    );
    for (let call = 0; call < 20; call++) await get('/', { headers: { cookie: 'sid=ada' } });
    expect(new Set(sent.map(({ url }) => url)).size).toBe(1);

    const first = await get('/');
    const cookie = first.headers.get('set-cookie');
    expect(cookie).toMatch(/^fm_shop=[\w-]+; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/);
    const chosen = sent.at(-1)?.url;
    for (let call = 0; call < 20; call++) {
      const again = await get('/', { headers: { cookie: cookie?.split(';')[0] ?? '' } });
      expect(again.headers.get('set-cookie')).toBeNull();
      expect(sent.at(-1)?.url).toBe(chosen);
    }
  });

  test('metrics take the environment from the version chosen, never from a header', async () => {
    const { gateway, get } = gatewayFor(
      `${split}telemetry: { service: edge, metrics: { path: /metrics } }\nroutes: [{ path: /c, to: a@v2 }, { path: /**, to: a@v1 }]`,
    );
    await get('/s', { headers: { 'x-env': 'canary', baggage: 'env=canary' } });
    await get('/c');
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('edge_request_total{env="stable"} 1');
    expect(metrics).toContain('edge_request_total{env="canary"} 1');
    expect(metrics).toContain('app_active_connections{service="edge"} 0');
    expect(metrics).toContain(
      'istio_requests_total{destination_service="a",response_code="200"} 2',
    );
    expect(gateway.revision).toBe('1');
  });
});

describe('policies', () => {
  test('TO-02: the timeout covers all tries, and ends with a 504 of its own', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${two}routes: [{ path: /**, to: a, timeout: 1s, retries: 5 }]`,
      ({ init }) =>
        new Promise((_, reject) => {
          init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        }),
      { clock },
    );
    const answer = get('/');
    await clock.advance(1_000);
    const response = await answer;
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ status: 504, reason: 'timeout' });
    expect(sent).toHaveLength(1);
    expect(sent[0]?.init.signal?.aborted).toBe(true);
  });

  test('RT-07: retries count the tries after the first one, each at the next endpoint', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      'services: { a: { versions: { v1: ["http://one.test", "http://two.test"] }, balance: round_robin } }\nroutes: [{ path: /**, to: a@v1, retries: 2, base_delay: 10ms, jitter: none }]',
      () => new Response('busy', { status: 503 }),
      { clock },
    );
    const answer = get('/');
    await clock.advance(100);
    const response = await answer;
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('busy');
    const urls = sent.map(({ url }) => url);
    expect(urls).toHaveLength(3);
    // Once all have been tried, any of them will do.
    expect(urls.slice(0, 2)).toEqual(['http://one.test/', 'http://two.test/']);
  });

  test('an upstream that cannot be reached is a 502 that names no host', async () => {
    const { get } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`, () => {
      const cause = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3'), {
        code: 'ECONNREFUSED',
      });
      throw new TypeError('fetch failed', { cause });
    });
    const response = await get('/');
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ reason: 'upstream_connection_failed' });
    expect(text).not.toMatch(/10\.1\.2\.3|a\.test|ECONN/);
  });

  test('a bug is a 500 without a word of it, and is told to onError', async () => {
    const errors: unknown[] = [];
    const { get } = gatewayFor(
      `${two}routes: [{ path: /**, to: a }]`,
      () => {
        throw new Error('the secret is 42');
      },
      { onError: (error) => errors.push(error) },
    );
    const response = await get('/');
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('42');
    expect(errors).toHaveLength(1);
  });

  test('a client that left gets no upstream failure counted against anybody', async () => {
    const client = new AbortController();
    const { get, gateway } = gatewayFor(
      `${two}telemetry: { metrics: { path: /metrics } }\nroutes: [{ path: /**, to: a }]`,
      ({ init }) =>
        new Promise((_, reject) => {
          init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        }),
    );
    const answer = get('/', { signal: client.signal });
    client.abort();
    expect((await answer).status).toBe(499);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('response_code="499"');
    expect(metrics).toContain('app_active_connections{service="gateway"} 0');
    expect(gateway.revision).toBe('1');
  });
});

describe('what is sent on', () => {
  test('pitfall 11: nothing that concerned the connection, no proxy credentials, no compression', async () => {
    const { get, sent } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`);
    await get('/', {
      headers: {
        'x-kept': '1',
        'keep-alive': 'timeout=5',
        'proxy-authorization': 'Basic x',
        te: 'trailers',
        upgrade: 'h2c',
        'accept-encoding': 'br',
      },
    });
    const headers = sent[0]?.headers;
    expect(headers?.get('x-kept')).toBe('1');
    expect(headers?.get('accept-encoding')).toBe('identity');
    for (const name of ['keep-alive', 'proxy-authorization', 'te', 'upgrade', 'host']) {
      expect(headers?.has(name)).toBe(false);
    }
  });

  test('what an upstream writes in connection takes off what it names, and is not taken at its word', async () => {
    const { get } = gatewayFor(
      `${two}routes: [{ path: /**, to: a }]`,
      () => new Response('ok', { headers: { connection: 'x-hop, , a b', 'x-hop': '1' } }),
    );
    const response = await get('/');
    expect([response.status, response.headers.has('x-hop')]).toEqual([200, false]);
  });

  test('pitfall 15: the peer is appended to x-forwarded-for, host and scheme are ours to say', async () => {
    const { gateway, sent } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`);
    const request = new Request('http://shop.example/', {
      headers: {
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil.example',
      },
    });
    await gateway.fetch(request, { remoteAddr: { hostname: '10.0.0.9' } });
    const headers = sent[0]?.headers;
    expect(headers?.get('x-forwarded-for')).toBe('6.6.6.6, 10.0.0.9');
    expect(headers?.get('x-forwarded-proto')).toBe('http');
    expect(headers?.get('x-forwarded-host')).toBe('shop.example');
  });

  test.each([
    ['trusted_proxies: [10.0.0.0/24]\n', '10.0.0.9', 'https', 'https'],
    ['trusted_proxies: { hops: 1 }\n', '10.0.0.9', 'https', 'https'],
    ['trusted_proxies: [10.0.0.0/24]\n', '10.0.1.9', 'https', 'http'],
    ['trusted_proxies: [10.0.0.0/24]\n', undefined, 'https', 'http'],
    ['trusted_proxies: [10.0.0.0/24]\n', '10.0.0.9', 'https, http', 'http'],
    ['trusted_proxies: [10.0.0.0/24]\n', '10.0.0.9', 'HTTPS', 'http'],
  ])(
    '%j, peer %s, told %s: upstreams are told that clients asked by %s',
    async (trusted, peer, told, proto) => {
      const sticky = 'sticky: { by: "cookie:sid", ttl: 1h }';
      const { gateway, sent } = gatewayFor(
        `${trusted}${two}routes: [{ path: /**, to: { a: 50, b: 50 }, ${sticky} }]`,
      );
      const request = new Request('http://shop.example/', {
        headers: { 'x-forwarded-proto': told },
      });
      const answer = await gateway.fetch(request, peer && { remoteAddr: { hostname: peer } });
      expect(sent[0]?.headers.get('x-forwarded-proto')).toBe(proto);
      expect(answer.headers.get('set-cookie')?.includes('; Secure')).toBe(proto === 'https');
    },
  );

  test.each([
    ['', '10.0.0.9', undefined],
    ['trusted_proxies: [10.0.0.0/24]\n', '10.0.1.9', undefined],
    ['trusted_proxies: [10.0.0.0/24]\n', undefined, undefined],
    ['trusted_proxies: [10.0.0.0/24]\n', '10.0.0.9', undefined],
    ['trusted_proxies: { hops: 1 }\n', '10.0.0.9', undefined],
    [
      'trusted_proxies: { networks: 10.0.0.0/24, client_certificates: true }\n',
      '10.0.0.9',
      'URI=spiffe://a/ns/b/sa/c',
    ],
    [
      'trusted_proxies: { hops: 1, client_certificates: true }\n',
      '10.0.0.9',
      'URI=spiffe://a/ns/b/sa/c',
    ],
  ])(
    'PI-03: %j, peer %s: upstreams are told of certificates by those alone who are said to tell them',
    async (trusted, peer, told) => {
      const { gateway, sent } = gatewayFor(`${trusted}${two}routes: [{ path: /**, to: a }]`);
      const headers = {
        'x-forwarded-client-cert': 'URI=spiffe://a/ns/b/sa/c',
        'x_forwarded_client-cert': 'URI=spiffe://a/ns/b/sa/c',
      };
      const request = new Request('http://shop.example/', { headers });
      await gateway.fetch(request, peer && { remoteAddr: { hostname: peer } });
      expect(sent[0]?.headers.get('x-forwarded-client-cert') ?? undefined).toBe(told);
      expect(sent[0]?.headers.has('x_forwarded_client-cert')).toBe(false);
    },
  );

  test('what our server has answered already does not go on: Expect, the length of a body that Fetch has not', async () => {
    const { get, sent } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`);
    await get('/', { headers: { expect: '100-continue', 'content-length': '3' } });
    expect(sent[0]?.headers.has('expect')).toBe(false);
    expect(sent[0]?.headers.has('content-length')).toBe(false);
  });

  test('pitfall 10: redirects go to the client', async () => {
    const { get, sent } = gatewayFor(
      `${two}routes: [{ path: /**, to: a }]`,
      () => new Response(null, { status: 302, headers: { location: '/elsewhere' } }),
    );
    expect((await get('/')).status).toBe(302);
    expect(sent[0]?.init.redirect).toBe('manual');
  });

  test('bodies stream through, both ways', async () => {
    const { get } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`, async ({ init }) => {
      const body = await new Response(init.body).text();
      return new Response(`got ${body}`);
    });
    const response = await get('/', { method: 'POST', body: 'hello' });
    expect(await response.text()).toBe('got hello');
  });

  test('a body that fetch has decoded loses the headers that said how it was encoded', async () => {
    const { get } = gatewayFor(
      `${two}routes: [{ path: /**, to: a }]`,
      () =>
        new Response('plain', {
          headers: { 'content-encoding': 'gzip', 'content-length': '3', etag: '"1"' },
        }),
    );
    const { headers } = await get('/');
    // Deno's decodes nothing that was not asked for.
    const isDecoded = !('Deno' in globalThis);
    expect(headers.has('content-encoding')).toBe(!isDecoded);
    expect(headers.get('content-length')).toBe(isDecoded ? null : '3');
    expect(headers.get('etag')).toBe('"1"');
  });

  test('cookies of an answer stay apart', async () => {
    const { get } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`, () => {
      const headers = new Headers({ connection: 'x-hop', 'x-hop': '1' });
      headers.append('set-cookie', 'a=1');
      headers.append('set-cookie', 'b=2');
      return new Response('ok', { headers });
    });
    const { headers } = await get('/');
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(headers.has('x-hop')).toBe(false);
  });

  test('baggage that is not on the list stays outside', async () => {
    const { get, sent } = gatewayFor(
      `${two}telemetry: { baggage: [user_tier] }\nroutes: [{ path: /**, to: a }]`,
    );
    await get('/', { headers: { baggage: 'env=canary, user_tier=gold' } });
    await get('/', { headers: { baggage: 'env=canary' } });
    expect(sent[0]?.headers.get('baggage')).toBe('user_tier=gold');
    expect(sent[1]?.headers.has('baggage')).toBe(false);
  });

  test('the trace goes on, with a span id of its own for each request', async () => {
    const { get, sent } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`);
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await get('/', { headers: { traceparent } });
    await get('/');
    expect(sent[0]?.headers.get('traceparent')).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(sent[1]?.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
  });
});

describe('Workers', () => {
  test('a service binding is used in place of the URL where the platform has one', async () => {
    const { gateway, sent } = gatewayFor(
      'services: { a: { url: "http://a.test", binding: A } }\nroutes: [{ path: /**, to: a }]',
    );
    const binding = {
      fetch: async (url: string) => new Response(`bound ${url}`),
    };
    const bound = await gateway.fetch(new Request('http://shop.example/x'), { A: binding });
    expect(await bound.text()).toBe('bound http://a.test/x');
    await gateway.fetch(new Request('http://shop.example/x'), {});
    expect(sent).toHaveLength(1);
  });
});

describe('replacing rules', () => {
  test('R4: a request ends by the rules that it began with', async () => {
    let answer: (response: Response) => void = () => {};
    const { gateway, get, sent } = gatewayFor(
      `${two}telemetry: { revision_header: true }\nroutes: [{ path: /**, to: a }]`,
      () => new Promise((resolve) => (answer = resolve)),
    );
    const early = get('/');
    await Promise.resolve();
    gateway.replace(
      rulesFrom(`${two}telemetry: { revision_header: true }\nroutes: [{ path: /**, to: b }]`),
      '2',
    );
    const late = get('/');
    while (sent.length < 2) await Promise.resolve();
    const answerLate = answer;
    answerLate(new Response('late'));
    expect((await late).headers.get('x-fetchmesh-revision')).toBe('2');
    expect(sent.map(({ url }) => url)).toEqual(['http://a.test/', 'http://b.test/base/']);
    expect(gateway.revision).toBe('2');
    void early;
  });

  test('rules that cannot be compiled change nothing', () => {
    const { gateway } = gatewayFor(`${two}routes: [{ path: /**, to: a }]`);
    const broken = { ...rulesFrom(`${two}routes: [{ path: /**, to: a }]`), services: [] };
    expect(() => gateway.replace(broken, '2')).toThrow(/no version/);
    expect(gateway.revision).toBe('1');
  });

  describe('RF-08: gradually', () => {
    /** Every look at it takes so long that a slice ends there. */
    class SlowClock extends VirtualClock {
      #passed = 0;

      override monotonic(): number {
        this.#passed += 5;
        return super.monotonic() + this.#passed;
      }
    }
    const routes = (to: string): string =>
      `${two}routes: [{ path: /1, to: ${to} }, { path: /2, to: ${to} }, { path: /**, to: ${to} }]`;

    test('requests are served by the rules before until all is compiled', async () => {
      const clock = new SlowClock();
      const { gateway, get, sent } = gatewayFor(routes('a'), undefined, { clock });
      const replaced = gateway.replaceGradually(rulesFrom(routes('b')), '2');
      expect(clock.pending).toBe(1);
      await get('/2');
      expect(gateway.revision).toBe('1');
      await clock.advance(0);
      await replaced;
      expect(gateway.revision).toBe('2');
      await get('/2');
      expect(sent.map(({ url }) => url)).toEqual(['http://a.test/2', 'http://b.test/base/2']);
    });

    test('rules that came meanwhile stay', async () => {
      const clock = new SlowClock();
      const { gateway } = gatewayFor(routes('a'), undefined, { clock });
      const replaced = gateway.replaceGradually(rulesFrom(routes('b')), '2');
      gateway.replace(rulesFrom(routes('a')), '3');
      await clock.advance(0);
      await replaced;
      expect(gateway.revision).toBe('3');
    });

    test('rules that cannot be compiled change nothing, nor what is being compiled', async () => {
      const clock = new SlowClock();
      const { gateway } = gatewayFor(routes('a'), undefined, { clock });
      const broken = { ...rulesFrom(routes('a')), services: [] };
      const replaced = gateway.replaceGradually(rulesFrom(routes('b')), '2');
      const refused = expect(gateway.replaceGradually(broken, '3')).rejects.toThrow(/no version/);
      expect(() => gateway.replace(broken, '4')).toThrow(/no version/);
      expect(gateway.revision).toBe('1');
      await clock.advance(0);
      await Promise.all([refused, replaced]);
      expect(gateway.revision).toBe('2');
    });
  });

  test('metrics live on over revisions', async () => {
    const text = `${two}telemetry: { metrics: { path: /metrics } }\nroutes: [{ path: /**, to: a }]`;
    const { gateway, get } = gatewayFor(text);
    await get('/');
    gateway.replace(rulesFrom(text), '2');
    await get('/');
    expect(await (await get('/metrics')).text()).toContain('gateway_request_total{env="stable"} 2');
  });
});

describe('paths of our own', () => {
  test('health, readiness and metrics answer only where the rules name a path', async () => {
    let ready = true;
    const { get, sent } = gatewayFor(
      `${two}telemetry: { metrics: { path: /m } }\nhealth: { path: /live, ready_path: /ready }\nroutes: [{ path: /**, to: a }]`,
      undefined,
      { isReady: () => ready },
    );
    expect((await get('/live')).status).toBe(200);
    expect((await get('/ready')).status).toBe(200);
    ready = false;
    expect((await get('/ready')).status).toBe(503);
    expect((await get('/m')).headers.get('content-type')).toContain('text/plain');
    await get('/metrics');
    expect(sent.map(({ url }) => url)).toEqual(['http://a.test/metrics']);
  });
});

describe('further tries', () => {
  const users =
    'services: { users: { urls: ["http://a.test", "http://b.test"], balance: round_robin }, other: "http://c.test" }\n';

  test('RT-14: a retry goes to another endpoint', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${users}routes: [{ path: /**, to: users, retries: { max: 3, base_delay: 0s } }]`,
      () => new Response(null, { status: 503 }),
      { clock },
    );
    // Another request takes its turn between the tries.
    const answers = [get('/1'), get('/2')];
    await clock.advance(1_000);
    await Promise.all(answers);
    for (const path of ['/1', '/2']) {
      const origins = sent.flatMap(({ url }) => (url.endsWith(path) ? [new URL(url).origin] : []));
      expect(origins).toHaveLength(4);
      expect(new Set(origins.slice(0, 2)).size).toBe(2);
    }
  });

  test('HG-09: a hedge goes to another endpoint, and the first answer counts', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${users}routes: [{ path: /**, to: users, hedge: { delay: 100ms } }]`,
      ({ url }) => (url.startsWith('http://a') ? new Promise(() => {}) : new Response(url)),
      { clock },
    );
    const answer = get('/x');
    await clock.advance(100);
    expect(await (await answer).text()).toBe('http://b.test/x');
    expect(sent[0]?.init.signal?.aborted).toBe(true);
    expect(sent[1]?.headers.get('x-fetchmesh-attempt-count')).toBe('2');
  });

  test('RB-08: all routes to a service share its budget, others do not', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${users}defaults: { retries: { max: 5, base_delay: 0s, budget: 10% } }
routes:
  - { path: /one, to: users }
  - { path: /two, to: users, timeout: 3s } # has a chain of its own
  - { path: /other, to: other }`,
      () => new Response(null, { status: 503 }),
      { clock },
    );
    const tries = async (path: string) => {
      const before = sent.length;
      const answer = get(path);
      await clock.advance(0);
      await answer;
      return sent.length - before;
    };
    // One a second over ten seconds is the reserve.
    expect(await tries('/one')).toBe(6);
    expect(await tries('/two')).toBe(6);
    expect(await tries('/one')).toBe(1);
    expect(await tries('/two')).toBe(1);
    expect(await tries('/other')).toBe(6);
  });
});
