/**
 * A line of text as a terminal shows it: how wide each character is, and how to show a part of a long line.
 *
 * @module
 */

import { printable } from './quote.ts';
import type { Span } from './source.ts';

/** What stands for a secret, whatever its length. */
const mask = '********';

const tab = '    ';

/** East Asian wide characters and pictures take two columns (Unicode Standard Annex 11, the common blocks). */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Marks that are drawn onto the character before them, and joiners. */
const zeroWidth = /[\p{M}\u200b-\u200d]/u;

/** The columns that a text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    width += zeroWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
  }
  return width;
}

/** A part of a line, ready to be shown, and where a stretch of it lies. */
export interface DisplayedLine {
  readonly text: string;
  /** Columns in front of the stretch. */
  readonly before: number;
  /** Columns of the stretch, at least one. */
  readonly width: number;
}

/** Settings of {@link displayLine}. */
export interface DisplayOptions {
  /** The stretch that has to be seen, counted from 0. */
  readonly focus: Span;
  /** What to hide, in order. */
  readonly masks: readonly Span[];
  /** The most columns to use. */
  readonly columns: number;
}

interface Cell {
  readonly text: string;
  readonly width: number;
}

/**
 * Lays out a line: tabs become four spaces, controls are made visible, secrets are replaced by eight asterisks, and of a
 * line that is too long the part around the focus is shown.
 */
export function displayLine(
  line: string,
  { focus, masks, columns }: DisplayOptions,
): DisplayedLine {
  // No character takes less than no column: what lies further away than this is not shown in any case.
  const from = Math.max(0, focus.start - 4 * columns);
  const to = Math.min(line.length, focus.start + 4 * columns);
  const near = masks.filter(({ start, end }) => start < to && end > from);
  const cells: Cell[] = [];
  let focusStart = 0;
  let focusEnd: number | undefined;
  for (let index = from; index < to; ) {
    if (index <= focus.start) focusStart = cells.length;
    if (focusEnd === undefined && index >= focus.end) focusEnd = cells.length;
    const hidden = near.find(({ start, end }) => index >= start && index < end);
    if (hidden !== undefined) {
      cells.push({ text: mask, width: mask.length });
      index = hidden.end;
      continue;
    }
    const character = String.fromCodePoint(line.codePointAt(index) as number);
    const text = character === '\t' ? tab : printable(character);
    cells.push({ text, width: displayWidth(text) });
    index += character.length;
  }
  if (focus.start >= to) focusStart = cells.length;
  focusEnd = Math.max(focusEnd ?? cells.length, focusStart);

  const cut = { left: from > 0, right: to < line.length };
  const [first, last] = window(cells, focusStart, focusEnd, columns - 2);
  const shown = cells.slice(first, last);
  const before = widthOf(cells.slice(first, focusStart));
  const left = cut.left || first > 0 ? '…' : '';
  const right = cut.right || last < cells.length ? '…' : '';
  return {
    text: `${left}${shown.map(({ text }) => text).join('')}${right}`,
    before: before + left.length,
    width: Math.max(1, widthOf(cells.slice(focusStart, Math.min(focusEnd, last)))),
  };
}

function widthOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, { width }) => sum + width, 0);
}

/** Which cells to show: all, or as much of the focus as fits with a third of the room in front of it. */
function window(
  cells: readonly Cell[],
  focusStart: number,
  focusEnd: number,
  columns: number,
): [first: number, last: number] {
  if (widthOf(cells) <= columns + 2) return [0, cells.length];
  const focusWidth = widthOf(cells.slice(focusStart, focusEnd));
  let room = Math.max(Math.floor(columns / 3), columns - focusWidth - Math.floor(columns / 3));
  room = Math.min(room, Math.floor((columns * 2) / 3));
  let first = focusStart;
  while (first > 0 && room - (cells[first - 1] as Cell).width >= 0) {
    first -= 1;
    room -= (cells[first] as Cell).width;
  }
  let last = first;
  let used = 0;
  while (last < cells.length && used + (cells[last] as Cell).width <= columns) {
    used += (cells[last] as Cell).width;
    last += 1;
  }
  // At the end of a line the room that is left over goes to the front.
  while (first > 0 && used + (cells[first - 1] as Cell).width <= columns) {
    first -= 1;
    used += (cells[first] as Cell).width;
  }
  return [first, last];
}
