import { describe, expect, test } from 'vitest';
import { pathPattern, plainPath } from '../../../src/rules/blocks/path.ts';

describe('pathPattern', () => {
  test.each([
    ['/', '/'],
    ['/**', '/**'],
    ['/a/*/:id/{name}/**', '/a/*/:id/{name}/**'],
    ['/a/', '/a/'],
    ['/%61dmin', '/admin'],
    ['/a%2fb', '/a%2Fb'],
    ['/bücher', '/b%C3%BCcher'],
    ['/a b', '/a%20b'],
    ['~^/v[0-9]+/', '~^/v[0-9]+/'],
  ])('%s is %s, the form that request paths have', (text, canonical) => {
    expect(pathPattern.safeParse(text).data).toBe(canonical);
  });

  test.each([
    '',
    'a',
    '/a?b',
    '/a#b',
    '/**/a',
    '/a**',
    '/a*',
    '/:',
    '/:a-b',
    '/{a',
    '/:a/:a',
    '//a',
    '/a//',
    '/./a',
    '/a/..',
    '/a\\b',
    '/%',
    '/%00',
    '/%2e%2e/a',
    '/a/%2E',
    '~(',
    '~(a+)+',
  ])('%j is refused', (text) => {
    expect(pathPattern.safeParse(text).success).toBe(false);
  });
});

describe('plainPath', () => {
  test.each(['/metrics', '/_fm/ready', '/a%2Fb'])('%s is a path', (text) => {
    expect(plainPath.safeParse(text).data).toBe(text);
  });

  test.each(['metrics', '/metrics/*', '/:id', '/{id}', '/a?b', '~^/a'])('%j is refused', (text) => {
    expect(plainPath.safeParse(text).success).toBe(false);
  });
});
