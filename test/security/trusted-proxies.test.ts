import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { peerAddress } from '../../src/core/address.ts';
import { Context } from '../../src/core/context.ts';
import { type PeerIdentity, peerIdentity } from '../../src/core/peer-identity.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { contextOf, inbound } from '../../src/index.ts';
import { parseRules } from '../../src/rules/parse.ts';
import {
  clientAddress,
  type TrustedProxiesOptions,
  trustedProxies,
} from '../../src/security/trusted-proxies.ts';

async function clientOf(
  options: TrustedProxiesOptions,
  peer: string,
  forwardedFor?: string,
): Promise<string> {
  const app = inbound(
    (request) => new Response(contextOf(request)?.get(clientAddress) ?? ''),
    trustedProxies(options),
  );
  const headers: Record<string, string> =
    forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  const request = new Request('http://shop.example/', { headers });
  return (await app(request, { remoteAddr: { hostname: peer } })).text();
}

describe('by networks: the first address from the end that is no proxy of ours', () => {
  const ours = { networks: ['10.0.0.0/8', '2001:db8::/32'] };
  test.each<[peer: string, forwardedFor: string | undefined, client: string]>([
    ['203.0.113.9', undefined, '203.0.113.9'],
    ['203.0.113.9', '198.51.100.7', '203.0.113.9'],
    ['10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '198.51.100.7, 10.0.0.2', '198.51.100.7'],
    ['10.0.0.1', '198.51.100.7,10.0.0.2,10.0.0.3', '198.51.100.7'],
    ['10.0.0.1', '10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['10.0.0.1', '[2001:db9::1]:443', '2001:db9::1'],
    ['10.0.0.1', '2001:db9::1', '2001:db9::1'],
    ['2001:db8::5', '198.51.100.7', '198.51.100.7'],
    ['::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '198.51.100.7, unknown, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '198.51.100.7, 10.0.0.2; DROP', '10.0.0.1'],
    ['10.0.0.1', '1.1.1.1, 999.1.1.1', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7, 127.0.0.1', '127.0.0.1'],
  ])('peer %s, x-forwarded-for %j: %s', async (peer, forwardedFor, client) => {
    expect(await clientOf(ours, peer, forwardedFor)).toBe(client);
  });
});

describe('by hops: the entry that the farthest of our proxies wrote', () => {
  test.each<[hops: number, forwardedFor: string | undefined, client: string]>([
    [1, '198.51.100.7', '198.51.100.7'],
    [1, '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    [2, '1.1.1.1, 198.51.100.7, 10.0.0.2', '198.51.100.7'],
    [2, '198.51.100.7', '10.0.0.1'],
    [1, undefined, '10.0.0.1'],
    [1, 'nonsense', '10.0.0.1'],
    [2, 'nonsense, 198.51.100.7', '10.0.0.1'],
  ])('%i, x-forwarded-for %j: %s', async (hops, forwardedFor, client) => {
    expect(await clientOf({ hops }, '10.0.0.1', forwardedFor)).toBe(client);
  });
});

describe('PI-03 what a trusted proxy tells of the certificate of a client', () => {
  async function identityOf(
    options: TrustedProxiesOptions,
    peer: string,
    told?: string,
    known?: PeerIdentity,
  ): Promise<PeerIdentity | undefined> {
    let identity: PeerIdentity | undefined;
    const run = trustedProxies(options)(async (_, context) => {
      identity = context.get(peerIdentity);
      return new Response();
    });
    const headers: Record<string, string> =
      told === undefined ? {} : { 'x-forwarded-client-cert': told };
    const context = Context.background('inbound').with(peerAddress, peer).with(peerIdentity, known);
    await run(new Request('http://shop.example/', { headers }), context);
    return identity;
  }
  const spiffe = 'URI=spiffe://a/ns/b/sa/c';
  const named = (principal: string | undefined) => ({ principal });
  const networks = { networks: ['10.0.0.0/8'], clientCertificates: true };

  test.each<[options: TrustedProxiesOptions, told: string | undefined, name: string | undefined]>([
    [networks, spiffe, 'a/ns/b/sa/c'],
    [networks, `URI=evil,${spiffe}`, 'a/ns/b/sa/c'],
    [networks, 'Hash=ab;DNS=web.example', 'web.example'],
    [networks, 'Hash=ab;Subject="O=Shop,CN=web"', 'web'],
    [networks, 'Hash=ab', undefined],
    [networks, undefined, undefined],
    [networks, `${spiffe},"`, undefined],
    [{ hops: 2, clientCertificates: true }, `URI=evil,${spiffe},DNS=edge`, 'a/ns/b/sa/c'],
    [{ hops: 2, clientCertificates: true }, spiffe, undefined],
  ])('%j, %j: %s', async (options, told, name) => {
    expect(await identityOf(options, '10.0.0.1', told)).toMatchObject(named(name));
  });

  test('is heard where it is asked for, and from those alone who are trusted', async () => {
    expect(await identityOf({ networks: ['10.0.0.0/8'] }, '10.0.0.1', spiffe)).toBeUndefined();
    expect(await identityOf(networks, '203.0.113.9', spiffe)).toBeUndefined();
    const own = named('edge');
    expect(await identityOf(networks, '203.0.113.9', spiffe, own)).toBe(own);
  });
});

test('what a client writes in front of it never changes who it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({
        unit: fc.constantFrom('1', '.', ',', ' ', ':', '[', 'a', '"', ';'),
        maxLength: 80,
      }),
      async (forged) => {
        const written = `${forged},198.51.100.7, 10.0.0.2`.trim();
        const networks = ['10.0.0.0/8'];
        expect(await clientOf({ networks }, '10.0.0.1', written)).toBe('198.51.100.7');
        expect(await clientOf({ hops: 2 }, '10.0.0.1', written)).toBe('198.51.100.7');
      },
    ),
    { seed: 3, numRuns: 200 },
  );
});

