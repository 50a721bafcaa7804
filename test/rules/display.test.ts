import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayLine, displayWidth } from '../../src/rules/display.ts';

const whole = { masks: [], columns: 80 };

describe('displayLine', () => {
  test('tabs become four spaces', () => {
    expect(displayLine('\tto: x', { ...whole, focus: { start: 5, end: 6 } })).toEqual({
      text: '    to: x',
      before: 8,
      width: 1,
    });
  });

  test('wide characters take two columns, combining marks none', () => {
    expect(displayWidth('汉字')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('😀')).toBe(2);
    const line = 'name: "汉字", to: x';
    const start = line.indexOf('to');
    expect(displayLine(line, { ...whole, focus: { start, end: start + 2 } })).toMatchObject({
      before: start + 2,
      width: 2,
    });
  });

  test('a secret has eight asterisks, whatever its length', () => {
    const line = 'token: x, to: y';
    const masks = [{ start: 7, end: 8 }];
    expect(displayLine(line, { focus: { start: 10, end: 12 }, masks, columns: 80 })).toEqual({
      text: 'token: ********, to: y',
      before: 17,
      width: 2,
    });
    expect(displayLine(line, { focus: { start: 7, end: 8 }, masks, columns: 80 }).width).toBe(8);
  });

  test('of a long line the part around the focus is shown', () => {
    const line = `${'a'.repeat(5_000)}HERE${'b'.repeat(5_000)}`;
    const shown = displayLine(line, {
      focus: { start: 5_000, end: 5_004 },
      masks: [],
      columns: 40,
    });
    expect(shown.text).toMatch(/^…a+HEREb+…$/);
    expect(shown.text.slice(shown.before, shown.before + shown.width)).toBe('HERE');
    expect(displayWidth(shown.text)).toBeLessThanOrEqual(40);
  });

  test('the focus is always within what is shown', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.nat(300),
        fc.nat(300),
        fc.integer({ min: 20, max: 60 }),
        (text, from, length, columns) => {
          const start = Math.min(from, text.length);
          const end = Math.min(start + length, text.length);
          const shown = displayLine(text, { focus: { start, end }, masks: [], columns });
          const width = displayWidth(shown.text);
          expect(shown.before).toBeGreaterThanOrEqual(0);
          expect(shown.before).toBeLessThanOrEqual(width);
          expect(shown.width).toBeGreaterThanOrEqual(1);
          // A single character can be wider than the room: an escape takes six columns.
          expect(width).toBeLessThanOrEqual(columns + 6);
        },
      ),
    );
  });
});
