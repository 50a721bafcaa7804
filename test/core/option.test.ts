import { expect, test } from 'vitest';
import { shown, wholeOption } from '../../src/core/option.ts';

const circle: Record<string, unknown> = {};
circle['self'] = circle;

test.each([
  ['a text', 'no', '"no"'],
  ['what JSON would call null', Number.NaN, 'NaN'],
  ['what JSON leaves out', undefined, 'undefined'],
  ['a function', () => 1, 'function'],
  ['what refers to itself', circle, 'object'],
  ['a number that JSON has no word for', 1n, 'bigint'],
])('%s is shown', (_, value, expected) => {
  expect(shown(value)).toBe(expected);
});

test('whatever is given, the message is about the option', () => {
  for (const value of [1n, circle, Symbol('3'), null, '3']) {
    expect(() => wholeOption('retry.max', value, 0)).toThrow(
      /^retry\.max: .* is not a whole number/,
    );
  }
});
