import { describe, expect, test } from 'vitest';
import { claims } from '../../../src/core/claims.ts';
import { inbound } from '../../../src/core/inbound.ts';
import { peerIdentity, peerNamed } from '../../../src/core/peer-identity.ts';
import {
  compileIstioSecurity,
  type IstioSecurity,
  type Workload,
} from '../../../src/rules/front-ends/istio-security.ts';
import { authorize } from '../../../src/security/authorize/authorize.ts';
import { jwt } from '../../../src/security/jwt/jwt.ts';
import { signer } from '../../support/tokens.ts';

const workload: Workload = { namespace: 'shop', labels: { app: 'users', tier: 'back' } };

const policy = (spec: object, metadata: object = {}): object => ({
  kind: 'AuthorizationPolicy',
  metadata: { name: 'p', namespace: 'shop', ...metadata },
  spec,
});
const authentication = (...jwtRules: object[]): object => ({
  kind: 'RequestAuthentication',
  metadata: { name: 'a', namespace: 'shop' },
  spec: { jwtRules },
});

async function statusBehind(
  { policies }: Pick<IstioSecurity, 'policies'>,
  path = '/',
  account = 'web',
): Promise<number> {
  const app = inbound(
    () => new Response(),
    (next) => (request, context) =>
      next(
        request,
        context
          .with(peerIdentity, peerNamed(`cluster.local/ns/shop/sa/${account}`))
          .with(claims, { groups: ['dev'] }),
      ),
    authorize(policies),
  );
  return (await app(new Request(`http://users.shop${path}`))).status;
}

describe('a policy is for a workload', () => {
  const everything = { action: 'DENY', rules: [{}] };
  test.each<[string, object, boolean]>([
    ['of its namespace', policy(everything), true],
    ['of another namespace', policy(everything, { namespace: 'bank' }), false],
    ['of the root namespace', policy(everything, { namespace: 'istio-system' }), true],
    [
      'whose labels it has',
      policy({ ...everything, selector: { matchLabels: { app: 'users' } } }),
      true,
    ],
    [
      'one of whose labels it lacks',
      policy({ ...everything, selector: { matchLabels: { app: 'users', v: '1' } } }),
      false,
    ],
    [
      'that names it',
      policy({ ...everything, targetRefs: [{ kind: 'Service', name: 'users' }] }),
      true,
    ],
    [
      'that names another',
      policy({ ...everything, targetRefs: [{ kind: 'Service', name: 'orders' }] }),
      false,
    ],
    [
      'that names it in the old way',
      policy({ ...everything, targetRef: { kind: 'Service', name: 'users' } }),
      true,
    ],
  ])('%s: case %#', (_, object, applies) => {
    const { policies } = compileIstioSecurity([object], {
      ...workload,
      targets: ['Service/users'],
    });
    expect(policies.length).toBe(applies ? 1 : 0);
  });

  test('and objects of other kinds, or that are none, are passed over', () => {
    const others = [
      null,
      7,
      [],
      {},
      { kind: 'Gateway', metadata: { name: 'g', namespace: 'shop' } },
    ];
    expect(compileIstioSecurity(others, workload)).toMatchObject({
      issuers: [],
      policies: [],
      leftOut: [],
    });
  });
});

