/**
 * Rules for the verbs that hand them on to gateways: all of it has to be carried out.
 *
 * @module
 */

import process from 'node:process';
import type { Rules } from '../rules/model.ts';
import { parseRules } from '../rules/parse.ts';
import { renderDiagnostics } from '../rules/render.ts';
import { missingRules, readRulesFile } from './rules-file.ts';
import { looksOf } from './terminal.ts';
import { UsageError } from './usage.ts';

/** Settings of {@link readGatewayRules}. */
export interface GatewayRulesOptions {
  /** Who is going to carry them out, where that is known. */
  readonly target?: 'worker';
  /** Where requests go that no rule sends elsewhere. Default: nowhere. */
  readonly upstream?: string | undefined;
}

/**
 * Reads rules, and says what is wrong with them or worth a second look.
 *
 * @param file Default: `fetchmesh.yaml`, then `rules.yaml`.
 * @param environment Whose overlay is read too.
 * @returns `undefined` where they are wrong.
 * @throws {UsageError} where there is no such file.
 */
export async function readGatewayRules(
  file: string | undefined,
  environment: string | undefined,
  { target, upstream }: GatewayRulesOptions = {},
): Promise<Rules | undefined> {
  const source = await readRulesFile(file, environment);
  if (source === undefined) {
    throw new UsageError(missingRules);
  }
  const { rules, diagnostics } = parseRules(source.text, {
    ...source,
    environment: process.env,
    mode: 'gateway',
    ...(target && { target }),
    ...(upstream !== undefined && { upstream }),
  });
  if (diagnostics.length > 0) {
    console.error(renderDiagnostics(diagnostics, source, looksOf(process.stderr)));
  }
  return rules;
}
