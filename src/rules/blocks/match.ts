/**
 * Conditions of a route on headers, query, cookies and baggage.
 *
 * @module
 */

import type * as z from 'zod';
import { checkRegularExpression } from '../regular-expression.ts';
import { asList, block, type Named, named, oneOrMore, Refusal, text } from '../shape.ts';
import { later } from './later.ts';
import { baggageKey, claimName, cookieName, headerName, parameterName } from './names.ts';
import { expressionProblem } from './path.ts';

/** A match string; see `compileConditions`. */
const matchString: z.ZodType<string> = text({
  expected: 'text',
  otherKind: ({ kind, written }, { key, isSecret }) =>
    kind === 'text'
      ? undefined
      : {
          code: 'FM012',
          message: `${key} is compared with text`,
          label:
            kind === 'nothing'
              ? 'this is nothing'
              : `this is ${kind === 'number' ? 'a number' : 'true or false'}`,
          help:
            kind === 'nothing'
              ? 'write "" for empty, "!*" for absent'
              : `quote it${isSecret ? '' : `: "${written}"`}`,
          ...(!isSecret && kind !== 'nothing' && { fix: `"${written}"` }),
        },
  read(value) {
    if (!value.startsWith('~')) return value;
    const fault = checkRegularExpression(value.slice(1));
    return fault === undefined ? value : new Refusal((site) => expressionProblem(fault, site));
  },
});

/** As written. */
export interface MatchBlock {
  readonly headers?: Named<string>;
  readonly query?: Named<string>;
  readonly cookies?: Named<string>;
  readonly baggage?: Named<string>;
  readonly claims?: Named<string>;
}

const matchBlock: z.ZodType<MatchBlock> = block<MatchBlock>(
  { title: '`match`', later: later.match },
  {
    headers: named(headerName, matchString),
    query: named(parameterName, matchString),
    cookies: named(cookieName, matchString),
    baggage: named(baggageKey, matchString),
    claims: named(claimName, matchString),
  },
);

/** One set of conditions, or several of which one has to hold. */
export const match: z.ZodType<MatchBlock | readonly MatchBlock[]> = oneOrMore(matchBlock);

/**
 * The entries of which one has to hold; empty for a route without conditions.
 *
 * An entry that asks for nothing always holds, and with it the whole list.
 */
export function resolveMatch(written: MatchBlock | readonly MatchBlock[]): readonly MatchBlock[] {
  const entries = asList(written);
  if (entries.some((entry) => Object.keys(entry).length === 0)) return [];
  return entries.map(({ headers, ...others }) => ({
    ...(headers !== undefined && { headers: inLowerCase(headers) }),
    ...others,
  }));
}

function inLowerCase(headers: Named<string>): Named<string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, wanted]) => [name.toLowerCase(), wanted]),
  );
}

/** A sign in a match string that has no special meaning where it stands, or `undefined`. */
export function strayMatchSign(wanted: string): string | undefined {
  if (wanted.startsWith('~') || wanted === '*' || wanted === '!*') return undefined;
  const value = wanted.startsWith('!') ? wanted.slice(1) : wanted;
  if (wanted.startsWith('!') && /^[~!]/.test(value)) return value[0];
  const withoutPrefixSign = wanted.startsWith('!') ? value : value.replace(/\*$/, '');
  return withoutPrefixSign.includes('*') ? '*' : undefined;
}
