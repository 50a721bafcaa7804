import { expect, test } from 'vitest';
import { withoutOws } from '../../src/core/white-space.ts';

test.each([
  ['', ''],
  [' \t ', ''],
  ['a', 'a'],
  ['\t a \t b \t', 'a \t b'],
  ['\u00a0a\u00a0', '\u00a0a\u00a0'],
  ['\ufeffa\r\n', '\ufeffa\r\n'],
])('RFC 9110 §5.6.3: %j without white space is %j', (text, expected) => {
  expect(withoutOws(text)).toBe(expected);
});
