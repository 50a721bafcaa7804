import { expect, test } from 'vitest';
import { parseInstant } from '../../src/core/instant.ts';

test.each([
  ['2025-01-01', Date.UTC(2025, 0, 1)],
  ['2025-01-01T00:00Z', Date.UTC(2025, 0, 1)],
  ['2025-01-01T01:30:15.25Z', Date.UTC(2025, 0, 1, 1, 30, 15, 250)],
  ['2025-01-01T01:00:00+01:00', Date.UTC(2025, 0, 1)],
  ['2024-02-29T12:00:00-05:30', Date.UTC(2024, 1, 29, 17, 30)],
])('%s is a moment', (text, milliseconds) => {
  expect(parseInstant(text)).toBe(milliseconds);
});

test.each([
  '',
  'tomorrow',
  '2025',
  '2025-13-01',
  '2025-02-29',
  '2025-02-30T00:00:00Z',
  '2025-01-01T24:61:00Z',
  '2025-01-01T00:00:00',
  '2025-01-01 00:00:00Z',
  '01/02/2025',
  '1735689600000',
])('%j is none', (text) => {
  expect(parseInstant(text)).toBeUndefined();
});
