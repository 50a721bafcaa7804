/**
 * Finding the rules file that a verb is about.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { text as readAll } from 'node:stream/consumers';
import { UsageError } from './usage.ts';

/** Where rules come from. */
export interface RulesText {
  readonly file: string;
  readonly text: string;
}

/**
 * Reads a rules file.
 *
 * @param file `-` is standard input. Default: `fetchmesh.yaml`, then `rules.yaml`.
 * @returns `undefined` where none was named and there is none.
 */
export async function readRulesFile(file: string | undefined): Promise<RulesText | undefined> {
  if (file === '-') return { file, text: await readAll(process.stdin) };
  const candidates = file === undefined ? ['fetchmesh.yaml', 'rules.yaml'] : [file];
  for (const candidate of candidates) {
    try {
      return { file: candidate, text: await readFile(candidate, 'utf8') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || file !== undefined) {
        throw new UsageError(`cannot read ${candidate}: ${(error as Error).message}`);
      }
    }
  }
  return undefined;
}
