import { describe, expect, test } from 'vitest';
import { duration, percentage } from '../../../src/rules/blocks/duration.ts';
import { parseRules } from '../../../src/rules/parse.ts';

function helpFor(written: string): string | undefined {
  return parseRules(`routes: [{ path: /a, timeout: ${written} }]`).diagnostics[0]?.help;
}

describe('duration', () => {
  test.each([
    ['0s', 0],
    ['800ms', 800],
    ['1.5m', 90_000],
    ['1h30m', 5_400_000],
  ])('%s is %i milliseconds', (text, milliseconds) => {
    expect(duration().safeParse(text).data).toBe(milliseconds);
  });

  test.each(['', '3', '3 s', '-3s', '1m1h', '25d'])('%j is refused', (text) => {
    expect(duration().safeParse(text).success).toBe(false);
  });

  test('P4: what is nearly one is answered with the right form', () => {
    expect(helpFor('3 seconds')).toBe('write 3s');
    expect(helpFor('"1.5 Min"')).toBe('write 1.5m');
    expect(helpFor('100 msec')).toBe('write 100ms');
    expect(helpFor('3')).toBe('write 3s or 3ms');
    expect(helpFor('0x10')).toBe('write 16s or 16ms');
    expect(helpFor('3 weeks')).toBeUndefined();
  });
});

describe('percentage', () => {
  test.each([
    ['0%', 0],
    ['12.5%', 0.125],
    ['100%', 1],
  ])('P5: %s is %d', (text, share) => {
    expect(percentage().safeParse(text).data).toBe(share);
  });

  test.each(['10', '0.1', '-1%', '101%', '10 %', '%'])('%j is refused', (text) => {
    expect(percentage().safeParse(text).success).toBe(false);
  });
});
