import { expect, test } from 'vitest';
import { isFieldName } from '../../src/core/header-field.ts';

test.each([
  ['x-a', true],
  ['__proto__', true],
  ['', false],
  ['a b', false],
  ['a:b', false],
  ['ü', false],
])('header name %j: %s', (name, expected) => {
  expect(isFieldName(name)).toBe(expected);
  const ask = (): unknown => new Headers().get(name);
  if (expected) expect(ask()).toBeNull();
});
