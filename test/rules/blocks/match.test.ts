import { describe, expect, test } from 'vitest';
import { resolveMatch, strayMatchSign } from '../../../src/rules/blocks/match.ts';

test('resolveMatch makes a list, header names in lower case', () => {
  expect(resolveMatch({ headers: { 'X-Env': 'A' }, query: { Q: 'B' } })).toEqual([
    { headers: { 'x-env': 'A' }, query: { Q: 'B' } },
  ]);
  expect(resolveMatch([{ cookies: { a: '1' } }, { cookies: { a: '2' } }])).toHaveLength(2);
  expect(resolveMatch({})).toEqual([]);
});

describe('strayMatchSign', () => {
  test.each(['v', 'v*', '~a*b', '*', '!*', '!v', '', '!'])(
    '%j means what it looks like',
    (wanted) => {
      expect(strayMatchSign(wanted)).toBeUndefined();
    },
  );

  test.each([
    ['*v', '*'],
    ['a*b', '*'],
    ['**', '*'],
    ['!v*', '*'],
    ['!~v', '~'],
    ['!!v', '!'],
  ])('in %j the %s stands for itself', (wanted, sign) => {
    expect(strayMatchSign(wanted)).toBe(sign);
  });
});
