import { describe, expect, test } from 'vitest';
import { clientAddress, listenerPort, peerAddress } from '../../../src/core/address.ts';
import { compose, inbound, type Middleware } from '../../../src/core/chain.ts';
import { claims, spaceDelimitedClaims } from '../../../src/core/claims.ts';
import type { Context, Key } from '../../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../../src/core/event.ts';
import { peerIdentity, peerNamed } from '../../../src/core/peer-identity.ts';
import { rejectionOf } from '../../../src/core/rejection.ts';
import {
  type AuthorizationDecision,
  type AuthorizationPolicy,
  type AuthorizationRule,
  type AuthorizeOptions,
  authorize,
} from '../../../src/security/authorize/authorize.ts';

/** Slots that the layers further out would have filled. */
type Slots = readonly (readonly [Key<never>, unknown])[];
const slot = <T>(key: Key<T>, value: T): readonly [Key<never>, unknown] => [
  key as Key<never>,
  value,
];

const known =
  (slots: Slots): Middleware =>
  (next) =>
  (request, context) =>
    next(
      request,
      slots.reduce<Context>((inner, [key, value]) => inner.with(key, value as never), context),
    );

interface Ask {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly slots?: Slots;
}

async function outcome(
  policies: readonly AuthorizationPolicy[],
  { url = 'http://shop.example/', method = 'GET', headers = {}, slots = [] }: Ask = {},
  options: AuthorizeOptions = {},
): Promise<Response> {
  const app = inbound(
    () => new Response('in'),
    compose(known(slots), authorize(policies, options)),
  );
  return await app(new Request(url, { method, headers }));
}

const statusOf = async (...given: Parameters<typeof outcome>): Promise<number> =>
  (await outcome(...given)).status;
const allow = (...rules: AuthorizationRule[]): AuthorizationPolicy => ({ action: 'allow', rules });
const deny = (...rules: AuthorizationRule[]): AuthorizationPolicy => ({ action: 'deny', rules });
const path = (...paths: string[]): AuthorizationRule => ({ to: [{ paths }] });

