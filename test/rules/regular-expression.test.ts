import { describe, expect, test } from 'vitest';
import { checkRegularExpression } from '../../src/rules/regular-expression.ts';

describe('checkRegularExpression', () => {
  test.each([
    '^/v[0-9]+/',
    '^/api/(v1|v2)/users/[^/]+$',
    '^/a/[^/]+/b/[^/]+/c/[^/]+/d/[^/]+$',
    'gold|platinum',
    '^[a-z]+(?:-[a-z]+)*$',
    '(?:/[a-z]+)*',
    '^[\\w.-]+@[\\w-]+\\.\\w+$',
    '([^"\\\\]|\\\\.)*',
    '^v\\d+(\\.\\d+)*(-[a-z]+)?$',
    '^.*foo.*bar$',
    '(/[a-z]{2,4}){1,3}',
    '\\u{1f600}+[\\]a]+\\p{Lu}',
    '',
  ])('accepts %s', (source) => {
    expect(checkRegularExpression(source)).toBeUndefined();
  });

  test.each([
    ['^(a+)+$', 'a repetition can match the same text in several ways'],
    ['(a*)*', 'a repetition can match the same text in several ways'],
    ['(?:(?:a)?)+', 'a repetition repeats what may be empty'],
    ['(a|a)*', 'a repetition can match the same text in several ways'],
    ['(?:a|ab)+', 'a repetition can match the same text in several ways'],
    ['(\\w+\\s?)*$', 'a repetition can match the same text in several ways'],
    ['(x[a-z]+)*', 'a repetition can match the same text in several ways'],
    ['(ab?b?c)*', 'a repetition can match the same text in several ways'],
    ['(a{1,20}){1,20}', 'a repetition can match the same text in several ways'],
    ['.*.*', 'two repetitions of the same characters follow each other'],
    ['(a+){3}', 'two repetitions of the same characters follow each other'],
    ['(.*a){2}', 'three repetitions can share the same text'],
    ['^(.*a){3}$', 'three repetitions can share the same text'],
    ['.*foo.*bar', 'three repetitions can share the same text'],
    ['(?:a?){10}a{10}', 'it can match the same text in too many ways'],
    ['(a|a){16}', 'it can match the same text in too many ways'],
    ['(?=a)b', 'it looks around'],
    ['(?<!a)b', 'it looks around'],
    ['(a)\\1', 'it refers back to a group'],
    ['(?<n>a)\\k<n>', 'it refers back to a group'],
    ['a'.repeat(1_001), 'it is longer than 1000 characters'],
    [`${'('.repeat(40)}a${')'.repeat(40)}`, 'its groups are nested too deeply'],
  ])('refuses %s', (source, reason) => {
    expect(checkRegularExpression(source)).toEqual({ kind: 'slow', reason });
  });

  test.each(['[', '(', 'a{2}{3}', '\\', '*', '(?<a>b)(?<a>c)'])('%s does not compile', (source) => {
    const fault = checkRegularExpression(source);
    expect(fault?.kind).toBe('syntax');
    expect(fault?.reason).not.toContain(`/${source}/`);
  });
});
