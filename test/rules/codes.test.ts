import { expect, test } from 'vitest';
import { codes, isCode } from '../../src/rules/codes.ts';

test('E2: every code has a title and an explanation', () => {
  for (const [code, { title, explanation }] of Object.entries(codes)) {
    expect(code).toMatch(/^FM\d{3}$/);
    expect(title, code).toMatch(/^[\w`].{3,70}$/);
    expect(explanation.length, code).toBeGreaterThan(title.length);
  }
});

test('E2: no title is used twice', () => {
  const titles = Object.values(codes).map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});

test('isCode tells codes from other words', () => {
  expect(isCode('FM001')).toBe(true);
  expect(isCode('FM999')).toBe(false);
  expect(isCode('constructor')).toBe(false);
});
