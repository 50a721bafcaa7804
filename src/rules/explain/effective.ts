/**
 * What is in force on a route, and where it is written.
 *
 * @module
 */

import { formatDuration } from '../../core/duration.ts';
import type {
  BreakerRule,
  BudgetRule,
  Hedge,
  RateLimitRule,
  Retries,
  Route,
  RouteAuth,
  Sticky,
} from '../model.ts';
import type { Path } from '../nodes.ts';
import type { Positions } from '../positions.ts';
import { printable } from '../quote.ts';
import { secretSpans } from '../secrets.ts';
import type { SourceText } from '../source.ts';

/** A block of a route. */
export interface Effective {
  /** As in the file: `rate_limit`. */
  readonly key: string;
  /** Such as `100 per 1m, burst 20, by jwt:sub`. */
  readonly value: string;
  readonly origin: Origin;
}

/** Where a block is written. */
export interface Origin {
  readonly place: 'route' | 'defaults';
  /** Counted from 1. */
  readonly line: number;
  /** The file of that line, where the rules are of several files. */
  readonly file?: string;
}

/** The longest that is shown of a block as it is written. */
const longestShown = 70;

/** Blocks of a route in the words of the rules language, by key: those that can be told without how they are written. */
export function blockWords(route: Route): ReadonlyMap<string, string> {
  const { sticky, retries, hedge, breaker, rateLimits, auth } = route;
  const words = {
    sticky: sticky && stickyText(sticky),
    timeout: timeoutText(route),
    retries: retries && retriesText(retries, true),
    hedge: hedge && hedgeText(hedge),
    breaker: breaker && breakerText(breaker),
    rate_limit: rateLimits?.map(rateLimitText).join('; '),
    auth: auth && authText(auth, undefined),
  };
  return new Map(Object.entries(words).filter((entry): entry is [string, string] => !!entry[1]));
}

/** All blocks of a route that are in force. */
export function effectiveBlocks(
  route: Route,
  index: number,
  positions: Positions,
  source: SourceText,
): readonly Effective[] {
  const routePath: Path = ['routes', index];

  function placeOf(key: string): Path | undefined {
    return [
      [...routePath, key],
      ['defaults', key],
    ].find((path) => positions.has(path));
  }
  function block(key: string, value: string | undefined): readonly Effective[] {
    const path = placeOf(key);
    if (path === undefined || value === undefined) return [];
    const { file, range } = source.place(positions.key(path));
    const place = path.length === 3 ? 'route' : 'defaults';
    const origin = { place, line: range.line, ...(source.isSeveral && { file }) } as const;
    return [{ key, value, origin }];
  }
  /** As it stands there, on one line. */
  function writtenText(path: Path): string | undefined {
    return positions.has(path) ? textOf(source, positions.value(path)) : undefined;
  }
  function written(key: string, isInForce: boolean): readonly Effective[] {
    return isInForce ? block(key, writtenText(placeOf(key) ?? [...routePath, key])) : [];
  }
  /** Whether somebody has written how long to wait between tries, in either form of the block. */
  function hasBackoff(): boolean {
    const places = [routePath, placeOf('retries') ?? routePath];
    const keys = ['backoff', 'base_delay', 'max_delay', 'jitter'];
    return places.some((path) => keys.some((key) => positions.has([...path, key])));
  }
  const { dryRun } = route;
  const { retries, hedge, breaker, throttle, bulkhead, rateLimits, shed, auth } = route;
  return [
    ...block('timeout', timeoutText(route)),
    ...written('deadline', route.deadline !== undefined),
    ...block('retries', retries && retriesText(retries, hasBackoff())),
    ...block('hedge', hedge && hedgeText(hedge)),
    ...block('breaker', breaker && breakerText(breaker)),
    ...written('throttle', throttle !== undefined),
    ...written('bulkhead', bulkhead !== undefined),
    ...block('rate_limit', rateLimits?.map(rateLimitText).join('; ') || undefined),
    ...written('shed', shed !== undefined),
    ...block('auth', auth && authText(auth, writtenText([...(placeOf('auth') ?? []), 'allow']))),
    ...written('allow', (route.allow ?? dryRun?.allow) !== undefined),
    ...written('deny', (route.deny ?? dryRun?.deny) !== undefined),
    ...written('authorizer', route.authorizer !== undefined),
    ...written('limits', route.limits !== undefined),
    ...written('fault', route.fault !== undefined),
    ...written('mirror', route.mirror !== undefined),
    ...written('fallback', route.fallback !== undefined),
    ...written('headers', route.headers !== undefined),
    ...written('rewrite', route.rewrite !== undefined),
    ...written('redirect', route.redirect !== undefined),
    ...written('respond', route.respond !== undefined),
  ];
}

