import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/core/retry-after.ts';

const now = Date.UTC(2025, 0, 1);
const parse = (value: string, at = now) => parseRetryAfter(value, at);

describe('seconds', () => {
  test.each([
    ['120', 120_000],
    ['0', 0],
    ['007', 7_000],
    ['1735689610', 1_735_689_610_000],
  ])('RA-01: %s', (value, milliseconds) => {
    expect(parse(value)).toBe(milliseconds);
  });

  test.each([
    '',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    '1s',
    '1,2',
    '1 2',
    '１',
    'soon',
    'NaN',
    'Infinity',
  ])('RA-01: %s is malformed', (value) => {
    expect(parse(value)).toBeUndefined();
  });

  test('however many digits there are, the answer is a number and not NaN', () => {
    expect(parse('9'.repeat(100_000))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('dates', () => {
  test.each([
    ['Wed, 01 Jan 2025 00:00:10 GMT', 10_000],
    ['Wednesday, 01-Jan-25 00:00:10 GMT', 10_000],
    ['Wed Jan  1 00:00:10 2025', 10_000],
    ['Thu Jan 16 00:00:00 2025', 15 * 86_400_000],
    ['Wed, 01 Jan 2025 00:00:60 GMT', 60_000],
    ['Thu, 29 Feb 2029 00:00:00 GMT', undefined],
    ['Tue, 29 Feb 2028 00:00:00 GMT', Date.UTC(2028, 1, 29) - now],
    ['Thu, 01 Jan 2099 00:00:00 GMT', 2_335_219_200_000],
  ])('RA-02: %s', (value, milliseconds) => {
    expect(parse(value)).toBe(milliseconds);
  });

  test.each([
    'Wed, 32 Jan 2025 00:00:10 GMT',
    'Wed, 00 Jan 2025 00:00:10 GMT',
    'Fri, 31 Feb 2025 00:00:00 GMT',
    'Wed, 01 Jan 2025 24:00:00 GMT',
    'Wed, 01 Jan 2025 00:60:00 GMT',
    'Wed, 01 Jan 2025 00:00:61 GMT',
    'Wed, 01 Jan 2025 00:00:10',
    'Wed, 01 Jan 2025 00:00:10 UTC',
    'Wed, 01 Jan 2025 00:00:10 +0000',
    'Wed, 1 Jan 2025 00:00:10 GMT',
    'wed, 01 jan 2025 00:00:10 gmt',
    'Wed, 01 Januar 2025 00:00:10 GMT',
    'Mittwoch, 01-Jan-25 00:00:10 GMT',
    'Wed Jan 1 00:00:10 2025',
    '2025-01-01T00:00:10Z',
    '01 Jan 2025 00:00:10 GMT',
    ' Wed, 01 Jan 2025 00:00:10 GMT',
    'Wed, 01 Jan 2025 00:00:10 GMT, 5',
  ])('RA-02: %s is malformed', (value) => {
    expect(parse(value)).toBeUndefined();
  });

  test('RA-03: that have passed mean at once', () => {
    expect(parse('Tue, 31 Dec 2024 23:59:50 GMT')).toBe(0);
    expect(parse('Sun Nov  6 08:49:37 1994')).toBe(0);
  });

  test('RFC 9110 §5.6.7: a year of two digits more than 50 years ahead lies in the past', () => {
    expect(parse('Wednesday, 01-Jan-75 00:00:00 GMT')).toBe(Date.UTC(2075, 0, 1) - now);
    expect(parse('Wednesday, 01-Jan-76 00:00:00 GMT')).toBe(0);
    expect(parse('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(0);
  });

  test('RA-02: all three forms of any second of the years to come are read alike', () => {
    const second = fc.nat({ max: 40 * 365 * 86_400 });
    fc.assert(
      fc.property(second, (seconds) => {
        const at = new Date(now + seconds * 1_000);
        // 'Wed, 01 Jan 2025 00:00:10 GMT'
        const fixdate = at.toUTCString();
        const [, day, month, year, time] = /(\d\d) (\w{3}) (\d{4}) (\S+)/.exec(fixdate) ?? [];
        const weekday = new Intl.DateTimeFormat('en', { weekday: 'long', timeZone: 'UTC' });
        const rfc850 = `${weekday.format(at)}, ${day}-${month}-${year?.slice(2)} ${time} GMT`;
        const asctime = `${fixdate.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
        for (const form of [fixdate, rfc850, asctime]) expect(parse(form)).toBe(seconds * 1_000);
      }),
    );
  });
});

test('any text is read or refused, never thrown upon, and no delay is negative', () => {
  const token = fc.constantFrom('Wed', ',', ' ', '01', 'Jan', '-', '2025', '00:00:10', 'GMT', '9');
  const text = fc.oneof(
    fc.string(),
    fc.array(token).map((tokens) => tokens.join('')),
  );
  fc.assert(
    fc.property(text, fc.integer(), (value, at) => {
      const milliseconds = parse(value, at);
      if (milliseconds !== undefined) expect(milliseconds).toBeGreaterThanOrEqual(0);
    }),
  );
});