test('a header of any length costs the same', async () => {
  const long = `${'1.1.1.1, '.repeat(100_000)}198.51.100.7`;
  expect(await clientOf({ hops: 1 }, '10.0.0.1', long)).toBe('198.51.100.7');
});

describe('in the rules', () => {
  const text = (trusted: string): string => `services: { web: "http://web.internal" }
trusted_proxies: ${trusted}
routes: [{ path: /**, rate_limit: { limit: 1, per: 1m, by: ip } }]`;

  function gatewayWith(trusted: string) {
    const { rules } = parseRules(text(trusted), { mode: 'gateway' });
    return createGateway(rules as NonNullable<typeof rules>, {
      transport: async (_, init) => Response.json(init.headers),
    });
  }
  const ask = (gateway: ReturnType<typeof gatewayWith>, peer: string, forwardedFor: string) =>
    gateway.fetch(
      new Request('http://shop.example/', {
        headers: { 'x-forwarded-for': forwardedFor, 'x-real-ip': '1.1.1.1' },
      }),
      { remoteAddr: { hostname: peer } },
    );

  test('limits count each client behind a proxy for itself, whatever else it writes', async () => {
    const gateway = gatewayWith('10.0.0.0/8');
    expect((await ask(gateway, '10.0.0.1', '198.51.100.7')).status).toBe(200);
    expect((await ask(gateway, '10.0.0.1', '198.51.100.8')).status).toBe(200);
    expect((await ask(gateway, '10.0.0.1', '6.6.6.6, 198.51.100.7')).status).toBe(429);
  });

  test('headers of a peer that is no proxy of ours do not get to the upstream', async () => {
    const gateway = gatewayWith('[10.0.0.0/8, "2001:db8::/32"]');
    const seen = await (await ask(gateway, '203.0.113.9', '6.6.6.6')).json();
    expect(seen).toMatchObject({ 'x-forwarded-for': '203.0.113.9' });
    expect(seen).not.toHaveProperty('x-real-ip');
    const trusted = await (await ask(gateway, '10.0.0.1', '198.51.100.7')).json();
    expect(trusted).toMatchObject({ 'x-forwarded-for': '198.51.100.7, 10.0.0.1' });
  });

  test('{ hops: N } counts them', async () => {
    const gateway = gatewayWith('{ hops: 1 }');
    expect((await ask(gateway, '10.0.0.1', '198.51.100.7')).status).toBe(200);
    expect((await ask(gateway, '10.9.9.9', '198.51.100.7')).status).toBe(429);
  });

  test('without the block nobody believes the header', async () => {
    const { rules } = parseRules(text('[]').replace(/^trusted.*\n/m, ''), { mode: 'gateway' });
    const gateway = createGateway(rules as NonNullable<typeof rules>, {
      transport: async () => new Response(),
    });
    expect((await ask(gateway, '203.0.113.9', '1.1.1.1')).status).toBe(200);
    expect((await ask(gateway, '203.0.113.9', '2.2.2.2')).status).toBe(429);
  });
});
