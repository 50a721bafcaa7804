/**
 * Conditions on headers, query, cookies, baggage and claims, in one small grammar.
 *
 * @module
 */

import { type Claims, claimNamed, claimTexts } from '../core/claims.ts';
import { isFieldName } from '../core/header-field.ts';
import { searchExpression } from './expression.ts';
import type { RequestFacts } from './request-facts.ts';

/** Where a condition looks. */
export type ConditionSource = 'headers' | 'query' | 'cookies' | 'baggage' | 'claims';

/** Match strings by name, for each place to look; all of them have to hold. */
export interface MatchConditions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly cookies?: Readonly<Record<string, string>> | undefined;
  readonly baggage?: Readonly<Record<string, string>> | undefined;
  /** Of the verified token, by name; dots lead into objects. A list fits where one of its entries does. */
  readonly claims?: Readonly<Record<string, string>> | undefined;
}

/** One condition, compiled. */
export interface Condition {
  readonly source: ConditionSource;
  readonly name: string;
  /** As written. */
  readonly wanted: string;
  /** The one value that fits, where the condition asks for equality: what an index can be built on. */
  readonly equals: string | undefined;
  holds(value: string | undefined): boolean;
  /** Of a claim: whose token is looked into. Absent: the one of the context. */
  readonly issuer?: string | undefined;
}

const sources: readonly ConditionSource[] = ['headers', 'query', 'cookies', 'baggage', 'claims'];

/**
 * Compiles the conditions of one `match` entry: `"v"` equal, `"v*"` prefix, `"~re"` regular expression, `"*"` present,
 * `"!*"` absent, `"!v"` not equal (which an absent value is).
 *
 * @param issuer Whose token conditions on claims look into, as `RequestFacts` names it.
 * @throws {SyntaxError} for an expression that does not compile.
 * @throws {RangeError} for a header that can have no such name, which no request could be asked for.
 */
export function compileConditions(
  conditions: MatchConditions,
  issuer?: string,
): readonly Condition[] {
  return sources.flatMap((source) =>
    Object.entries(conditions[source] ?? {}).map(([name, wanted]) => {
      if (source === 'headers' && !isFieldName(name)) {
        throw new RangeError(`match.headers: '${name}' is not the name of a header`);
      }
      return {
        source,
        name: source === 'headers' ? name.toLowerCase() : name,
        wanted,
        ...compileMatchString(wanted),
        // A claim may be a list: no single value is equal to it.
        ...(source === 'claims' && { equals: undefined, issuer }),
      };
    }),
  );
}

function compileMatchString(wanted: string): Pick<Condition, 'equals' | 'holds'> {
  if (wanted === '*') return { equals: undefined, holds: (value) => value !== undefined };
  if (wanted === '!*') return { equals: undefined, holds: (value) => value === undefined };
  if (wanted.startsWith('~')) {
    const expression = searchExpression(wanted.slice(1));
    return {
      equals: undefined,
      holds: (value) => value !== undefined && expression.test(value),
    };
  }
  if (wanted.startsWith('!')) {
    const unwanted = wanted.slice(1);
    return { equals: undefined, holds: (value) => value !== unwanted };
  }
  if (wanted.endsWith('*')) {
    const prefix = wanted.slice(0, -1);
    return { equals: undefined, holds: (value) => value?.startsWith(prefix) ?? false };
  }
  return { equals: wanted, holds: (value) => value === wanted };
}

/** What a condition looks at. */
export function factValue(
  facts: RequestFacts,
  source: ConditionSource,
  name: string,
): string | undefined {
  switch (source) {
    case 'headers':
      return facts.header(name);
    case 'query':
      return facts.query(name);
    case 'cookies':
      return facts.cookie(name);
    case 'baggage':
      return facts.baggage(name);
    case 'claims':
      return undefined;
  }
}

/**
 * Whether all conditions of one entry hold.
 *
 * @param own What conditions on claims look into that name no issuer.
 */
export function allHold(
  conditions: readonly Condition[],
  facts: RequestFacts,
  own?: Claims,
): boolean {
  for (const condition of conditions) {
    const { source, name, holds, issuer } = condition;
    const does =
      source === 'claims'
        ? holdsOfClaim(condition, issuer === undefined ? own : facts.claims?.get(issuer))
        : holds(factValue(facts, source, name));
    if (!does) return false;
  }
  return true;
}

function holdsOfClaim({ name, wanted, holds }: Condition, claims: Claims | undefined): boolean {
  const isWords = name === 'scope' || name === 'permission';
  const texts = claims === undefined ? [] : claimTexts(claimNamed(claims, name), isWords);
  if (texts.length === 0) return holds(undefined);
  return wanted.startsWith('!') ? texts.every(holds) : texts.some(holds);
}
