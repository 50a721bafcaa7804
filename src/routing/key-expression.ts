/**
 * Expressions for what tells callers apart: `ip`, `header:x-user-id`, `cookie:sid`, `jwt:sub` …
 *
 * @module
 */

import { peerAddress } from '../core/address.ts';
import { claims } from '../core/claims.ts';
import type { Context } from '../core/context.ts';
import { isHeaderName, type RequestFacts } from './request-facts.ts';

/** Reads the key of a request; `undefined` where it has none. */
export type KeyReader = (facts: RequestFacts, context: Context) => string | undefined;

/** The longest part of a key, in characters: clients choose them, and keys are kept in maps. */
const longestPart = 256;

/** The kinds of {@link compileKey}, for messages. */
export const keyKinds =
  'ip, route, global, header:NAME, cookie:NAME, query:NAME, jwt:CLAIM, baggage:NAME';

/**
 * Compiles a key expression.
 *
 * @param routeName What `route` stands for.
 * @returns `undefined` where the text is no key expression.
 */
export function compileKey(expression: string, routeName: string): KeyReader | undefined {
  switch (expression) {
    case 'ip':
      return (_, context) => context.get(peerAddress);
    case 'route':
      return () => routeName;
    case 'global':
      return () => '';
  }
  const [, kind, name] = /^(header|cookie|query|jwt|baggage):(.+)$/.exec(expression) ?? [];
  if (kind === undefined || name === undefined) return undefined;
  if (kind === 'header' && !isHeaderName(name)) return undefined;
  switch (kind) {
    case 'header':
      return (facts) => facts.header(name)?.slice(0, longestPart);
    case 'cookie':
      return (facts) => facts.cookie(name)?.slice(0, longestPart);
    case 'query':
      return (facts) => facts.query(name)?.slice(0, longestPart);
    case 'baggage':
      return (facts) => facts.baggage(name)?.slice(0, longestPart);
    default:
      return (_, context) => {
        const all = context.get(claims);
        return all !== undefined && Object.hasOwn(all, name) ? claimText(all[name]) : undefined;
      };
  }
}

/** Lists and objects tell nobody apart: as text they are all alike, or take apart what an issuer nested too deeply. */
function claimText(claim: unknown): string | undefined {
  switch (typeof claim) {
    case 'string':
      return claim.slice(0, longestPart);
    case 'number':
    case 'boolean':
      return String(claim);
    default:
      return undefined;
  }
}

/**
 * Compiles a list of key expressions to one reader: their values joined, with the length of each in front, so that no
 * two callers share a key by accident.
 *
 * @returns `undefined` where one of the texts is no key expression, or there is none: all callers would share a key.
 */
export function compileKeys(
  expressions: readonly string[],
  routeName: string,
): KeyReader | undefined {
  const readers: KeyReader[] = [];
  for (const expression of expressions) {
    const reader = compileKey(expression, routeName);
    if (reader === undefined) return undefined;
    readers.push(reader);
  }
  const [only] = readers;
  if (readers.length <= 1) return only;
  return (facts, context) => {
    let joined = '';
    for (const reader of readers) {
      const part = reader(facts, context);
      if (part === undefined) return undefined;
      joined += `${part.length}:${part}`;
    }
    return joined;
  };
}
