import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { durationOption, formatDuration, parseDuration } from '../../src/core/duration.ts';

describe('parseDuration', () => {
  test.each([
    ['800ms', 800],
    ['3s', 3_000],
    ['1.5m', 90_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
    ['0.5ms', 0.5],
    ['007s', 7_000],
    ['1.005s', 1_005],
    ['0.1s', 100],
    ['2.675s', 2_675],
    ['1.10s', 1_100],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  test.each([
    '',
    '3',
    's',
    '3 s',
    ' 3s',
    '3s ',
    '-3s',
    '+3s',
    '3S',
    '3sec',
    '.5s',
    '1.s',
    '1..5s',
    '1,5s',
    '1e3s',
    '0x10s',
    'Infinitys',
    '1m1h',
    '1s1s',
    '1ms1s',
    '3s!',
    '３s',
    `${'9'.repeat(400)}s`,
    `1.${'0'.repeat(400)}s`,
  ])('%s is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('takes time in proportion to the length', () => {
    expect(parseDuration('1'.repeat(200_000))).toBeUndefined();
    expect(parseDuration(`${'1.'.repeat(100_000)}s`)).toBeUndefined();
    expect(parseDuration('1s'.repeat(100_000))).toBeUndefined();
  });
});

describe('formatDuration', () => {
  test.each([
    [0, '0ms'],
    [1, '1ms'],
    [100, '100ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [1_005, '1.005s'],
    [1_500, '1.5s'],
    [90_000, '90s'],
    [5_400_000, '90m'],
    [129_600_000, '36h'],
    [86_400_000, '1d'],
    [0.5, '0.5ms'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

describe('for all durations', () => {
  const roundTrips = (milliseconds: number): void => {
    expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
  };

  test('whole milliseconds are read back exactly as they were written', () => {
    fc.assert(fc.property(fc.maxSafeNat(), roundTrips), { numRuns: 2_000 });
    fc.assert(fc.property(fc.nat({ max: 100_000 }), roundTrips), { numRuns: 2_000 });
  });

  test('fractions of a millisecond are too', () => {
    const fraction = fc.nat({ max: 1_000_000_000 }).map((microseconds) => microseconds / 1_000);
    fc.assert(fc.property(fraction, roundTrips), { numRuns: 2_000 });
  });

  test('what a person writes is read as the decimal number that it is', () => {
    const decimals = fc.tuple(fc.nat({ max: 999_999 }), fc.nat({ max: 999 }));
    fc.assert(
      fc.property(decimals, ([whole, thousandths]) => {
        const text = `${whole}.${String(thousandths).padStart(3, '0')}s`;
        expect(parseDuration(text)).toBe(whole * 1_000 + thousandths);
      }),
    );
  });

  test('parts add up, in falling order of their units and in no other', () => {
    const units = ['d', 'h', 'm', 's', 'ms'];
    const sizes = [86_400_000, 3_600_000, 60_000, 1_000, 1];
    const parts = fc.array(fc.tuple(fc.nat({ max: 99 }), fc.nat({ max: 4 })), { minLength: 1 });
    fc.assert(
      fc.property(parts, (parts) => {
        const text = parts.map(([amount, unit]) => `${amount}${units[unit]}`).join('');
        const isFalling = parts.every(([, unit], index) => {
          const before = parts[index - 1];
          return before === undefined || before[1] < unit;
        });
        const sum = parts.reduce((sum, [amount, unit]) => sum + amount * (sizes[unit] ?? 0), 0);
        expect(parseDuration(text)).toBe(isFalling ? sum : undefined);
      }),
    );
  });

  test('any text is read or refused, never thrown upon', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const milliseconds = parseDuration(text);
        if (milliseconds !== undefined) expect(milliseconds).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('durationOption', () => {
  test('gives milliseconds', () => {
    expect(durationOption('timeout', '3s')).toBe(3_000);
  });

  test.each([
    ['soon', 'retry.baseDelay: "soon" is not a duration (a number and a unit: ms, s, m, h or d)'],
    [
      3,
      "retry.baseDelay: 3 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '3ms' or '3s'",
    ],
    [null, 'retry.baseDelay: null is not a duration (a number and a unit: ms, s, m, h or d)'],
    [
      undefined,
      'retry.baseDelay: undefined is not a duration (a number and a unit: ms, s, m, h or d)',
    ],
    [
      { s: 3 },
      'retry.baseDelay: {"s":3} is not a duration (a number and a unit: ms, s, m, h or d)',
    ],
  ])(
    '%o is refused with the name of the option, the value and what is allowed',
    (value, message) => {
      expect(() => durationOption('retry.baseDelay', value as string)).toThrow(
        new RangeError(message),
      );
    },
  );
});
