/**
 * Rules behind a URL.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import process from 'node:process';
import { systemClock } from '../core/clock.ts';
import { inSlices, type Steps } from '../core/steps.ts';
import type { Rules } from '../rules/model.ts';
import { httpRules } from '../rules/sources/http.ts';
import { jsonPieces } from '../rules/sources/json-pieces.ts';
import type { RulesSource } from '../rules/sources/source.ts';
import { followedOrigin } from './followed-origin.ts';
import { readCompiledAside } from './load-rules.ts';
import type { RulesOrigin } from './rules-origin.ts';
import { UsageError } from './usage.ts';

/** Whether it is the URL of rules and not a file. */
export function isHttpUrl(rules: string | undefined): rules is string {
  return rules !== undefined && /^https?:/i.test(rules);
}

/** Rules of a URL; nothing is asked of it yet. @throws {UsageError} for a URL that rules cannot come from. */
export function httpOrigin(
  url: string,
  { cache }: { readonly cache: string | undefined },
): RulesOrigin {
  const token = process.env['FETCHMESH_RULES_TOKEN'];
  let source: RulesSource;
  try {
    source = httpRules(url, {
      read: readCompiledAside,
      ...(token && { headers: { authorization: `Bearer ${token}` } }),
    });
  } catch (error) {
    throw new UsageError(`--rules: ${(error as Error).message.replace(/^httpRules: /, '')}`);
  }
  return followedOrigin({
    cache,
    pollMs: 10_000,
    missing: `no rules at ${source.name}`,
    open: async () => ({ source }),
    // Revisions of a URL are counted by each process for itself: the content says more.
    nameOf: (rules) => inSlices(digestOf(rules), { clock: systemClock }),
  });
}

/** The first twelve digits of the content's SHA-256. */
function* digestOf(rules: Rules): Steps<string> {
  const hash = createHash('sha256');
  for (const piece of jsonPieces(rules)) {
    hash.update(piece);
    yield;
  }
  return hash.digest('hex').slice(0, 12);
}
