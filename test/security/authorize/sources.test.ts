import { describe, expect, test } from 'vitest';
import { clientAddress, peerAddress } from '../../../src/core/address.ts';
import { compose } from '../../../src/core/chain.ts';
import { claims, spaceDelimitedClaims } from '../../../src/core/claims.ts';
import { inbound } from '../../../src/core/inbound.ts';
import { peerIdentity, peerNamed } from '../../../src/core/peer-identity.ts';
import {
  type AuthorizationRule,
  type AuthorizeOptions,
  authorize,
} from '../../../src/security/authorize/authorize.ts';
import { allow, deny, known, slot, statusOf } from '../../support/authorization.ts';

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
