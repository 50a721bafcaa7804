/**
 * Rules behind a URL.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import process from 'node:process';
import { httpRules } from '../rules/sources/http.ts';
import type { RulesSource } from '../rules/sources/source.ts';
import { followedOrigin } from './followed-origin.ts';
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
    source = httpRules(url, token ? { headers: { authorization: `Bearer ${token}` } } : {});
  } catch (error) {
    throw new UsageError(`--rules: ${(error as Error).message.replace(/^httpRules: /, '')}`);
  }
  return followedOrigin({
    cache,
    pollMs: 10_000,
    missing: `no rules at ${source.name}`,
    open: async () => ({ source }),
    // Revisions of a URL are counted by each process for itself: the content says more.
    nameOf: (rules) =>
      createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 12),
  });
}