function textOf(
  source: SourceText,
  span: { readonly start: number; readonly end: number },
): string {
  const { line, column, endLine, endColumn } = source.range(span);
  const lines = source.partAt(span.start).source.text.split('\n');
  const parts: string[] = [];
  for (let number = line; number <= endLine; number++) {
    const text = lines[number - 1] ?? '';
    // By UTF-16 units, as columns count.
    const masked = text.split('');
    for (const { start, end } of secretSpans(lines, number - 1)) masked.fill('*', start, end);
    const end = number === endLine ? endColumn - 1 : masked.length;
    parts.push(
      masked
        .slice(number === line ? column - 1 : 0, end)
        .join('')
        .trim(),
    );
  }
  const joined = printable(parts.filter(Boolean).join(' '));
  return joined.length > longestShown ? `${joined.slice(0, longestShown)}…` : joined;
}

function stickyText({ by, ttlMs }: Sticky): string {
  return `by ${by.join(' and ')}, ${formatDuration(ttlMs)}`;
}

function timeoutText({ timeoutMs, timeoutBody }: Route): string | undefined {
  if (timeoutMs === undefined) return undefined;
  return `${durationOrOff(timeoutMs)}${timeoutBody && timeoutMs > 0 ? ', body included' : ''}`;
}

function durationOrOff(milliseconds: number): string {
  return milliseconds === 0 ? 'off' : formatDuration(milliseconds);
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}

function retriesText(retries: Retries, hasBackoff: boolean): string {
  const { max, backoff, baseDelayMs, maxDelayMs, retryOn, perTryMs, budget, unsafeMethods } =
    retries;
  if (max === 0) return 'off';
  const parts = [
    retryOn?.join(' '),
    hasBackoff && `${backoff} ${formatDuration(baseDelayMs)} to ${formatDuration(maxDelayMs)}`,
    perTryMs !== undefined && `per try ${formatDuration(perTryMs)}`,
    budget !== undefined && budgetText(budget),
    unsafeMethods !== 'never' && `unsafe methods ${unsafeMethods}`,
  ];
  return [String(max), ...parts.filter(Boolean)].join(', ');
}

function authText({ jwt, optional }: RouteAuth, allow: string | undefined): string {
  return [`jwt ${jwt}`, optional && 'optional', allow && `allow ${allow}`]
    .filter(Boolean)
    .join(', ');
}

function budgetText({ ratio, ttlMs, minPerSecond, shared }: BudgetRule): string {
  const parts = [
    percent(ratio),
    ttlMs !== 10_000 && `within ${formatDuration(ttlMs)}`,
    minPerSecond !== 1 && `${minPerSecond} per second beyond`,
    shared && 'shared',
  ];
  return `budget ${parts.filter(Boolean).join(' ')}`;
}

function hedgeText({ max, delay, budget }: Hedge): string {
  return `${max} after ${delay}${budget === undefined ? '' : `, ${budgetText(budget)}`}`;
}

function rateLimitText({ limit, perMs, burst, by, enforce, mode, cost }: RateLimitRule): string {
  const watched = enforce ? '' : ', only watched';
  const taken = cost === undefined ? '' : `, ${cost} a request`;
  const kept = mode === undefined ? '' : `, ${mode}`;
  return `${limit} per ${formatDuration(perMs)}, burst ${burst}, by ${by.join(' and ')}${taken}${kept}${watched}`;
}

function breakerText(rule: BreakerRule): string {
  const { failures, errorRate, slowRate, slowAfterMs, minRequests, windowMs, lastRequests } = rule;
  const over =
    lastRequests === undefined
      ? `in ${formatDuration(windowMs ?? 0)}`
      : `of the last ${lastRequests}`;
  const parts = [
    failures !== undefined && `${failures} failures in a row`,
    errorRate !== undefined && `${percent(errorRate)} of >=${minRequests} ${over}`,
    slowRate !== undefined &&
      `${percent(slowRate)} slower than ${formatDuration(slowAfterMs ?? 0)} of >=${minRequests} ${over}`,
    `open ${formatDuration(rule.openForMs)}`,
    rule.mode !== 'on' && rule.mode,
  ];
  return parts.filter(Boolean).join(', ');
}
