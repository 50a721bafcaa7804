import { expect, test } from 'vitest';
import { either, printable, quote } from '../../src/rules/quote.ts';

test('quote keeps a message on one line and readable', () => {
  expect(quote('users@v1')).toBe('`users@v1`');
  expect(quote('a\nb`c')).toBe("`a\\nb'c`");
  expect(quote('x'.repeat(1_000_000))).toBe(`\`${'x'.repeat(59)}…\``);
});

test('E8: quote leaves secrets out', () => {
  expect(quote('http://admin:hun/ter2@web/?token=abc')).toBe('`http://***@web/?token=***`');
});

test('printable shows what would steer a terminal or reorder text', () => {
  expect(printable('\u001b[2J')).toBe('\\u001b[2J');
  expect(printable('\u202eevil\u2066')).toBe('\\u202eevil\\u2066');
  expect(printable('ok\ud800')).toBe('ok\\ud800');
  expect(printable('汉字 😀')).toBe('汉字 😀');
});

test('either joins words as a sentence does', () => {
  expect(either([])).toBe('');
  expect(either(['a'])).toBe('a');
  expect(either(['a', 'b', 'c'])).toBe('a, b or c');
});
