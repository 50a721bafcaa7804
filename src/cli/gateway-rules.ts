/**
 * Rules for the verbs that hand them on to gateways: all of it has to be carried out.
 *
 * @module
 */

import process from 'node:process';
import type { Rules } from '../rules/model.ts';
import { parseRules } from '../rules/parse.ts';
import { renderDiagnostics } from '../rules/render.ts';
import { readRulesFile } from './rules-file.ts';
import { looksOf } from './terminal.ts';
import { UsageError } from './usage.ts';

/**
 * Reads rules, and says what is wrong with them or worth a second look.
 *
 * @param file Default: `fetchmesh.yaml`, then `rules.yaml`.
 * @param environment Whose overlay is read too.
 * @param target Who is going to carry them out, where that is known.
 * @returns `undefined` where they are wrong.
 * @throws {UsageError} where there is no such file.
 */
export async function readGatewayRules(
  file: string | undefined,
  environment: string | undefined,
  target?: 'worker',
): Promise<Rules | undefined> {
  const source = await readRulesFile(file, environment);
  if (source === undefined) {
    throw new UsageError('no rules: give a file with -f, or write fetchmesh.yaml');
  }
  const { rules, diagnostics } = parseRules(source.text, {
    ...source,
    environment: process.env,
    mode: 'gateway',
    ...(target && { target }),
  });
  if (diagnostics.length > 0) {
    console.error(renderDiagnostics(diagnostics, source, looksOf(process.stderr)));
  }
  return rules;
}
