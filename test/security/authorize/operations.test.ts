import { describe, expect, test } from 'vitest';
import { listenerPort } from '../../../src/core/address.ts';
import { peerIdentity } from '../../../src/core/peer-identity.ts';
import { rejectionOf } from '../../../src/core/rejection.ts';
import type { AuthorizationRule } from '../../../src/security/authorize/authorize.ts';
import {
  type Ask,
  allow,
  deny,
  outcome,
  path,
  slot,
  statusOf,
} from '../../support/authorization.ts';

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
    ['/straße', '/straße', true],
    ['/straße*', '/stra%C3%9Fenbahn', true],
    ['/über/{*}', '/%c3%bcber/uns', true],
    ['/a b', '/a%20b', true],
    ['/a^b', '/a%5eb', true],
    ['/a"<>`', '/a"<>`', true],
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
    ['shop.example.', 'shop.example', 403, 403],
    ['shop.example.', 'shop.example.', 200, 403],
    ['shop.example:80', 'shop.example', 200, 403],
    ['shop.example:80', 'shop.example:80', 200, 403],
    ['shop.example:443', 'shop.example', 403, 200],
    ['Bücher.example', 'bücher.EXAMPLE', 200, 403],
    ['*.bücher.example', 'www.xn--bcher-kva.example', 200, 403],
    ['bücher.example:8080', 'bücher.example:8080', 200, 403],
  ])('%s and %s: %i, %i', async (pattern, host, allowed, denied) => {
    const rule = { to: [{ hosts: [pattern] }] };
    expect(await statusOf([allow(rule)], { url: `http://${host}/` })).toBe(allowed);
    expect(await statusOf([deny(rule)], { url: `http://${host}/` })).toBe(denied);
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

test('AZ-09 methods may be written in small letters', async () => {
  const rule = { to: [{ methods: ['get', 'pa*'] }] };
  for (const method of ['GET', 'PATCH']) {
    expect(await statusOf([deny(rule)], { method })).toBe(403);
    expect(await statusOf([allow(rule)], { method })).toBe(200);
  }
  expect(await statusOf([deny(rule)], { method: 'POST' })).toBe(200);
});

test('AZ-09 ports are those of the listener, and never those of the host', async () => {
  const rule = { to: [{ ports: ['8443'] }] };
  const url = 'http://shop.example:8443/';
  expect(await statusOf([allow(rule)], { url, slots: [slot(listenerPort, 80)] })).toBe(403);
  expect(await statusOf([allow(rule)], { slots: [slot(listenerPort, 8443)] })).toBe(200);
});
