/**
 * Tables for a terminal.
 *
 * @module
 */

/**
 * Aligns rows under a head. Columns take what their widest cell takes; where that is more than there is room for, the widest
 * columns are cut, which an ellipsis shows.
 *
 * @param columns How wide the table may be; `Infinity` cuts nothing.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
): string {
  const lines = [head, ...rows];
  const widths = head.map((_, index) => Math.max(...lines.map((line) => width(line[index]))));
  const gaps = 2 * (head.length - 1);
  while (sum(widths) + gaps > columns) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] as number) <= width(head[widest]) + 1) break;
    widths[widest] = (widths[widest] as number) - 1;
  }
  return lines
    .map((line) =>
      line
        .map((cell, index) => cut(cell, widths[index] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cut(text: string, columns: number): string {
  const characters = Array.from(text);
  return characters.length > columns
    ? `${characters.slice(0, columns - 1).join('')}…`
    : text + ' '.repeat(columns - characters.length);
}

function width(text = ''): number {
  return Array.from(text).length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, next) => total + next, 0);
}
