import { describe, expect, test } from 'vitest';
import { gatewayFor, twoServices } from '../support/gateway-for.ts';

describe('what is sent on', () => {
  test('pitfall 11: nothing that concerned the connection, no proxy credentials, no compression', async () => {
    const { get, sent } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`);
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
      `${twoServices}routes: [{ path: /**, to: a }]`,
      () => new Response('ok', { headers: { connection: 'x-hop, , a b', 'x-hop': '1' } }),
    );
    const response = await get('/');
    expect([response.status, response.headers.has('x-hop')]).toEqual([200, false]);
  });

  test('pitfall 15: the peer is appended to x-forwarded-for, host and scheme are ours to say', async () => {
    const { gateway, sent } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`);
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
        `${trusted}${twoServices}routes: [{ path: /**, to: { a: 50, b: 50 }, ${sticky} }]`,
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
      const { gateway, sent } = gatewayFor(
        `${trusted}${twoServices}routes: [{ path: /**, to: a }]`,
      );
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
    const { get, sent } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`);
    await get('/', { headers: { expect: '100-continue', 'content-length': '3' } });
    expect(sent[0]?.headers.has('expect')).toBe(false);
    expect(sent[0]?.headers.has('content-length')).toBe(false);
  });

  test('pitfall 10: redirects go to the client', async () => {
    const { get, sent } = gatewayFor(
      `${twoServices}routes: [{ path: /**, to: a }]`,
      () => new Response(null, { status: 302, headers: { location: '/elsewhere' } }),
    );
    expect((await get('/')).status).toBe(302);
    expect(sent[0]?.init.redirect).toBe('manual');
  });

  test('bodies stream through, both ways', async () => {
    const { get } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`, async ({ init }) => {
      const body = await new Response(init.body).text();
      return new Response(`got ${body}`);
    });
    const response = await get('/', { method: 'POST', body: 'hello' });
    expect(await response.text()).toBe('got hello');
  });

  test('a body that fetch has decoded loses the headers that said how it was encoded', async () => {
    const { get } = gatewayFor(
      `${twoServices}routes: [{ path: /**, to: a }]`,
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
    const { get } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`, () => {
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
      `${twoServices}telemetry: { baggage: [user_tier] }\nroutes: [{ path: /**, to: a }]`,
    );
    await get('/', { headers: { baggage: 'env=canary, user_tier=gold' } });
    await get('/', { headers: { baggage: 'env=canary' } });
    expect(sent[0]?.headers.get('baggage')).toBe('user_tier=gold');
    expect(sent[1]?.headers.has('baggage')).toBe(false);
  });

  test('the trace goes on, with a span id of its own for each request', async () => {
    const { get, sent } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`);
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
