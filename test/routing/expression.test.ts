import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchExpression } from '../../src/routing/expression.ts';

describe('an expression that may match anywhere', () => {
  test.each([
    ['[0-9]+$', '[0-9]$'],
    ['\\s*$', '$'],
    ['.*foo', 'foo'],
    ['.+foo', '.foo'],
    ['a*b*c', 'c'],
    ['a{2,}b', 'a{2}b'],
    ['a{0,}b', 'b'],
    ['[^\\]x]+?y', '[^\\]x]y'],
    ['^[0-9]+$', '^[0-9]+$'],
    ['a+|b', 'a+|b'],
    ['(?:a)+b', '(?:a)+b'],
    ['a{2,3}b', 'a{2,3}b'],
    ['\\.+x', '\\.+x'],
    ['', '(?:)'],
  ])('%s becomes %s', (source, reduced) => {
    expect(searchExpression(source).source).toBe(reduced);
  });

  test('matches what it matched as it was written', () => {
    const atom = fc.constantFrom('a', 'b', '[ab]', '[^a]', '\\d', '\\s', '.', '-', '\\.');
    const sign = fc.constantFrom('', '+', '*', '?', '+?', '*?', '{0,}', '{1,}', '{2,}', '{1,2}');
    const part = fc.tuple(atom, sign).map(([first, second]) => first + second);
    const expression = fc
      .tuple(fc.constantFrom('', '^'), fc.array(part, { maxLength: 4 }), fc.constantFrom('', '$'))
      .map(([begin, parts, end]) => begin + parts.join('') + end);
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', ' ', '-', '.', '\n') });
    fc.assert(
      fc.property(expression, text, (source, tried) => {
        expect(searchExpression(source).test(tried)).toBe(new RegExp(source, 'u').test(tried));
      }),
      { numRuns: 2_000 },
    );
  });

  test('what does not compile is told', () => {
    for (const source of ['a+(', 'a+*', '[a+', 'a{2,}{']) {
      expect(() => searchExpression(source), source).toThrow(SyntaxError);
    }
  });
});
