/** Requests that say themselves who their caller is, at gateways that tell their upstream so. */

import { createGateway } from '../../../src/gateway/gateway.ts';
import { rulesFrom } from '../../support/rules.ts';
import { forge, signer } from '../../support/tokens.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { type Attack, attacks } from './attack.ts';

const clock = new VirtualClock();
const key = await signer('ES256');
const claims = { iss: 'id', sub: 'ada', exp: clock.now() / 1_000 + 600 };
const good = await key.token(claims);
const forged = await forge({ alg: 'ES256', kid: key.jwk.kid }, { ...claims, sub: 'root' }, () =>
  Promise.resolve(new ArrayBuffer(64)),
);

const gatewayFor = (more: string) =>
  createGateway(
    rulesFrom(
      `${more}services: { web: "http://web.test", gate: "http://gate.test" }
auth:
  main: { issuer: id, jwks: "https://id.test/jwks", claim_headers: { x-user: sub }, payload_header: x-token }
  other: { issuer: other, jwks: "https://id.test/jwks", claim_headers: { x-level: level } }
  cookie: { issuer: id, jwks: "https://id.test/jwks", from: { cookies: t }, forward: true }
roles: { header: x-user-role, trusted_ips: 10.0.0.0/8 }
routes:
  - { path: /user, to: web, auth: main }
  - { path: /perhaps, to: web, auth: { jwt: main, optional: true } }
  - { path: /region, to: web, headers: { request: { set: { x-region: eu }, remove: [x-debug] } } }
  - { path: /asked, to: web, authorizer: { to: gate, path: /, headers: x-user-role, forward: x-tenant } }
  - { path: /cookie, to: web, auth: cookie }
  - { path: /boss, to: web, allow: { headers: { x-user-role: boss } } }
  - { path: /**, to: web }
`,
      { mode: 'gateway' },
    ),
    {
      clock,
      // The gate lets in whom it takes for a boss; the upstream hands back what it saw.
      transport: async (url, { headers }) => {
        const seen = new Headers(headers);
        if (url.startsWith('http://web.test')) return Response.json(Object.fromEntries(seen));
        const status = seen.get('x-user-role') === 'boss' ? 200 : 403;
        return new Response(null, { status, headers: { 'x-tenant': 'shop' } });
      },
      keysFetch: async () => Response.json({ keys: [key.jwk] }),
    },
  );
const gateways = {
  alone: gatewayFor(''),
  behind: gatewayFor('trusted_proxies: 10.0.0.0/8\n'),
};

/** What is forged, and from where. */
export interface ForgedIdentity {
  readonly gateway?: keyof typeof gateways;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Default: an address that nobody trusts. */
  readonly peer?: string;
}

/** What an upstream of the table could take for the caller's identity, however it is written. */
const telling =
  /^(?:x-(?:user|user-role|token|level|debug|tenant|region|forwarded-.+|real-ip)|forwarded)$/;
/** What the gateway itself says in each request. */
const usual = /^x-forwarded-(?:host|proto)$/;

/** @returns The status, or what the upstream was told of the caller: names and values, in order; `nothing`. */
export async function identityOutcome({
  gateway = 'alone',
  path,
  headers,
  peer = '203.0.113.9',
}: ForgedIdentity): Promise<string> {
  const request = new Request(`http://shop.example${path}`, { headers });
  const response = await gateways[gateway].fetch(request, { remoteAddr: { hostname: peer } });
  if (response.status !== 200) return String(response.status);
  const seen = Object.entries((await response.json()) as Record<string, string>)
    .filter(([name]) => telling.test(name.replaceAll('_', '-')) && !usual.test(name))
    .filter(([name, value]) => !(name === 'x-forwarded-for' && value === peer))
    .map(([name, value]) => `${name}: ${value === good.split('.')[1] ? 'PAYLOAD' : value}`);
  return seen.sort().join(', ') || 'nothing';
}

const bearer = { authorization: `Bearer ${good}` };
const told = 'x-token: PAYLOAD, x-user: ada';

