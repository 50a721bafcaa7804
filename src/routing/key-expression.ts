/**
 * Expressions for what tells callers apart: `ip`, `header:x-user-id`, `cookie:sid`, `jwt:sub` …
 *
 * @module
 */

import { clientAddress, networkOf, peerAddress } from '../core/address.ts';
import { boundedKey } from '../core/bounded-key.ts';
import { canonicalPath } from '../core/canonical-path.ts';
import { claims } from '../core/claims.ts';
import type { Context } from '../core/context.ts';
import { isFieldName } from '../core/header-field.ts';
import { urlOf } from '../core/url.ts';
import { RequestFacts, requestFacts } from './request-facts.ts';

/** Reads the key of a request, of bounded length; `undefined` where it has none. */
export type KeyReader = (facts: RequestFacts, context: Context) => string | undefined;

/** How many bits of an IPv6 address `ip` counts; `ip/56` counts others. */
const ipBits = 64;

/** The kinds of {@link compileKey}, for messages. */
export const keyKinds =
  'ip, ip/BITS, route, global, header:NAME, cookie:NAME, query:NAME, jwt:CLAIM, baggage:NAME';

/**
 * Compiles a key expression.
 *
 * @param routeName What `route` stands for.
 * @returns `undefined` where the text is no key expression.
 */
export function compileKey(expression: string, routeName: string): KeyReader | undefined {
  switch (expression) {
    case 'ip':
      return networkKey(ipBits);
    case 'route':
      return () => boundedKey(routeName);
    case 'global':
      return () => '*';
  }
  const [, bits] = /^ip\/(\d{1,3})$/.exec(expression) ?? [];
  if (bits !== undefined) return isIpBits(bits) ? networkKey(Number(bits)) : undefined;
  const [, kind, name] = /^(header|cookie|query|jwt|baggage):(.+)$/.exec(expression) ?? [];
  if (kind === undefined || name === undefined) return undefined;
  if (kind === 'header' && !isFieldName(name)) return undefined;
  switch (kind) {
    case 'header':
      return (facts) => bounded(facts.header(name));
    case 'cookie':
      return (facts) => bounded(facts.cookie(name));
    case 'query':
      return (facts) => bounded(facts.query(name));
    case 'baggage':
      return (facts) => bounded(facts.baggage(name));
    default:
      return (_, context) => {
        const all = context.get(claims);
        return all !== undefined && Object.hasOwn(all, name) ? claimText(all[name]) : undefined;
      };
  }
}

/** How many bits of an IPv6 address tell callers apart: no registry hands out less than a /32 to anyone. */
export function isIpBits(text: string): boolean {
  return /^[1-9]\d{1,2}$/.test(text) && 32 <= Number(text) && Number(text) <= 128;
}

function networkKey(bits: number): KeyReader {
  return (_, context) => {
    const address = context.get(clientAddress) ?? context.get(peerAddress);
    return address === undefined ? undefined : boundedKey(networkOf(address, bits));
  };
}

function bounded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : boundedKey(text);
}

/** Lists and objects tell nobody apart: as text they are all alike, or take apart what an issuer nested too deeply. */
function claimText(claim: unknown): string | undefined {
  switch (typeof claim) {
    case 'string':
      return boundedKey(claim);
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
    return boundedKey(joined);
  };
}

/**
 * A key function for policies: `rateLimit({ limit: 10, per: '1s', by: keyBy('cookie:sid') })`.
 *
 * @param expressions One or several, joined: callers share a key only where all of them are the same.
 * @param routeName What `route` stands for; without it requests have no such key.
 * @throws {TypeError} for what is no key expression.
 *
 * @example
 * ```ts
 * const by = keyBy('header:x-user-id');
 * const request = new Request('http://shop.example/', { headers: { 'x-user-id': 'ada' } });
 * by(request, Context.background()); // 'ada'
 * ```
 */
export function keyBy(
  expressions: string | readonly string[],
  routeName = '',
): (request: Request, context: Context) => string | undefined {
  const list = typeof expressions === 'string' ? [expressions] : expressions;
  const read = compileKeys(list, routeName);
  if (read === undefined) {
    throw new TypeError(
      `keyBy: ${JSON.stringify(expressions)} is not a key expression; there are ${keyKinds}`,
    );
  }
  return (request, context) => {
    const known = context.get(requestFacts);
    if (known !== undefined) return read(known, context);
    const url = urlOf(request);
    return read(new RequestFacts(request, url, canonicalPath(url.pathname) ?? ''), context);
  };
}
