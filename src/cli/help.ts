/**
 * What `--help` of a verb says.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { displayWidth } from '../rules/display.ts';
import { columnsOf, folded, type Output } from './terminal.ts';

/** An option and the space behind it; what it does goes on below itself. */
const option = /^ +\S.*? {2,}(?=\S)/;

/** Nothing else begins so far to the right as what goes on. */
const goesOn = /^ {18,}(?=\S)/;

/** Prints a help. */
export function printHelp(help: string): void {
  console.log(helpText(help, process.stdout));
}

/** Where the pages of this very version lie, two folders up from the source and from the bundle alike; images hold none. */
export function documentation(): string {
  const folder = fileURLToPath(new URL('../../docs', import.meta.url));
  return existsSync(folder) ? `\n\nThe documentation of this version is in ${folder}` : '';
}

/** A help as it stands, or folded where the terminal is narrower. */
export function helpText(help: string, output: Output): string {
  const lines = help.split('\n');
  const columns = output.isTTY ? columnsOf(output) : Number.POSITIVE_INFINITY;
  if (lines.every((line) => displayWidth(line) <= columns)) return help;
  const whole: string[] = [];
  for (const line of lines) {
    const before = whole.at(-1) ?? '';
    if (goesOn.test(line) && option.test(before)) whole[whole.length - 1] += ` ${line.trimStart()}`;
    else whole.push(line);
  }
  const indented = whole.map((text) => {
    const [front = ''] = option.exec(text) ?? /^ */.exec(text) ?? [];
    return { text, indent: front.length };
  });
  return folded(indented, output);
}
