/**
 * Rules for the verbs that look at them.
 *
 * @module
 */

import process from 'node:process';
import type { Rules } from '../rules/model.ts';
import { parseRules } from '../rules/parse.ts';
import { renderDiagnostics } from '../rules/render.ts';
import { type RulesText, readRulesFile } from './rules-file.ts';
import { wantsColor } from './terminal.ts';
import { UsageError } from './usage.ts';

/** A file that can be used, with what is in it. */
export interface ReadRules extends RulesText {
  readonly rules: Rules;
}

/**
 * Reads rules to be looked at, not to be served: blocks that this version does not have are left out.
 *
 * @param file Default: `fetchmesh.yaml`, then `rules.yaml`.
 * @returns `undefined` where they are wrong; what is wrong was said then.
 * @throws {UsageError} where there is no such file.
 */
export async function readRules(
  file: string | undefined,
  upstream?: string | undefined,
): Promise<ReadRules | undefined> {
  const source = await readRulesFile(file);
  if (source === undefined) throw new UsageError('no rules: name a file, or write fetchmesh.yaml');
  const { rules, diagnostics } = parseRules(source.text, {
    file: source.file,
    environment: process.env,
    mode: 'library',
    unavailable: 'warning',
    ...(upstream !== undefined && { upstream }),
  });
  if (rules !== undefined) return { ...source, rules };
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  console.error(renderDiagnostics(errors, source.text, { color: wantsColor(process.stderr) }));
  return undefined;
}
