/**
 * What the command line may print: colours, and how wide.
 *
 * @module
 */

import process from 'node:process';

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
