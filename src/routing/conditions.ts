/**
 * Conditions on headers, query, cookies and baggage, in one small grammar.
 *
 * @module
 */

import { isHeaderName, type RequestFacts } from './request-facts.ts';

/** Where a condition looks. */
export type ConditionSource = 'headers' | 'query' | 'cookies' | 'baggage';

/** Match strings by name, for each place to look; all of them have to hold. */
export interface MatchConditions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly cookies?: Readonly<Record<string, string>> | undefined;
  readonly baggage?: Readonly<Record<string, string>> | undefined;
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
}

const sources: readonly ConditionSource[] = ['headers', 'query', 'cookies', 'baggage'];

/**
 * Compiles the conditions of one `match` entry: `"v"` equal, `"v*"` prefix, `"~re"` regular expression, `"*"` present,
 * `"!*"` absent, `"!v"` not equal (which an absent value is).
 *
 * @throws {SyntaxError} for an expression that does not compile.
 * @throws {RangeError} for a header that can have no such name, which no request could be asked for.
 */
export function compileConditions(conditions: MatchConditions): readonly Condition[] {
  return sources.flatMap((source) =>
    Object.entries(conditions[source] ?? {}).map(([name, wanted]) => {
      if (source === 'headers' && !isHeaderName(name)) {
        throw new RangeError(`match.headers: '${name}' is not the name of a header`);
      }
      return {
        source,
        name: source === 'headers' ? name.toLowerCase() : name,
        wanted,
        ...compileMatchString(wanted),
      };
    }),
  );
}

function compileMatchString(wanted: string): Pick<Condition, 'equals' | 'holds'> {
  if (wanted === '*') return { equals: undefined, holds: (value) => value !== undefined };
  if (wanted === '!*') return { equals: undefined, holds: (value) => value === undefined };
  if (wanted.startsWith('~')) {
    const expression = new RegExp(wanted.slice(1), 'u');
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
  }
}

/** Whether all conditions of one entry hold. */
export function allHold(conditions: readonly Condition[], facts: RequestFacts): boolean {
  return conditions.every(({ source, name, holds }) => holds(factValue(facts, source, name)));
}
