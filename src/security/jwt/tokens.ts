/**
 * Finding tokens in requests, and taking them off again.
 *
 * @module
 */

import type { Context } from '../../core/context.ts';
import { cookiesIn, withoutCookies } from '../../core/cookies.ts';
import { removeHeader, setHeader } from '../../core/outgoing.ts';
import { urlOf } from '../../core/url.ts';
import type { Issuer, TokenLocations } from './options.ts';

/** A token, and the issuers who look at the place where it was. */
export interface FoundToken {
  readonly text: string;
  readonly issuers: readonly Issuer[];
}

/** No caller needs more; each costs a signature. */
const mostTokens = 4;

/**
 * All tokens of a request, each once.
 *
 * @returns `undefined` where there are too many.
 */
export function tokensOf(
  request: Request,
  issuers: readonly Issuer[],
): readonly FoundToken[] | undefined {
  const found = new Map<string, Issuer[]>();
  for (const issuer of issuers) {
    for (const text of textsAt(request, issuer.from)) {
      const known = found.get(text);
      if (known === undefined) found.set(text, [issuer]);
      else if (!known.includes(issuer)) known.push(issuer);
      if (found.size > mostTokens) return undefined;
    }
  }
  return Array.from(found, ([text, issuers]) => ({ text, issuers }));
}

function* textsAt(request: Request, from: Required<TokenLocations>): Iterable<string> {
  for (const { name, prefix = '' } of from.headers) {
    const value = request.headers.get(name);
    if (value === null || value.length <= prefix.length || !hasPrefix(value, prefix)) continue;
    yield value.slice(prefix.length);
  }
  if (from.cookies.length > 0) {
    for (const [name, value] of cookiesIn(request.headers.get('cookie') ?? '')) {
      if (value !== '' && from.cookies.includes(name)) yield value;
    }
  }
  for (const name of from.query) {
    for (const value of urlOf(request).searchParams.getAll(name)) if (value !== '') yield value;
  }
}

/** Whatever the case, and whichever blank: upstreams may split at any. */
function hasPrefix(value: string, prefix: string): boolean {
  return plain(value.slice(0, prefix.length)) === plain(prefix);
}

function plain(text: string): string {
  return text.replaceAll('\t', ' ').toLowerCase();
}

/** The request as the upstream may see it, where tokens are not for it. */
export interface Stripped {
  readonly context: Context;
  /** Set where a token was in the query. */
  readonly url: URL | undefined;
}

/** Takes off what stands in the places of these issuers' tokens, whether or not it is a token. */
export function stripTokens(
  request: Request,
  context: Context,
  issuers: readonly Issuer[],
): Stripped {
  let stripped = context;
  const cookieNames: string[] = [];
  const parameters: string[] = [];
  for (const { forward, from } of issuers) {
    if (forward) continue;
    for (const { name, prefix = '' } of from.headers) {
      const value = request.headers.get(name);
      // `Authorization: Basic` is somebody else's.
      if (value === null || !hasPrefix(value, prefix)) continue;
      stripped = removeHeader(stripped, name);
    }
    cookieNames.push(...from.cookies);
    parameters.push(...from.query);
  }
  const cookies = request.headers.get('cookie');
  if (cookies !== null && cookieNames.length > 0) {
    const kept = withoutCookies(cookies, cookieNames);
    if (kept !== cookies) {
      stripped =
        kept === '' ? removeHeader(stripped, 'cookie') : setHeader(stripped, 'cookie', kept);
    }
  }
  const { searchParams, href } = urlOf(request);
  if (!parameters.some((name) => searchParams.has(name)))
    return { context: stripped, url: undefined };
  const url = new URL(href);
  for (const name of parameters) url.searchParams.delete(name);
  return { context: stripped, url };
}
