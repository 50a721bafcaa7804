/**
 * Blocks of a route in a few words. What is as it is without being written is left out.
 *
 * @module
 */

import { formatDuration } from '../../core/duration.ts';
import { defaultReplayBytes } from '../../core/replay.ts';
import { defaultMinSamples } from '../../policies/hedge.ts';
import type {
  BreakerRule,
  BudgetRule,
  HalfOpenRule,
  Hedge,
  RateLimitRule,
  Retries,
  Route,
  RouteAuth,
  Sticky,
} from '../model.ts';
import { accessText } from './access-words.ts';

/** Blocks in the words of the rules language, by key: those that can be told without how they are written. */
export function blockWords(route: Route): ReadonlyMap<string, string> {
  const { sticky, retries, hedge, breaker, rateLimits, auth, allow, deny, dryRun } = route;
  const words = {
    sticky: sticky && stickyText(sticky),
    timeout: timeoutText(route),
    retries: retries && retriesText(retries),
    hedge: hedge && hedgeText(hedge),
    breaker: breaker && breakerText(breaker),
    rate_limit: rateLimits?.map(rateLimitText).join('; '),
    auth: auth && authText(auth),
    allow: accessText(allow, dryRun?.allow),
    deny: accessText(deny, dryRun?.deny),
  };
  return new Map(Object.entries(words).filter((entry): entry is [string, string] => !!entry[1]));
}

function joined(parts: readonly (string | false | undefined)[]): string {
  return parts.filter(Boolean).join(', ');
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}

function stickyText({ by, ttlMs }: Sticky): string {
  return `by ${by.join(' and ')}, ${formatDuration(ttlMs)}`;
}

function timeoutText({ timeoutMs, timeoutBody }: Route): string | undefined {
  if (timeoutMs === undefined) return undefined;
  if (timeoutMs === 0) return 'off';
  return joined([formatDuration(timeoutMs), timeoutBody && 'body included']);
}

function retriesText(retries: Retries): string {
  const { max, retryOn, retriableHeaders, perTryMs, budget, unsafeMethods, maxReplayBytes } =
    retries;
  if (max === 0) return 'off';
  return joined([
    String(max),
    retryOn?.join(' '),
    retriableHeaders && `or with the header ${retriableHeaders.join(' ')}`,
    backoffText(retries),
    perTryMs !== undefined && `per try ${formatDuration(perTryMs)}`,
    budget && budgetText(budget),
    unsafeMethods !== 'never' && `unsafe methods ${unsafeMethods}`,
    replayText(maxReplayBytes),
  ]);
}

function backoffText({ backoff, baseDelayMs, maxDelayMs, jitter }: Retries): string | undefined {
  const isUsual = backoff === 'exponential' && baseDelayMs === 100 && maxDelayMs === 1_000;
  if (isUsual && jitter === 'full') return undefined;
  const delays = `${backoff} ${formatDuration(baseDelayMs)} to ${formatDuration(maxDelayMs)}`;
  return jitter === 'full' ? delays : `${delays}, jitter ${jitter}`;
}

function replayText(bytes: number | undefined): string | undefined {
  if (bytes === undefined || bytes === defaultReplayBytes) return undefined;
  return `bodies of at most ${bytes} bytes`;
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

function hedgeText({
  max,
  delay,
  minSamples,
  budget,
  unsafeMethods,
  maxReplayBytes,
}: Hedge): string {
  return joined([
    `${max} after ${delay}`,
    minSamples !== undefined &&
      minSamples !== defaultMinSamples &&
      `${minSamples} requests watched first`,
    budget && budgetText(budget),
    unsafeMethods !== 'never' && `unsafe methods ${unsafeMethods}`,
    replayText(maxReplayBytes),
  ]);
}

function breakerText(rule: BreakerRule): string {
  const { failures, errorRate, slowRate, slowAfterMs, minRequests, windowMs, lastRequests } = rule;
  const { bucketMs, openForMs, maxOpenForMs } = rule;
  const over =
    lastRequests === undefined
      ? `in ${formatDuration(windowMs ?? 0)}`
      : `of the last ${lastRequests}`;
  return joined([
    failures !== undefined && `${failures} failures in a row`,
    errorRate !== undefined && `${percent(errorRate)} of >=${minRequests} ${over}`,
    slowRate !== undefined &&
      `${percent(slowRate)} slower than ${formatDuration(slowAfterMs ?? 0)} of >=${minRequests} ${over}`,
    bucketMs !== undefined && `steps of ${formatDuration(bucketMs)}`,
    `open ${formatDuration(openForMs)}`,
    maxOpenForMs !== Math.max(60_000, openForMs) && `at most ${formatDuration(maxOpenForMs)}`,
    !rule.retryAfter && 'no Retry-After',
    halfOpenText(rule.halfOpen),
    rule.mode !== 'on' && rule.mode,
  ]);
}

function halfOpenText(rule: HalfOpenRule): string | undefined {
  const { probes, successes, toleratedFailures, timeoutMs } = rule;
  const parts = [
    probes !== 1 && `${probes} probes at a time`,
    successes !== Math.max(3, probes) && `${successes} successes`,
    toleratedFailures !== 0 && `${toleratedFailures} of them failing`,
    timeoutMs !== 10_000 && `for ${formatDuration(timeoutMs)}`,
  ].filter(Boolean);
  return parts.length === 0 ? undefined : `half open ${parts.join(' and ')}`;
}

function rateLimitText(rule: RateLimitRule): string {
  const { name, limit, perMs, burst, by, anonymous, maxWaitMs, cost, mode } = rule;
  const { fields, legacy, onStoreError, enforce } = rule;
  const amount = joined([
    `${limit} per ${formatDuration(perMs)}`,
    `burst ${burst}`,
    `by ${by.join(' and ')}`,
    anonymous !== 'shared' && `without it: ${anonymous}`,
    cost !== undefined && `${cost} a request`,
    maxWaitMs !== 0 && `waits ${formatDuration(maxWaitMs)}`,
    mode,
    onStoreError !== 'local' && `store down: ${onStoreError}`,
    fields !== undefined && `fields ${fields}`,
    legacy !== undefined && `legacy ${legacy}`,
    !enforce && 'only watched',
  ]);
  return name === undefined ? amount : `${name}: ${amount}`;
}

function authText({ jwt, optional, preflights }: RouteAuth): string {
  return joined([`jwt ${jwt}`, optional && 'optional', preflights === 'pass' && 'preflights pass']);
}