export const forgedIdentities: readonly Attack<ForgedIdentity, string>[] = attacks(
  'forged identity',
  [
    [
      'a user, where a token says it',
      { path: '/user', headers: { ...bearer, 'x-user': 'root' } },
      told,
    ],
    [
      'a user, where no token is asked for',
      { path: '/', headers: { 'x-user': 'root' } },
      'nothing',
    ],
    ['the same with an underscore', { path: '/', headers: { x_user: 'root' } }, 'nothing'],
    [
      'a payload, where no token is asked for',
      { path: '/', headers: { 'x-token': 'e30' } },
      'nothing',
    ],
    [
      'what another issuer says',
      { path: '/user', headers: { ...bearer, 'x-level': 'root' } },
      told,
    ],
    [
      'what an authorizer says, where none is asked',
      { path: '/', headers: { 'x-tenant': 'bank' } },
      'nothing',
    ],
    [
      'what the token says, taken off by Connection',
      { path: '/user', headers: { ...bearer, connection: 'close, X-User, x-token' } },
      told,
    ],
    [
      'a role, for a rule on its header',
      { path: '/boss', headers: { 'x-user-role': 'boss' } },
      '403',
    ],
    ['a role, for an authorizer', { path: '/asked', headers: { 'x-user-role': 'boss' } }, '403'],
    [
      'a role with an underscore, for an authorizer, from one who may',
      { path: '/asked', headers: { x_user_role: 'boss' }, peer: '10.0.0.1' },
      '403',
    ],
    [
      'a certificate, through a proxy that is not asked for them',
      {
        gateway: 'behind',
        path: '/',
        headers: { 'x-forwarded-client-cert': 'URI=spiffe://a' },
        peer: '10.0.0.1',
      },
      'nothing',
    ],
    [
      'whom a proxy names, with underscores, through the proxy',
      {
        gateway: 'behind',
        path: '/',
        headers: {
          x_forwarded_for: '10.0.0.2',
          'x-forwarded_host': 'bank.example',
          x_forwarded_proto: 'https',
          x_forwarded_client_cert: 'URI=spiffe://a',
          x_real_ip: '10.0.0.2',
        },
        peer: '10.0.0.1',
      },
      'nothing',
    ],
    [
      'a token behind a good one, in cookies',
      { path: '/cookie', headers: { cookie: `t=${good}; t=${forged}` } },
      '401',
    ],
    [
      'a token behind a good one, and two hundred cookies',
      { path: '/cookie', headers: { cookie: `t=${good}; ${'a=1; '.repeat(200)}t=${forged}` } },
      '401',
    ],
    [
      'a token behind a tab, where they are optional',
      { path: '/perhaps', headers: { authorization: `Bearer\t${forged}` } },
      '401',
    ],
    [
      'what the rules say, with an underscore',
      { path: '/region', headers: { x_region: 'us' } },
      'x-region: eu',
    ],
    [
      'what the rules take off, with an underscore',
      { path: '/region', headers: { x_debug: '1' } },
      'x-region: eu',
    ],
    [
      'whom a proxy names, where there is none',
      {
        path: '/',
        headers: {
          forwarded: 'for=10.0.0.2;proto=https',
          'x-real-ip': '10.0.0.2',
          'x-forwarded-port': '443',
          x_forwarded_for: '10.0.0.2',
          x_forwarded_proto: 'https',
        },
      },
      'nothing',
    ],
    [
      'whom a proxy names, taken off by Connection',
      {
        gateway: 'behind',
        path: '/',
        headers: { 'x-forwarded-for': '198.51.100.7', connection: 'X-Forwarded-For' },
        peer: '10.0.0.1',
      },
      'x-forwarded-for: 198.51.100.7, 10.0.0.1',
    ],
    [
      'what the rules say, taken off by Connection',
      { path: '/region', headers: { connection: 'x-region' } },
      'x-region: eu',
    ],
  ],
);
