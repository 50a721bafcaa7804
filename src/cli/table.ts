/**
 * Tables for a terminal.
 *
 * @module
 */

import { displayWidth } from '../rules/display.ts';
import { printable } from '../rules/quote.ts';

const gap = 2;

/**
 * Aligns rows under a head. Columns take what their widest cell takes; where that is more than there is room for, the widest
 * columns are cut, and where the heads alone are too wide the last columns are left out. An ellipsis shows both.
 *
 * @param columns How wide the table may be; `Infinity` cuts nothing.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
): string {
  let lines = [head, ...rows].map((line) => line.map(printable));
  let widths = head.map((_, index) =>
    Math.max(...lines.map((line) => displayWidth(line[index] ?? ''))),
  );
  const heads = head.map((text) => displayWidth(text) + 1);
  const room = columns + gap;
  let count = head.length;
  while (count > 1 && narrowest(count) > room) count -= 1;
  if (count < head.length) {
    lines = lines.map((line) => [...line.slice(0, count), '…']);
    widths = [...widths.slice(0, count), 1];
  }
  while (sum(widths) + gap * widths.length > room) {
    const spare = widths.map((width, index) => (width > (heads[index] as number) ? width : 0));
    const most = Math.max(...spare);
    if (most === 0) break;
    widths[spare.indexOf(most)] = most - 1;
  }
  return lines
    .map((line) =>
      line
        .map((cell, index) => cut(cell, widths[index] as number))
        .join(' '.repeat(gap))
        .trimEnd(),
    )
    .join('\n');

  /** What so many columns take at least, each with the gap behind it. */
  function narrowest(count: number): number {
    const least = widths
      .slice(0, count)
      .map((width, index) => Math.min(width, heads[index] as number) + gap);
    return sum(least) + (count < head.length ? 1 + gap : 0);
  }
}

function cut(text: string, columns: number): string {
  const width = displayWidth(text);
  if (width <= columns) return text + ' '.repeat(columns - width);
  let shown = '';
  let used = 0;
  for (const character of text) {
    const next = displayWidth(character);
    if (used + next > columns - 1) break;
    shown += character;
    used += next;
  }
  return `${shown}…${' '.repeat(columns - 1 - used)}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, next) => total + next, 0);
}
