/**
 * What a {@link import('./rate-limit.ts').rateLimit} tells its callers: the fields on a response, and refusals.
 *
 * @module
 */

import type { Context } from '../core/context.ts';
import { formatRateLimitItem, formatRateLimitPolicy } from '../core/rate-limit-fields.ts';
import { prepareRejection } from '../core/rejection.ts';
import { editResponse } from '../core/response-headers.ts';
import type { Decision, Gate } from './limit-gate.ts';

/** Speaks for the gates of one policy. */
export interface LimitAnswers {
  /** The response with what is left; the same one where there is nothing to say. */
  withFields(response: Response, context: Context, decisions: readonly Decision[]): Response;
  /** 429. */
  limited(decisions: readonly Decision[], withFields: boolean): Response;
  /** 503: nobody could count, which is no fault of the caller. */
  storeUnavailable(): Response;
}

const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
const reducedCapacity =
  'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity';

/** How long a caller is asked to wait for a store to come back, in milliseconds. */
const storeRetryMs = 1_000;

/** How many combinations are kept: 64 are those of six limits. */
const mostRefusals = 64;

/** Prepares what can be known beforehand. */
export function limitAnswers(gates: readonly Gate[], legacy: 'draft-6' | undefined): LimitAnswers {
  const enforced = gates.filter((gate) => gate.enforced);
  const policy = formatRateLimitPolicy(
    enforced.map(({ name, quota, windowMs }) => ({
      name,
      quota,
      // Whole seconds only: the field knows no others.
      ...(windowMs % 1_000 === 0 && { windowSeconds: windowMs / 1_000 }),
    })),
  );

  /** Who is refused, and how: few limits are violated in few combinations, so that each is written once. */
  const refusals = new Map<string, ReturnType<typeof prepareRejection>>();

  function refusalOf(names: readonly string[], isForGood: boolean, withPolicy: boolean) {
    // No name holds a line break.
    const id = `${isForGood}\n${withPolicy}\n${names.join('\n')}`;
    const known = refusals.get(id);
    if (known !== undefined) return known;
    const made = prepareRejection('rate_limited', {
      detail: isForGood
        ? 'This request takes more than is ever granted at once.'
        : 'Too many requests.',
      problem: { type: quotaExceeded, 'violated-policies': names },
      ...(withPolicy && { headers: { 'ratelimit-policy': policy } }),
    });
    if (refusals.size < mostRefusals) refusals.set(id, made);
    return made;
  }

  const storeUnavailable = prepareRejection('store_unavailable', {
    detail: 'The limits of this service cannot be looked up now.',
    problem: { type: reducedCapacity },
  });

  return {
    withFields(response, context, decisions) {
      const left = whatIsLeft(decisions);
      if (left === '') return response;
      return editResponse(response, context, (headers) => {
        // Limits further in speak for themselves, and several of them add up to lists.
        headers.append('ratelimit-policy', policy);
        headers.append('ratelimit', left);
        if (legacy !== undefined) setOlderFields(headers, decisions);
      });
    },
    limited(decisions, withFields) {
      let retryAfterMs = 0;
      const names: string[] = [];
      for (const { gate, outcome, retryMs } of decisions) {
        if (!gate.enforced || outcome !== 'limited') continue;
        names.push(gate.name);
        retryAfterMs = Math.max(retryAfterMs, retryMs);
      }
      const left = withFields ? whatIsLeft(decisions) : '';
      const refuse = refusalOf(names, retryAfterMs === Number.POSITIVE_INFINITY, left !== '');
      const response = refuse(retryAfterMs);
      if (left !== '') {
        response.headers.set('ratelimit', left);
        if (legacy !== undefined) setOlderFields(response.headers, decisions);
      }
      return response;
    },
    storeUnavailable: () => storeUnavailable(storeRetryMs),
  };
}

/** The value of `RateLimit`; empty where nobody counted. */
function whatIsLeft(decisions: readonly Decision[]): string {
  let value = '';
  for (const { gate, remaining, moreMs } of decisions) {
    if (!gate.enforced || remaining === undefined) continue;
    const moreInSeconds = moreMs > 0 ? seconds(moreMs) : undefined;
    const member = formatRateLimitItem({ name: gate.name, remaining, moreInSeconds });
    value = value === '' ? member : `${value}, ${member}`;
  }
  return value;
}

/** Those of draft 6, for the scarcest limit: they know only one. */
function setOlderFields(headers: Headers, decisions: readonly Decision[]): void {
  let scarcest: Decision | undefined;
  for (const decision of decisions) {
    const { gate, remaining } = decision;
    if (!gate.enforced || remaining === undefined) continue;
    if (scarcest === undefined || remaining < (scarcest.remaining ?? 0)) scarcest = decision;
  }
  if (scarcest === undefined) return;
  headers.set('ratelimit-limit', String(scarcest.gate.quota));
  headers.set('ratelimit-remaining', String(scarcest.remaining));
  headers.set('ratelimit-reset', String(seconds(scarcest.moreMs)));
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000 - roundingSeconds);
}

/** A second that is there but for a rounding error is one. */
const roundingSeconds = 1e-9;
