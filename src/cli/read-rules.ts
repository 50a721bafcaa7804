/**
 * Rules for the verbs that look at them.
 *
 * @module
 */

import process from 'node:process';
import type { RulesTexts } from '../rules/files.ts';
import type { Rules } from '../rules/model.ts';
import { parseRules } from '../rules/parse.ts';
import { renderDiagnostics } from '../rules/render.ts';
import { missingRules, readRulesFile } from './rules-file.ts';
import { looksOf } from './terminal.ts';
import { UsageError } from './usage.ts';

/** Files that can be used, with what is in them. */
export interface ReadRules {
  readonly file: string;
  readonly text: RulesTexts;
  readonly rules: Rules;
}

/**
 * Reads rules to be looked at, not to be served: blocks that this version does not have are left out, unless it is asked
 * whether a gateway could do with them.
 *
 * @param file Default: `fetchmesh.yaml`, then `rules.yaml`.
 * @param environment Whose overlay is read too. Default: none.
 * @param mode For whom they have to do. Default: for a library.
 * @returns `undefined` where they are wrong; what is wrong was said then.
 * @throws {UsageError} where there is no such file.
 */
export async function readRules(
  file: string | undefined,
  upstream?: string | undefined,
  environment?: string | undefined,
  mode: 'library' | 'gateway' = 'library',
): Promise<ReadRules | undefined> {
  const source = await readRulesFile(file, environment);
  if (source === undefined) throw new UsageError(missingRules);
  const { rules, diagnostics } = parseRules(source.text, {
    ...source,
    environment: process.env,
    mode,
    ...(mode === 'library' && { unavailable: 'warning' as const }),
    ...(upstream !== undefined && { upstream }),
  });
  if (rules !== undefined) return { file: source.file, text: source, rules };
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  console.error(renderDiagnostics(errors, source, looksOf(process.stderr)));
  return undefined;
}
