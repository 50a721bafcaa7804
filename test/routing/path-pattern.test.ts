import { describe, expect, test } from 'vitest';
import { PathPatternError, parsePathPattern } from '../../src/routing/path-pattern.ts';

const literal = (text: string) => ({ kind: 'literal', text });
const one = (name?: string) => ({ kind: 'one', name });
const rest = { kind: 'rest' };

describe('a path pattern', () => {
  test.each([
    ['/', [literal('')], true],
    ['/a/b', [literal('a'), literal('b')], true],
    ['/a/', [literal('a'), literal('')], true],
    ['/a/*', [literal('a'), one()], false],
    ['/a/:id', [literal('a'), one('id')], false],
    ['/a/{id}', [literal('a'), one('id')], false],
    ['/a/**', [literal('a'), rest], false],
    ['/**', [rest], false],
    ['/:__proto__/:constructor', [one('__proto__'), one('constructor')], false],
    ['/a.b:c', [literal('a.b:c')], true],
  ])('%s', (pattern, segments, exact) => {
    expect(parsePathPattern(pattern)).toEqual({ kind: 'segments', segments, exact });
  });

  test('that begins with ~ is a regular expression, on the whole path and not anchored', () => {
    const pattern = parsePathPattern('~/v[0-9]+/');
    expect(pattern).toEqual({ kind: 'expression', expression: /\/v[0-9]+\//u });
  });

  test.each([
    ['', /begins with/],
    ['a', /begins with/],
    ['*', /begins with/],
    ['/**/a', /only at the end/],
    ['/a*', /neither text nor/],
    ['/***', /neither text nor/],
    ['/:', /neither text nor/],
    ['/:a-b', /neither text nor/],
    ['/{a', /neither text nor/],
    ['/:id/{id}', /twice/],
    ['/a?b', /no `\?`/],
    ['/a#b', /no `\?`/],
    ['~(', /./],
  ])('%j is none', (pattern, message) => {
    expect(() => parsePathPattern(pattern)).toThrow(PathPatternError);
    expect(() => parsePathPattern(pattern)).toThrow(message);
  });
});
