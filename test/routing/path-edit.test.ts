import { describe, expect, test } from 'vitest';
import { compilePathEdit, type PathEdit } from '../../src/routing/path-edit.ts';

const edited = (edit: PathEdit, path: string): string | undefined =>
  compilePathEdit('rewrite', edit)?.(path);

describe('a prefix', () => {
  // The table of HTTPPathModifier in the Gateway API, and the rows that it leaves out.
  test.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo', '/foo', '/xyz/', '/xyz/'],
    ['/foo/bar', '/', '/xyz', '/xyz/foo/bar'],
    ['/', '/', '/xyz', '/xyz/'],
    ['/foobar', '/foo', '/xyz', '/foobar'],
    ['/other', '/foo', '/xyz', '/other'],
    ['/fo', '/foo', '/xyz', '/fo'],
    ['/users/7/orders', '/users/:id', '/u', '/u/orders'],
    ['/a%2Fb/c', '/a%2fb', '/x', '/x/c'],
    ['/a%2Fb/c', '/a', '/x', '/a%2Fb/c'],
  ])('of %s: %s for %s makes %s', (path, from, to, expected) => {
    expect(edited({ prefix: { from, to } }, path)).toBe(expected);
  });
});

test('a whole path takes the place of any', () => {
  expect(edited({ path: '/new//./x' }, '/old')).toBe('/new/x');
});

describe('an expression', () => {
  test.each([
    ['/v1/users/7', '^/v1/(.*)$', '/v2/\\1', '/v2/users/7'],
    ['/a/b/a', 'a', 'x', '/x/b/x'],
    ['/a-b', '/(\\w)-(\\w)', '/\\2-\\1', '/b-a'],
    ['/a', '/a', '/\\0/\\0', '/a/a'],
    ['/a', '/a', '/$1$&', '/$1$&'],
    ['/a', '/(a)|(b)', '/\\1\\2\\9', '/a'],
    ['/a', '/b', '/c', '/a'],
    ['/x/secret', '^/x', '/x/..//y', '/y/secret'],
  ])('in %s: %s for %s makes %s', (path, match, to, expected) => {
    expect(edited({ regex: { match, to } }, path)).toBe(expected);
  });

  test.each([
    ['/a', '^/', ''],
    ['/a', '/a', 'http://other.example/'],
    ['/a', 'a', '%zz'],
    ['/a', 'a', '%00'],
  ])('in %s that makes no path of it, %s for %j, is told apart', (path, match, to) => {
    expect(edited({ regex: { match, to } }, path)).toBeUndefined();
  });
});

test('nothing is edited by nothing', () => {
  expect(compilePathEdit('rewrite', {})).toBeUndefined();
});

describe('wrong edits are refused', () => {
  test.each<[PathEdit, string]>([
    [
      { path: '/a', prefix: { from: '/a', to: '/b' } },
      'rewrite: path, prefix and regex exclude each other',
    ],
    [{ path: 'a' }, 'rewrite.path: "a" is not a path without query and fragment'],
    [{ path: '/a?b' }, 'rewrite.path: "/a?b" is not a path without query and fragment'],
    [{ path: '/%zz' }, 'rewrite.path: "/%zz" is not a path without query and fragment'],
    [{ prefix: { from: 'a', to: '/b' } }, 'rewrite.prefix.from: "a" is not a path'],
    [{ prefix: { from: '/a', to: 'b' } }, 'rewrite.prefix.to: "b" is not a path'],
    [{ regex: { match: '(', to: '/b' } }, 'rewrite.regex.match: '],
  ])('%j', (edit, message) => {
    expect(() => compilePathEdit('rewrite', edit)).toThrow(message);
  });
});
