/**
 * What the command line may print: colours, and how wide.
 *
 * @module
 */

import process from 'node:process';
import { displayWidth } from '../rules/display.ts';

/** A stream of this process, as far as printing goes. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/**
 * Whether colours are wanted: on a terminal that has them, unless `NO_COLOR` is set (https://no-color.org); `FORCE_COLOR`
 * wins over all of it.
 */
export function wantsColor(
  output: Output,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = environment;
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return output.isTTY === true && !no && term !== 'dumb';
}

/** How many columns there are: those of the terminal, and 100 elsewhere. */
export function columnsOf(output: Output): number {
  return (output.isTTY && output.columns) || 100;
}

/** How diagnostics are to look on this stream. */
export function looksOf(output: Output): { readonly color: boolean; readonly columns: number } {
  return { color: wantsColor(output), columns: columnsOf(output) };
}

/**
 * Text for people: long lines are folded between words where they go to a terminal, and left whole elsewhere.
 *
 * @param indent Where what does not fit goes on, for each line.
 */
export function folded(
  lines: readonly { readonly text: string; readonly indent: number }[],
  output: Output,
): string {
  const columns = output.isTTY ? columnsOf(output) : Number.POSITIVE_INFINITY;
  return lines.map(({ text, indent }) => fold(text, indent, columns)).join('\n');
}

function fold(text: string, indent: number, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  // Far to the right nothing would fit.
  const margin = Math.min(indent, Math.floor(columns / 3));
  const folded: string[] = [];
  let line = '';
  for (const word of text.match(/\s*\S+/g) ?? []) {
    if (line.trim() !== '' && displayWidth(line + word) > columns) {
      folded.push(line);
      const bare = word.trimStart();
      const room = Math.max(0, columns - displayWidth(bare));
      line = ' '.repeat(Math.min(margin, room)) + bare;
    } else {
      line += word;
    }
  }
  return [...folded, line].join('\n');
}
