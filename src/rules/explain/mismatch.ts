/**
 * Why a route does not take a request.
 *
 * @module
 */

import { type Claims, claimNamed } from '../../core/claims.ts';
import {
  allHold,
  type Condition,
  type ConditionSource,
  compileConditions,
  factValue,
} from '../../routing/conditions.ts';
import { parsePathPattern, type Segment } from '../../routing/path-pattern.ts';
import type { RequestFacts } from '../../routing/request-facts.ts';
import type { Route } from '../model.ts';
import { either } from '../quote.ts';

/** What it is about. */
export type MismatchCode = 'path' | 'host' | 'method' | ConditionSource;

/** The first thing that does not fit. */
export interface Mismatch {
  readonly code: MismatchCode;
  /** Such as `path ok; header x-tester missing, wanted "true"`. */
  readonly detail: string;
}

/** What is told of the request's values: they may be long. */
const longestShown = 60;

/**
 * Says why a route does not take a request; `undefined` where it does.
 *
 * The order is that in which a person looks: path, host, method, conditions. Of several `match` entries the one is told of
 * that fits best.
 */
export function mismatch(route: Route, facts: RequestFacts): Mismatch | undefined {
  const path = pathMismatch(route, facts.path);
  if (path !== undefined) return { code: 'path', detail: path };
  const detail = (text: string): string => `path ok; ${text}`;
  const { hosts = [], methods } = route;
  if (hosts.length > 0 && !hosts.some((host) => fitsHost(host, facts.hostname))) {
    return { code: 'host', detail: detail(`host ${facts.hostname}, wanted ${either(hosts)}`) };
  }
  if (methods !== undefined && !methods.includes(facts.method)) {
    return { code: 'method', detail: detail(`method ${facts.method}, wanted ${either(methods)}`) };
  }
  const issuer = route.auth?.jwt ?? '';
  const failing = route.match.map((entry) =>
    compileConditions(entry, issuer).filter((condition) => !allHold([condition], facts)),
  );
  if (failing.length === 0 || failing.some(({ length }) => length === 0)) return undefined;
  const [first] = failing.reduce((best, next) => (next.length < best.length ? next : best));
  const condition = first as Condition;
  return { code: condition.source, detail: detail(conditionMismatch(condition, facts)) };
}

function fitsHost(host: string, hostname: string): boolean {
  if (host === '*') return true;
  const name = host.toLowerCase();
  if (!name.startsWith('*.')) return name === hostname;
  return hostname.endsWith(name.slice(1)) && hostname.length > name.length - 1;
}

function pathMismatch({ path: pattern, trailingSlash }: Route, path: string): string | undefined {
  const parsed = parsePathPattern(pattern);
  if (parsed.kind === 'expression') {
    return parsed.expression.test(path)
      ? undefined
      : `path does not fit the expression ${pattern.slice(1)}`;
  }
  const { segments } = parsed;
  const texts = path.slice(1).split('/');
  const differs = segmentMismatch(segments, texts);
  if (differs === undefined || trailingSlash === 'strict') return differs;
  const last = segments.at(-1);
  const endsWithSlash = last?.kind === 'literal' && last.text === '' && segments.length > 1;
  const other = endsWithSlash
    ? segmentMismatch(segments.slice(0, -1), texts)
    : last?.kind === 'rest' || pattern === '/'
      ? differs
      : segmentMismatch([...segments, { kind: 'literal', text: '' }], texts);
  return other === undefined ? undefined : differs;
}

function segmentMismatch(
  segments: readonly Segment[],
  texts: readonly string[],
): string | undefined {
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'rest') return undefined;
    const text = texts[index];
    const where = `segment ${index + 1}`;
    if (text === undefined) return `path ends before ${where}`;
    if (segment.kind === 'literal' && segment.text !== text) {
      return `path differs at ${where}: ${shown(text)} is not ${shown(segment.text)}`;
    }
    if (segment.kind === 'one' && text === '') return `path differs at ${where}: it is empty`;
  }
  return texts.length > segments.length
    ? `path goes on after segment ${segments.length}: ${shown(`/${texts.slice(segments.length).join('/')}`)}`
    : undefined;
}

const words: Readonly<Record<ConditionSource, string>> = {
  headers: 'header',
  query: 'query parameter',
  cookies: 'cookie',
  baggage: 'baggage',
  claims: 'claim',
};

function conditionMismatch(
  { source, name, wanted, issuer }: Condition,
  facts: RequestFacts,
): string {
  const value =
    source === 'claims'
      ? claimText(issuer === undefined ? undefined : facts.claims?.get(issuer), name)
      : factValue(facts, source, name);
  const found = value === undefined ? 'missing' : `is ${shown(value)}`;
  return `${words[source]} ${name} ${found}, wanted ${wish(wanted)}`;
}

function claimText(claims: Claims | undefined, name: string): string | undefined {
  const value = claims && claimNamed(claims, name);
  return value === undefined
    ? undefined
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}

/** A match string in words. */
function wish(wanted: string): string {
  if (wanted === '*') return 'any value';
  if (wanted === '!*') return 'none';
  if (wanted.startsWith('~')) return `what fits ${wanted.slice(1)}`;
  if (wanted.startsWith('!')) return `anything but ${shown(wanted.slice(1))}`;
  if (wanted.endsWith('*')) return `what begins with ${shown(wanted.slice(0, -1))}`;
  return shown(wanted);
}

function shown(text: string): string {
  const cut = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return JSON.stringify(cut);
}