describe('an AuthorizationPolicy', () => {
  test('without a spec allows nothing; with an empty rule, everything', async () => {
    expect(await statusBehind(compileIstioSecurity([policy({})], workload))).toBe(403);
    expect(await statusBehind(compileIstioSecurity([policy({ rules: [{}] })], workload))).toBe(200);
  });

  test('of dry run only tells', async () => {
    const annotations = { 'istio.io/dry-run': 'true' };
    const dry = policy({ action: 'DENY', rules: [{}] }, { annotations });
    expect(await statusBehind(compileIstioSecurity([dry], workload))).toBe(200);
    // What is only for ALLOW and DENY.
    const custom = policy(
      { action: 'CUSTOM', provider: { name: 'gate' }, rules: [{}] },
      { annotations },
    );
    const compiled = compileIstioSecurity([custom], workload);
    expect(await statusBehind(compiled)).toBe(200);
    expect(compiled.leftOut).toMatchObject([{ reason: expect.stringContaining('CUSTOM') }]);
  });

  test('an account without a namespace is one of its own', async () => {
    const web = policy({ rules: [{ from: [{ source: { serviceAccounts: ['web'] } }] }] });
    const compiled = compileIstioSecurity([web], workload);
    expect(await statusBehind(compiled)).toBe(200);
    expect(await statusBehind(compiled, '/', 'api')).toBe(403);
  });

  test('CUSTOM asks its provider, and denies where nobody knows that', async () => {
    const custom = policy({
      ...{ action: 'CUSTOM', provider: { name: 'opa' } },
      rules: [{ to: [{ operation: { paths: ['/admin'] } }] }],
    });
    const unknown = compileIstioSecurity([custom], workload);
    expect(await statusBehind(unknown, '/admin')).toBe(403);
    expect(await statusBehind(unknown, '/')).toBe(200);
    expect(unknown.leftOut).toHaveLength(1);
    const known = compileIstioSecurity([custom], { ...workload, authorizers: { opa: () => true } });
    expect(await statusBehind(known, '/admin')).toBe(200);
    expect(known.leftOut).toEqual([]);
  });

  const odd = [
    { to: [{ operation: { paths: ['/a'] } }], when: [{ key: 'connection.sni', values: ['x'] }] },
  ];

  test('an item that cannot be evaluated lets a rule that allows match nothing', async () => {
    const compiled = compileIstioSecurity([policy({ rules: odd })], workload);
    expect(await statusBehind(compiled, '/a')).toBe(403);
    expect(compiled.leftOut[0]?.object).toBe('AuthorizationPolicy shop/p');
    expect(compiled.leftOut[0]?.reason).toContain('connection.sni');
  });

  test('an item that cannot be evaluated lets a rule that denies deny more', async () => {
    const compiled = compileIstioSecurity([policy({ action: 'DENY', rules: odd })], workload);
    expect(await statusBehind(compiled, '/a')).toBe(403);
    expect(await statusBehind(compiled, '/b')).toBe(200);
  });

  test('of an action that nobody knows denies what it matches', async () => {
    const compiled = compileIstioSecurity([policy({ action: 'PERMIT', rules: [{}] })], workload);
    expect(await statusBehind(compiled)).toBe(403);
    expect(compiled.leftOut[0]?.reason).toContain('PERMIT');
  });
});

describe('a RequestAuthentication', () => {
  const exp = Math.floor(Date.now() / 1_000) + 600;

  test('takes tokens where Istio looks for them, by keys that it holds', async () => {
    const key = await signer('ES256');
    const rule = { issuer: 'id', jwks: JSON.stringify({ keys: [key.jwk] }) };
    const { issuers, jwtOptions } = compileIstioSecurity([authentication(rule)], workload);
    const app = inbound(
      ({ headers, url }) => new Response(headers.get('authorization') ?? url),
      jwt(issuers, jwtOptions),
    );
    const token = await key.token({ iss: 'id', exp });
    const ask = (query: string, headers = {}) =>
      app(new Request(`http://users.shop/${query}`, { headers }));
    expect(await (await ask('', { authorization: `Bearer ${token}` })).text()).toBe(
      'http://users.shop/',
    );
    expect(await (await ask(`?access_token=${token}&a=1`)).text()).toBe('http://users.shop/?a=1');
    expect((await ask('?access_token=bad')).status).toBe(401);
    expect((await ask('')).status).toBe(200);
  });

  test('takes tokens that do not end', async () => {
    const key = await signer('ES256');
    const rule = { issuer: 'id', jwks: JSON.stringify({ keys: [key.jwk] }), fromCookies: ['t'] };
    const { issuers, jwtOptions } = compileIstioSecurity([authentication(rule)], workload);
    const app = inbound(() => new Response(), jwt(issuers, jwtOptions));
    const cookie = `t=${await key.token({ iss: 'id' })}`;
    expect((await app(new Request('http://users.shop/', { headers: { cookie } }))).status).toBe(
      200,
    );
  });

  test('is not carried over where its keys would have to be discovered, and that is said', () => {
    const { issuers, leftOut } = compileIstioSecurity(
      [authentication({ issuer: 'https://id' })],
      workload,
    );
    expect(issuers).toEqual([]);
    expect(leftOut).toHaveLength(1);
    expect(leftOut[0]?.reason).toContain('OIDC discovery');
  });
});
