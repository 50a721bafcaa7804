import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { serverDelay } from '../../src/policies/server-delay.ts';
import vectors from '../vectors/retry-after.json' with { type: 'json' };

const now = Date.parse(vectors.now);

const asked = (headers: Record<string, string>, status = 503) =>
  serverDelay(new Response(null, { status, headers }), now);
const delayMs = (headers: Record<string, string>, status = 503) => asked(headers, status)?.delayMs;

describe('the vectors', () => {
  test.each(vectors.rows)('RA-01, RA-02, RA-03: Retry-After: $value', ({ value, delayMs: ms }) => {
    expect(delayMs({ 'retry-after': value }) ?? null).toBe(ms);
  });

  test.each(vectors.resetHeaders)('RA-06: $header: $value', ({ header, value, delayMs: ms }) => {
    expect(delayMs({ [header]: value })).toBe(ms);
  });
});

describe('which field counts', () => {
  const fields = [
    ['retry-after', '1'],
    ['ratelimit', '"default";r=0;t=2'],
    ['ratelimit-reset', '3'],
    ['x-ratelimit-retry-after', '4'],
    ['x-ratelimit-reset', '5'],
    ['x-rate-limit-reset', '6'],
  ] as const;

  test.each(fields.map(([name], index) => [name, index] as const))(
    'RA-06: %s comes before those after it',
    (_, index) => {
      expect(delayMs(Object.fromEntries(fields.slice(index)))).toBe((index + 1) * 1_000);
    },
  );

  test('RA-01, RA-06: a malformed Retry-After does not let the fields after it count', () => {
    expect(asked({ 'retry-after': 'soon', 'ratelimit-reset': '3' })).toBeUndefined();
  });

  test('RA-06: a malformed RateLimit does', () => {
    expect(delayMs({ ratelimit: 'default r=0', 'ratelimit-reset': '3' })).toBe(3_000);
  });

  test.each([
    [413, 1_000],
    [429, 1_000],
    [503, 1_000],
    [200, undefined],
    [404, undefined],
    [500, undefined],
    [502, undefined],
  ])('RA-04: with a %d it is %s', (status, expected) => {
    expect(delayMs({ 'retry-after': '1', 'ratelimit-reset': '3' }, status)).toBe(expected);
  });

  test('RT-16: a pushback counts before all of them and with any status', () => {
    expect(asked({ 'grpc-retry-pushback-ms': '20', 'retry-after': '1' }, 500)).toEqual({
      delayMs: 20,
      isExact: true,
    });
  });

  test.each(['-1', '', 'x', '1.5', '123456789012'])('RT-16: a pushback of %j is never', (value) => {
    expect(delayMs({ 'grpc-retry-pushback-ms': value })).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('RA-06: RateLimit', () => {
  test.each([
    ['"default";r=0;t=30', 30_000],
    ['"default";t=30;r=0', 30_000],
    ['"a";r=0;t=5, "b";r=0;t=7', 7_000],
    ['"a";r=0;t=5,"b";r=9;t=700', 5_000],
    ['"a";r=0;pk=:dHJpYWw=:;t=5', 5_000],
    ['"say \\"hi\\"; r=0";r=0;t=5', 5_000],
    ['problemPolicy;r=0;t=10', 10_000],
    ['"a";r=0;t=5 , "b";r=1', 5_000],
    ['"a";r=0;t=5\t,\t"b";r=1', 5_000],
    ['"a" ; r=0 ; t=5', 5_000],
    ['"a";r=0;t=7, "b";r=0;t=5', 7_000],
    ['"a";r=0;t=0', 0],
    // Numbers of RFC 9651 have 15 digits at most, and three after the point.
    ['"a";x=123456789012345;r=0;t=5', 5_000],
    ['"a";x=1.125;r=0;t=5', 5_000],
  ])('%s', (field, expected) => {
    expect(delayMs({ ratelimit: field })).toBe(expected);
  });

  test.each([
    '"default";r=50;t=30',
    '"default";r=0',
    '"default";r=0;t=-1',
    '"default";r=0;t=1.5',
    '"default" r=0;t=1',
    '"default;r=0;t=1',
    '"a";r=0;t=5,',
    '"a";r=0;t=5 bb',
    '"a";x=1234567890123456;r=0;t=5',
    '"a";x=1.1255;r=0;t=5',
    ',"a";r=0;t=5',
    '',
    'limit=100, remaining=0, reset=5',
  ])('%j says nothing', (field) => {
    expect(asked({ ratelimit: field })).toBeUndefined();
  });

  test('of a response from a cache is not asked', () => {
    expect(asked({ ratelimit: '"a";r=0;t=5', age: '1' })).toBeUndefined();
    expect(delayMs({ ratelimit: '"a";r=0;t=5', age: '0' })).toBe(5_000);
  });
});

describe('RA-06: older reset fields', () => {
  test.each([
    ['0', 0],
    [String(now / 1_000 + 7), 7_000],
    [String(now / 1_000 - 7), 0],
    ['1704067199', 1_704_067_199_000],
    // From here on it is a moment, long past.
    ['1704067200', 0],
  ])('%s', (value, expected) => {
    expect(delayMs({ 'x-ratelimit-reset': value })).toBe(expected);
  });

  test.each(['1.5', '-1', 'soon', '', '5, 7'])('%j is malformed', (value) => {
    expect(asked({ 'ratelimit-reset': value, 'x-ratelimit-reset': '3' })).toBeUndefined();
  });
});

test('whatever a server sends, the answer is a delay of 0 or more, or none', () => {
  const text = fc.string({ unit: fc.constantFrom(...'"\\;=,:rt09- ax?*') });
  fc.assert(
    fc.property(text, (value) => {
      for (const name of ['ratelimit', 'retry-after', 'ratelimit-reset']) {
        const ms = delayMs({ [name]: value.trim() });
        expect(ms === undefined || ms >= 0).toBe(true);
      }
    }),
  );
});

test('a field of a megabyte is read in linear time', () => {
  expect(delayMs({ ratelimit: `"a";r=0;t=5${', "a";r=0;t=5'.repeat(50_000)}` })).toBe(5_000);
  expect(asked({ ratelimit: `"${'\\"'.repeat(500_000)}` })).toBeUndefined();
});
