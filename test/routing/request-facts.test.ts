import { describe, expect, test, vi } from 'vitest';
import { parseCookies } from '../../src/core/cookies.ts';
import { RequestFacts } from '../../src/routing/request-facts.ts';
import { factsOf } from '../support/linear-matcher.ts';

describe('cookies', () => {
  test.each([
    [
      'a=1; b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a=1;b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['a="1"', [['a', '1']]],
    ['a="1', [['a', '"1']]],
    ['a=b=c', [['a', 'b=c']]],
    ['a=%41', [['a', '%41']]],
    ['a=1; a=2', [['a', '1']]],
    ['a=', [['a', '']]],
    ['a', []],
    ['=1', []],
    ['; ;', []],
    ['', []],
    ['__proto__=1', [['__proto__', '1']]],
  ])('%j', (header, expected) => {
    expect([...parseCookies(header)]).toEqual(expected);
  });

  test('of ten thousand, two hundred are read', () => {
    const header = Array.from({ length: 10_000 }, (_, index) => `c${index}=1`).join('; ');
    expect(parseCookies(header).size).toBe(200);
  });
});

describe('the facts of a request', () => {
  test('cookies and query are read at most once, and only when asked for', () => {
    const url = new URL('http://shop.example/?q=1');
    const request = new Request(url, { headers: { cookie: 'a=1' } });
    const header = vi.spyOn(request.headers, 'get');
    const query = vi.spyOn(url, 'searchParams', 'get');
    const facts = new RequestFacts(request, url, '/');
    expect([header, query].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
    expect([facts.cookie('a'), facts.cookie('b'), facts.query('q'), facts.query('r')]).toEqual([
      '1',
      undefined,
      '1',
      undefined,
    ]);
    expect([header, query].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  });

  test('a repeated parameter counts with its first value, a repeated header with all', () => {
    const url = new URL('http://shop.example/?q=1&q=2');
    const headers = new Headers([
      ['x', '1'],
      ['x', '2'],
    ]);
    const facts = new RequestFacts(new Request(url, { headers }), url, '/');
    expect([facts.query('q'), facts.header('x')]).toEqual(['1', '1, 2']);
  });

  test('names that objects are born with are just names', () => {
    const facts = factsOf({ path: '/' });
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const values = [facts.header(name), facts.query(name), facts.cookie(name)];
      expect([...values, facts.baggage(name)]).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
    }
  });

  test('the host is in lower case and without port', () => {
    expect(factsOf({ path: '/', host: 'SHOP.example:8080' }).hostname).toBe('shop.example');
  });
});
