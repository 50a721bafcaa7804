import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { peerAddress } from '../../src/core/address.ts';
import { boundedKey } from '../../src/core/bounded-key.ts';
import { claims } from '../../src/core/claims.ts';
import { Context } from '../../src/core/context.ts';
import { compileKey, compileKeys, keyBy } from '../../src/routing/key-expression.ts';
import { requestFacts } from '../../src/routing/request-facts.ts';
import { factsOf } from '../support/linear-matcher.ts';

const facts = factsOf({
  path: '/',
  headers: { 'x-user-id': 'ada', 'x-long': 'x'.repeat(1_000) },
  query: { tenant: 'acme' },
  cookies: { sid: 's1' },
  baggage: { tenant: 'b1' },
});
const background = Context.background('inbound');
const context = background
  .with(peerAddress, '10.0.0.1')
  .with(claims, { sub: 'jwt-sub', n: 7, admin: false });
const read = (...expressions: string[]): string | undefined =>
  compileKeys(expressions, 'users')?.(facts, context);

describe('a key expression', () => {
  test.each([
    ['ip', '10.0.0.1'],
    ['header:x-user-id', 'ada'],
    ['header:X-User-Id', 'ada'],
    ['header:absent', undefined],
    ['header:__proto__', undefined],
    ['cookie:sid', 's1'],
    ['cookie:__proto__', undefined],
    ['query:tenant', 'acme'],
    ['query:toString', undefined],
    ['baggage:tenant', 'b1'],
    ['baggage:constructor', undefined],
    ['jwt:sub', 'jwt-sub'],
    ['jwt:n', '7'],
    ['jwt:admin', 'false'],
    ['jwt:toString', undefined],
    ['route', 'users'],
    ['global', '*'],
    ['ip/48', '10.0.0.1'],
  ])('%s reads %s', (expression, expected) => {
    expect(read(expression)).toBe(expected);
  });

  test('nothing is read of a peer or a token that is not there', () => {
    expect(compileKey('ip', 'users')?.(facts, background)).toBeUndefined();
    expect(compileKey('jwt:sub', 'users')?.(facts, background)).toBeUndefined();
  });

  test.each([
    ['an object', { id: 1 }],
    ['a list', ['a', 'b']],
    ['null', null],
    ['an object that refuses to be text', JSON.parse('{"toString":1,"valueOf":1}')],
    ['deep nesting', JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)],
  ])('%s in a token is no key', (_, claim) => {
    const token = background.with(claims, { claim });
    expect(compileKey('jwt:claim', 'users')?.(facts, token)).toBeUndefined();
  });

  test('is of bounded length, since clients choose it and keys are kept, and yet tells all apart', () => {
    const long = read('header:x-long');
    expect(long).toBe(boundedKey('x'.repeat(1_000)));
    expect(read('header:x-long', 'cookie:sid')?.length).toBe(long?.length);
    const other = factsOf({ path: '/', headers: { 'x-long': `${'x'.repeat(999)}y` } });
    expect(compileKey('header:x-long', 'users')?.(other, context)).not.toBe(long);
  });

  test.each([
    ['ip', '2001:db8:0:1::/64'],
    ['ip/56', '2001:db8::/56'],
    ['ip/128', '2001:db8:0:1:0:0:0:7'],
  ])('%s counts a network of IPv6 once', (expression, expected) => {
    const peer = background.with(peerAddress, '2001:db8:0:1::7');
    expect(compileKey(expression, 'users')?.(facts, peer)).toBe(expected);
  });

  test.each([
    '',
    'header',
    'header:',
    'header:a b',
    'nothing',
    'IP',
    'ip:x',
    'ip/',
    'ip/31',
    'ip/129',
    'ip/064',
    'jwt',
  ])('%j is none', (expression) => {
    expect(compileKey(expression, 'users')).toBeUndefined();
    expect(compileKeys(['ip', expression], 'users')).toBeUndefined();
  });
});

describe('a list of key expressions', () => {
  test('is joined with the length of each part in front', () => {
    expect(read('header:x-user-id', 'query:tenant')).toBe('3:ada4:acme');
  });

  test('gives no key where one of its parts is missing', () => {
    expect(read('header:x-user-id', 'header:absent')).toBeUndefined();
  });

  test('is refused where it is empty: all callers would be one', () => {
    expect(compileKeys([], 'users')).toBeUndefined();
  });

  test('never gives two callers one key', () => {
    const joined = compileKeys(['query:a', 'query:b'], 'users');
    const keyOf = (a: string, b: string): string | undefined =>
      joined?.(factsOf({ path: '/', query: { a, b } }), context);
    const part = fc.string({ unit: fc.constantFrom('1', '2', ':', 'a'), maxLength: 6 });
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        expect(keyOf(a, b) === keyOf(c, d)).toBe(a === c && b === d);
      }),
    );
  });
});

describe('keyBy', () => {
  const request = new Request('http://shop.example/a?tenant=acme', {
    headers: { 'x-user-id': 'ada' },
  });

  test('reads a request of any chain', () => {
    expect(keyBy(['query:tenant', 'header:x-user-id'])(request, background)).toBe('4:acme3:ada');
  });

  test('reads what routing has read already', () => {
    const known = background.with(requestFacts, facts);
    expect(keyBy('cookie:sid')(request, known)).toBe('s1');
  });

  test.each([[[]], ['cokie:sid'], [['ip', '']]])('%j is refused', (expressions) => {
    expect(() => keyBy(expressions)).toThrow(TypeError);
  });
});