describe('the order of actions', () => {
  const admin = { url: 'http://shop.example/admin' };

  test('without policies everybody may', async () => {
    expect(await statusOf([])).toBe(200);
  });

  test('AZ-01 a policy that denies wins over one that allows, wherever it stands', async () => {
    expect(await statusOf([allow({}), deny(path('/admin'))], admin)).toBe(403);
    expect(await statusOf([deny(path('/admin')), allow({})], admin)).toBe(403);
    expect(await statusOf([allow({}), deny(path('/other'))], admin)).toBe(200);
  });

  test('AZ-02 where there are policies that allow, one of them has to match', async () => {
    expect(await statusOf([allow(path('/a')), allow(path('/admin'))], admin)).toBe(200);
    expect(await statusOf([allow(path('/a')), allow(path('/b'))], admin)).toBe(403);
  });

  test('AZ-02 where there are none, whoever is not denied may', async () => {
    expect(await statusOf([deny(path('/other'))], admin)).toBe(200);
  });

  test('AZ-03 a policy without rules allows nothing, and denies nothing', async () => {
    expect(await statusOf([{ action: 'allow' }])).toBe(403);
    expect(await statusOf([{}])).toBe(403);
    expect(await statusOf([{ action: 'deny' }])).toBe(200);
  });

  test('AZ-03 an empty rule matches everything', async () => {
    expect(await statusOf([allow({})])).toBe(200);
    expect(await statusOf([deny({})])).toBe(403);
  });

  test('AZ-01 an authorizer is asked first, and only where its policy matches', async () => {
    const asked: string[] = [];
    const custom = (answer: boolean | Response | Error): AuthorizationPolicy => ({
      action: 'custom',
      rules: [path('/admin')],
      authorizer: async ({ url }) => {
        asked.push(new URL(url).pathname);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    expect(await statusOf([custom(false), allow({})], {})).toBe(200);
    expect(asked).toEqual([]);
    expect(await statusOf([allow({}), custom(false)], admin)).toBe(403);
    expect(await statusOf([custom(true)], admin)).toBe(200);
    expect(await statusOf([custom(true), deny(path('/admin'))], admin)).toBe(403);
    expect(await statusOf([custom(new Response(null, { status: 302 }))], admin)).toBe(302);
    // Fails closed.
    expect(await statusOf([custom(new Error('down'))], admin)).toBe(403);
    expect(await statusOf([custom('yes' as never)], admin)).toBe(403);
  });

  test('AZ-01 an audit only marks', async () => {
    const decisions: AuthorizationDecision[] = [];
    const audit: AuthorizationPolicy = { name: 'watch', action: 'audit', rules: [path('/admin')] };
    const options = { onDecision: (decision: AuthorizationDecision) => decisions.push(decision) };
    expect(await statusOf([audit], admin, options)).toBe(200);
    expect(decisions).toEqual([
      {
        outcome: 'audited',
        dryRun: false,
        action: 'audit',
        policy: 'watch',
        rule: 0,
        failed: undefined,
      },
    ]);
  });
});

describe('AZ-04 a rule', () => {
  const rule: AuthorizationRule = {
    from: [{ principals: ['a'] }, { principals: ['b'] }],
    to: [{ methods: ['GET'], paths: ['/x'] }, { paths: ['/y'] }],
    when: [
      { key: 'request.headers[x-a]', values: ['1', '2'] },
      { key: 'request.headers[x-b]', notValues: ['9'] },
    ],
  };
  const at = (
    path: string,
    method: string,
    principal: string,
    headers: Record<string, string>,
  ): Ask => ({
    url: `http://shop.example${path}`,
    method,
    headers,
    slots: [slot(peerIdentity, { principal })],
  });

  test.each<[string, Ask, number]>([
    ['all of it', at('/x', 'GET', 'a', { 'x-a': '1' }), 200],
    ['another source and operation of the lists', at('/y', 'POST', 'b', { 'x-a': '2' }), 200],
    ['but not the source', at('/x', 'GET', 'c', { 'x-a': '1' }), 403],
    ['but not one list of the operation', at('/x', 'POST', 'a', { 'x-a': '1' }), 403],
    ['but not the operation', at('/z', 'GET', 'a', { 'x-a': '1' }), 403],
    ['but not a condition', at('/x', 'GET', 'a', { 'x-a': '3' }), 403],
    ['but a condition that must not', at('/x', 'GET', 'a', { 'x-a': '1', 'x-b': '9' }), 403],
    ['but a header is missing', at('/x', 'GET', 'a', {}), 403],
  ])('matches %s', async (_, ask, status) => {
    expect(await statusOf([allow(rule)], ask)).toBe(status);
    // Nothing is in doubt here: to deny is the opposite.
    expect(await statusOf([deny(rule)], ask)).toBe(status === 200 ? 403 : 200);
  });
});

describe('AZ-05 paths', () => {
  test.each<[string, string, boolean]>([
    ['/admin', '/admin', true],
    ['/admin', '/admin/', false],
    ['/admin', '/Admin', false],
    ['/admin*', '/administrator', true],
    ['*.txt', '/a/b.txt', true],
    ['*.txt', '/a/b.txt/c', false],
    ['*', '/', true],
    ['/%61dmin', '/admin', true],
    ['/a%2fb', '/a%2Fb', true],
    // Templates.
    ['/foo/{*}', '/foo/bar', true],
    ['/foo/{*}', '/foo/bar/baz', false],
    ['/foo/{*}', '/foo/', false],
    ['/foo/{*}', '/foo', false],
    ['/foo/{*}/bar/{**}', '/foo/buzz/bar/bat', true],
    ['/foo/{*}/bar/{**}', '/foo/buzz/bar/', true],
    ['/foo/{*}/bar/{**}', '/foo/buzz/bar', false],
    ['/foo/{**}/bar', '/foo/a/b/bar', true],
    ['/foo/{**}/bar', '/foo/bar', false],
    ['/{**}.txt', '/a/b.txt', true],
    ['/{**}', '/', true],
    ['/a.b/{*}', '/axb/c', false],
    ['/{*}/{*}', '/a/b', true],
    ['/{*}/{*}', '/a', false],
  ])('%s and %s: %s', async (pattern, asked, matches) => {
    const ask = { url: `http://shop.example${asked}?x=/admin` };
    expect(await statusOf([allow(path(pattern))], ask)).toBe(matches ? 200 : 403);
    expect(await statusOf([allow({ to: [{ notPaths: [pattern] }] })], ask)).toBe(
      matches ? 403 : 200,
    );
  });

  test.each([
    '/%61dmin',
    '/%61%64%6d%69%6E',
    '//admin',
    '/./admin',
    '/x/../admin',
    '/x/%2e%2e/admin',
    '/x/%2E./admin',
    '\\admin',
    '/\\admin',
    '/x\\..\\admin',
    '/admin?x',
    '/admin#x',
    '///admin',
    '/.%2fadmin/../admin',
  ])('%s is no way around a policy that denies /admin', async (written) => {
    expect(await statusOf([deny(path('/admin'))], { url: `http://shop.example${written}` })).toBe(
      403,
    );
  });

  test.each(['/admin%00', '/%zz', '/%', '/admin%0'])('%s is a 400', async (written) => {
    const response = await outcome([deny(path('/admin'))], {
      url: `http://shop.example${written}`,
    });
    expect(rejectionOf(response)?.reason).toBe('malformed_path');
    expect(response.status).toBe(400);
  });
});

describe('AZ-06 hosts', () => {
  test.each<[string, string, number, number]>([
    // pattern, host; the status where it is allowed, and where it is denied
    ['shop.example', 'shop.example', 200, 403],
    ['Shop.Example', 'SHOP.example', 200, 403],
    ['*.example', 'a.shop.example', 200, 403],
    ['shop.*', 'shop.example', 200, 403],
    ['shop.example', 'shop.example:8080', 403, 403],
    ['shop.example:*', 'shop.example:8080', 200, 403],
    ['shop.example', 'shop.example.', 403, 403],
    ['shop.example', 'shop.example.:8080', 403, 403],
    ['shop.example', 'other.example', 403, 200],
    ['shop.example', 'evil-shop.example', 403, 200],
  ])('%s and %s: %i, %i', async (pattern, host, allowed, denied) => {
    const rule = { to: [{ hosts: [pattern] }] };
    expect(await statusOf([allow(rule)], { url: `http://${host}/` })).toBe(allowed);
    expect(await statusOf([deny(rule)], { url: `http://${host}/` })).toBe(denied);
  });
});

describe('peers', () => {
  const web = slot(peerIdentity, peerNamed('spiffe://cluster.local/ns/shop/sa/web'));
  const plain = slot(peerIdentity, { principal: undefined });

  test.each<[AuthorizationRule, number]>([
    [{ from: [{ principals: ['cluster.local/ns/shop/sa/web'] }] }, 200],
    [{ from: [{ principals: ['*/sa/web'] }] }, 200],
    [{ from: [{ principals: ['cluster.local/ns/bank/*'] }] }, 403],
    [{ from: [{ notPrincipals: ['*'] }] }, 403],
    [{ from: [{ namespaces: ['shop'] }] }, 200],
    [{ from: [{ notNamespaces: ['shop'] }] }, 403],
    [{ from: [{ serviceAccounts: ['shop/web'] }] }, 200],
    [{ from: [{ serviceAccounts: ['bank/web'] }] }, 403],
    [{ from: [{ trustDomains: ['cluster.local'] }] }, 200],
    [{ when: [{ key: 'source.principal', values: ['*'] }] }, 200],
    [{ when: [{ key: 'source.namespace', values: ['shop'] }] }, 200],
    [{ when: [{ key: 'source.serviceAccount', values: ['shop/web'] }] }, 200],
    [{ when: [{ key: 'source.trustDomain', notValues: ['cluster.local'] }] }, 403],
  ])('with a certificate: %j', async (rule, status) => {
    expect(await statusOf([allow(rule)], { slots: [web] })).toBe(status);
    expect(await statusOf([deny(rule)], { slots: [web] })).toBe(status === 200 ? 403 : 200);
  });

  test('AZ-07 without a certificate match no name, and what asks for none', async () => {
    expect(await statusOf([allow({ from: [{ principals: ['*'] }] })], { slots: [plain] })).toBe(
      403,
    );
    expect(await statusOf([deny({ from: [{ principals: ['*'] }] })], { slots: [plain] })).toBe(200);
    expect(await statusOf([deny({ from: [{ notPrincipals: ['*'] }] })], { slots: [plain] })).toBe(
      403,
    );
  });

  test.each<AuthorizationRule>([
    { from: [{ principals: ['a'] }] },
    { from: [{ notPrincipals: ['a'] }] },
    { from: [{ namespaces: ['a'] }] },
    { from: [{ notNamespaces: ['a'] }] },
    { from: [{ serviceAccounts: ['a/b'] }] },
    { from: [{ notServiceAccounts: ['a/b'] }] },
    { from: [{ trustDomains: ['a'] }] },
    { from: [{ ipBlocks: ['10.0.0.0/8'] }] },
    { from: [{ notIpBlocks: ['10.0.0.0/8'] }] },
    { from: [{ remoteIpBlocks: ['10.0.0.0/8'] }] },
    { to: [{ ports: [80] }] },
    { to: [{ notPorts: ['80'] }] },
    { when: [{ key: 'source.principal', notValues: ['a'] }] },
    { when: [{ key: 'destination.port', values: ['80'] }] },
    { when: [{ key: 'source.ip', values: ['10.0.0.1'] }] },
  ])(
    'of whom nobody could tell anything: what asks for it decides against the request: %j',
    async (rule) => {
      expect(await statusOf([allow(rule)])).toBe(403);
      expect(await statusOf([deny(rule)])).toBe(403);
    },
  );
});

describe('addresses', () => {
  test.each<[string, string, boolean]>([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.168.4.0/23', '192.168.5.233', true],
    ['192.168.4.0/23', '192.168.6.0', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:0a01:0203', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', '2001:db8::1', true],
    ['::1', '::1', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
  ])('%s holds %s: %s', async (block, address, holds) => {
    const slots = [slot(peerAddress, address)];
    const rule = { from: [{ ipBlocks: [block] }] };
    expect(await statusOf([allow(rule)], { slots })).toBe(holds ? 200 : 403);
    expect(await statusOf([allow({ from: [{ notIpBlocks: [block] }] })], { slots })).toBe(
      holds ? 403 : 200,
    );
    expect(
      await statusOf([allow({ when: [{ key: 'source.ip', values: [block] }] })], { slots }),
    ).toBe(holds ? 200 : 403);
  });

  test('AZ-08 of the client are those that trusted proxies told, and never those of a header', async () => {
    const rule = { from: [{ remoteIpBlocks: ['10.0.0.0/8'] }] };
    const headers = {
      'x-forwarded-for': '10.0.0.1',
      forwarded: 'for=10.0.0.1',
      'x-real-ip': '10.0.0.1',
    };
    const peer = slot(peerAddress, '203.0.113.9');
    expect(await statusOf([allow(rule)], { headers, slots: [peer] })).toBe(403);
    const told = [peer, slot(clientAddress, '10.0.0.1')];
    expect(await statusOf([allow(rule)], { slots: told })).toBe(200);
    expect(await statusOf([allow({ from: [{ ipBlocks: ['10.0.0.0/8'] }] })], { slots: told })).toBe(
      403,
    );
    expect(
      await statusOf([allow({ when: [{ key: 'remote.ip', values: ['10.0.0.1'] }] })], {
        slots: told,
      }),
    ).toBe(200);
  });

  test('AZ-08 that are none count as unknown', async () => {
    const slots = [slot(peerAddress, 'unix:/run/app.sock')];
    expect(await statusOf([deny({ from: [{ ipBlocks: ['10.0.0.0/8'] }] })], { slots })).toBe(403);
  });
});

test('AZ-09 methods are denied in any case', async () => {
  const rule = { to: [{ methods: ['PURGE'] }] };
  expect(await statusOf([deny(rule)], { method: 'purge' })).toBe(403);
  expect(await statusOf([allow(rule)], { method: 'PURGE' })).toBe(200);
  expect(await statusOf([allow({ to: [{ notMethods: ['PURGE'] }] })], { method: 'purge' })).toBe(
    403,
  );
});

test('AZ-09 ports are those of the listener, and never those of the host', async () => {
  const rule = { to: [{ ports: ['8443'] }] };
  const url = 'http://shop.example:8443/';
  expect(await statusOf([allow(rule)], { url, slots: [slot(listenerPort, 80)] })).toBe(403);
  expect(await statusOf([allow(rule)], { slots: [slot(listenerPort, 8443)] })).toBe(200);
});

describe('tokens', () => {
  const token = {
    iss: 'https://id.example',
    sub: 'ada',
    aud: ['shop', 'post'],
    azp: 'app',
    scope: 'orders.read orders.write',
    groups: ['dev', 'ops'],
    level: 3,
    verified: true,
    text: 'a b',
    realm: { roles: ['clerk'] },
  };
  const slots = [slot(claims, token)];
  const when = (key: string, ...values: string[]): AuthorizationRule => ({
    when: [{ key, values }],
  });

  test.each<[AuthorizationRule, number]>([
    [{ from: [{ requestPrincipals: ['https://id.example/ada'] }] }, 200],
    [{ from: [{ requestPrincipals: ['*'] }] }, 200],
    [{ from: [{ requestPrincipals: ['https://id.example/*'] }] }, 200],
    [{ from: [{ requestPrincipals: ['*/ada'] }] }, 200],
    [{ from: [{ requestPrincipals: ['https://id*/a*'] }] }, 200],
    [{ from: [{ requestPrincipals: ['https://id.example/eve'] }] }, 403],
    [{ from: [{ requestPrincipals: ['https:/*'] }] }, 403],
    [{ from: [{ notRequestPrincipals: ['*'] }] }, 403],
    [when('request.auth.principal', '*/ada'), 200],
    [when('request.auth.audiences', 'post'), 200],
    [when('request.auth.audiences', 'bank'), 403],
    [when('request.auth.presenter', 'app'), 200],
    [when('request.auth.claims[groups]', 'ops'), 200],
    [when('request.auth.claims[groups]', 'o*'), 200],
    [when('request.auth.claims[groups]', 'dev,ops'), 403],
    [when('request.auth.claims[scope]', 'orders.write'), 200],
    [when('request.auth.claims[scope]', 'orders'), 403],
    [when('request.auth.claims[text]', 'a'), 403],
    [when('request.auth.claims[text]', 'a b'), 200],
    [when('request.auth.claims[level]', '3'), 200],
    [when('request.auth.claims[verified]', 'true'), 200],
    [when('request.auth.claims[realm][roles]', 'clerk'), 200],
    [when('request.auth.claims[realm]', '*'), 403],
    [when('request.auth.claims[constructor]', '*'), 403],
    [when('request.auth.claims[__proto__][constructor]', '*'), 403],
    [when('request.auth.claims[nothing]', '*'), 403],
    [{ when: [{ key: 'request.auth.claims[groups]', notValues: ['ops'] }] }, 403],
    [{ when: [{ key: 'request.auth.claims[groups]', notValues: ['boss'] }] }, 200],
  ])('%j: %i', async (rule, status) => {
    expect(await statusOf([allow(rule)], { slots })).toBe(status);
  });

  test('AZ-10 nobody without a token has claims or a principal, whatever headers say', async () => {
    const headers = {
      'x-jwt-groups': 'ops',
      authorization: 'Bearer x.y.z',
    };
    for (const rule of [
      when('request.auth.claims[groups]', '*'),
      { from: [{ requestPrincipals: ['*'] }] },
    ]) {
      expect(await statusOf([allow(rule)], { headers })).toBe(403);
    }
    expect(await statusOf([deny({ from: [{ notRequestPrincipals: ['*'] }] })])).toBe(403);
  });

  test('AZ-10 half an identity is none', async () => {
    const rule = { from: [{ requestPrincipals: ['*'] }] };
    expect(await statusOf([allow(rule)], { slots: [slot(claims, { iss: 'a' })] })).toBe(403);
    for (const half of [
      { iss: '', sub: 'a' },
      { iss: 'a', sub: '' },
      { iss: 'a', sub: 7 },
    ]) {
      expect(await statusOf([allow(rule)], { slots: [slot(claims, half)] })).toBe(403);
    }
  });

  test('AZ-10 a prefix of issuers is not that of another issuer with a slash', async () => {
    const rule = { from: [{ requestPrincipals: ['https://id.example/*'] }] };
    const other = slot(claims, { iss: 'https://id.example/evil', sub: 'ada' });
    expect(await statusOf([allow(rule)], { slots: [other] })).toBe(403);
  });

  test('more claims can be lists of words', async () => {
    const more = [...slots, slot(spaceDelimitedClaims, ['scope', 'text'])];
    expect(await statusOf([allow(when('request.auth.claims[text]', 'b'))], { slots: more })).toBe(
      200,
    );
  });
});

describe('roles', () => {
  const clerks = allow({ from: [{ roles: ['clerk', 'boss'] }] });
  const options: AuthorizeOptions = {
    roles: {
      header: 'X-User-Role',
      trusted: { ipBlocks: ['10.0.0.0/8'], principals: ['*/sa/gateway'] },
    },
  };
  const headers = { 'x-user-role': 'guest, clerk' };

  test('AZ-11 of a header count where a trusted peer wrote it', async () => {
    const near = [slot(peerAddress, '10.0.0.7')];
    expect(await statusOf([clerks], { headers, slots: near }, options)).toBe(200);
    expect(
      await statusOf([clerks], { headers: { 'x-user-role': 'guest' }, slots: near }, options),
    ).toBe(403);
    const mesh = [slot(peerIdentity, peerNamed('cluster.local/ns/edge/sa/gateway'))];
    expect(await statusOf([clerks], { headers, slots: mesh }, options)).toBe(200);
  });

  test('AZ-11 of a header count from nobody else', async () => {
    const far = [slot(peerAddress, '203.0.113.9'), slot(clientAddress, '10.0.0.7')];
    expect(await statusOf([clerks], { headers, slots: far }, options)).toBe(403);
    expect(await statusOf([clerks], { headers }, options)).toBe(403);
    expect(await statusOf([clerks], { headers, slots: [slot(peerAddress, '10.0.0.7')] })).toBe(403);
  });

  test('AZ-11 that somebody else wrote do not reach the upstream', async () => {
    const seen = async (address: string): Promise<string> => {
      const app = inbound(
        (request) => new Response(request.headers.get('x-user-role')),
        compose(known([slot(peerAddress, address)]), authorize([], options)),
      );
      return await (await app(new Request('http://shop.example/', { headers }))).text();
    };
    expect(await seen('10.0.0.7')).toBe('guest, clerk');
    expect(await seen('203.0.113.9')).toBe('');
  });

  test('can be claims', async () => {
    const byClaim = { roles: { claim: 'realm.roles' } };
    const slots = [slot(claims, { realm: { roles: ['boss'] } })];
    expect(await statusOf([clerks], { slots }, byClaim)).toBe(200);
    expect(await statusOf([clerks], { headers, slots: [] }, byClaim)).toBe(403);
  });
});

describe('a denial', () => {
  const policies: readonly AuthorizationPolicy[] = [
    { name: 'secret-project', action: 'deny', rules: [path('/a'), path('/admin')] },
    {
      name: 'clerks',
      rules: [
        {
          to: [{ paths: ['/orders'] }],
          when: [{ key: 'request.auth.claims[role]', values: ['clerk'] }],
        },
      ],
    },
  ];
  async function told(
    url: string,
  ): Promise<{ body: string; decisions: AuthorizationDecision[]; events: PolicyEvent[] }> {
    const decisions: AuthorizationDecision[] = [];
    const events: PolicyEvent[] = [];
    const ask = {
      url,
      slots: [slot(eventListener, (event: PolicyEvent) => void events.push(event))],
    };
    const response = await outcome(policies, ask, {
      onDecision: (decision) => {
        decisions.push(decision);
        throw new Error('the log is full');
      },
    });
    expect(response.status).toBe(403);
    expect(rejectionOf(response)?.reason).toBe('access_denied');
    const headers = JSON.stringify([...response.headers]);
    return { body: (await response.text()) + headers, decisions, events };
  }

  test('AZ-12 names the policy and the rule that denied in its record, and nothing of it in the answer', async () => {
    const { body, decisions, events } = await told('http://shop.example/admin');
    expect(decisions).toEqual([
      {
        outcome: 'denied',
        dryRun: false,
        action: 'deny',
        policy: 'secret-project',
        rule: 1,
        failed: undefined,
      },
    ]);
    expect(events).toEqual([
      { name: 'access_denied', attributes: { action: 'deny', policy: 'secret-project', rule: 1 } },
    ]);
    expect(body).not.toMatch(/secret|clerk|rule|policy/);
  });

  test('AZ-12 names what did not hold where nobody allowed it', async () => {
    const { body, decisions, events } = await told('http://shop.example/orders');
    expect(decisions[0]).toMatchObject({
      ...{ action: 'allow', policy: 'clerks', rule: 0, failed: 'when request.auth.claims[role]' },
    });
    expect(events[0]?.attributes['failed']).toBe('when request.auth.claims[role]');
    expect((await told('http://shop.example/else')).decisions[0]?.failed).toBe('to.paths');
    expect(body).not.toMatch(/secret|clerk|rule|policy/);
  });
});

describe('a policy of dry run', () => {
  const told: AuthorizationDecision[] = [];
  const options = { onDecision: (decision: AuthorizationDecision) => told.push(decision) };

  test.each<[AuthorizationPolicy, string]>([
    [{ name: 'new', action: 'deny', rules: [{}], dryRun: true }, 'deny'],
    [{ name: 'new', action: 'allow', rules: [path('/other')], dryRun: true }, 'allow'],
  ])('only tells what it would have done: %j', async (policy, action) => {
    told.length = 0;
    expect(await statusOf([policy], {}, options)).toBe(200);
    expect(told).toMatchObject([{ outcome: 'denied', dryRun: true, action, policy: 'new' }]);
  });

  test('AZ-13 says nothing of what it would have let pass, and changes nothing that others decide', async () => {
    told.length = 0;
    const dry = { ...allow({}), dryRun: true };
    expect(await statusOf([dry, deny({})], {}, options)).toBe(403);
    expect(told).toMatchObject([{ dryRun: false, action: 'deny' }]);
  });
});

describe('AZ-14 wrong policies are refused', () => {
  test.each<[unknown, string]>([
    [{ action: 'DENY' }, 'authorize[0].action: "DENY" is not one of custom, deny, allow, audit'],
    [{ action: 'custom' }, 'authorize[0].authorizer: custom policies have one, and no others'],
    [
      { authorizer: () => true },
      'authorize[0].authorizer: custom policies have one, and no others',
    ],
    [{ rules: {} }, 'authorize[0].rules: it is not a list'],
    [allow({ form: [] } as never), 'authorize[0].rules[0].form: a rule has from, to and when'],
    [allow({ to: [] }), 'authorize[0].rules[0].to: [] is not a list with an entry'],
    [
      allow({ from: [{ ips: ['1'] } as never] }),
      'authorize[0].rules[0].from[0].ips: there is no such list',
    ],
    [
      allow({ from: [{ principals: [] }] }),
      'authorize[0].rules[0].from[0].principals: [] is not a list with an entry',
    ],
    [
      allow({ from: [{ principals: [''] }] }),
      'authorize[0].rules[0].from[0].principals: "" is nothing to compare with',
    ],
    [
      allow({ from: [{ principals: [null as never] }] }),
      'from[0].principals: null is nothing to compare with',
    ],
    [
      allow({ from: [{ serviceAccounts: ['web'] }] }),
      'from[0].serviceAccounts: "web" is nothing to compare with',
    ],
    [
      allow({ from: [{ ipBlocks: ['10.0.0.0/33'] }] }),
      'from[0].ipBlocks: "10.0.0.0/33" is neither an address nor a network',
    ],
    [
      allow({ from: [{ notIpBlocks: ['shop.example'] }] }),
      'from[0].ipBlocks: "shop.example" is neither',
    ],
    [
      allow({ from: [{ remoteIpBlocks: ['10.0.0'] }] }),
      'from[0].remoteIpBlocks: "10.0.0" is neither',
    ],
    [
      allow({ to: [{ path: ['/'] } as never] }),
      'to[0].path: there is no such list; there are hosts, ports, methods, paths, each with not',
    ],
    [allow(path('/a/{**}/b/{**}')), 'to[0].paths: "/a/{**}/b/{**}" is nothing to compare with'],
    [allow(path('/a/{**}/{*}')), 'to[0].paths'],
    [allow(path('/a{*}')), 'to[0].paths'],
    [allow(path('/{*}b')), 'to[0].paths'],
    [allow(path('/{id}')), 'to[0].paths'],
    [allow(path('/{*}/*')), 'to[0].paths'],
    [allow(path('/a/{**')), 'to[0].paths'],
    [
      allow({ when: [{ key: 'request.header[a]', values: ['1'] }] }),
      'when[0].key: "request.header[a]" is not one of request.headers[NAME]',
    ],
    [allow({ when: [{ key: 'request.headers[a b]', values: ['1'] }] }), 'when[0].key'],
    [allow({ when: [{ key: 'request.auth.claims', values: ['1'] }] }), 'when[0].key'],
    [
      allow({ when: [{ key: 'connection.sni', values: ['1'] }] }),
      'when[0].key: "connection.sni" is not one of',
    ],
    [allow({ when: [{ key: 'source.ip' }] }), 'when[0]: it has neither values nor notValues'],
    [
      allow({ when: [{ key: 'source.ip', values: ['x'] }] }),
      'when[0]: "x" is neither an address nor a network',
    ],
  ])('%j', (policy, message) => {
    let text = '';
    try {
      authorize([policy as AuthorizationPolicy]);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      text = (error as Error).message;
    }
    expect(text).toContain(message);
  });

  test.each<[unknown, string]>([
    [{ roles: {} }, 'authorize.roles: it has neither claim nor header'],
    [
      { roles: { header: 'x-user-role' } },
      'authorize.roles.trusted: whoever can send requests could write x-user-role',
    ],
    [{ roles: { header: 'a b' } }, 'authorize.roles.header: "a b" is not the name of a header'],
    [
      { roles: { header: 'a', trusted: { ipBlocks: ['me'] } } },
      'authorize.roles.trusted.ipBlocks: "me" is neither',
    ],
  ])('%j', (options, message) => {
    expect(() => authorize([], options as AuthorizeOptions)).toThrow(message);
  });
});
