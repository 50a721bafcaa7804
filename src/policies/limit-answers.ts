/**
 * What a {@link import('./rate-limit.ts').rateLimit} tells its callers: the fields on a response, and refusals.
 *
 * @module
 */

import type { Context } from '../core/context.ts';
import { formatRateLimit, formatRateLimitPolicy } from '../core/rate-limit-fields.ts';
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

/** What a response says of its limits. */
interface Fields {
  /** Several limits on the way add up to lists. */
  readonly lists: { readonly 'ratelimit-policy': string; readonly ratelimit: string };
  readonly older?: Readonly<Record<string, string>>;
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

  function fieldsOf(decisions: readonly Decision[]): Fields | undefined {
    const counted = decisions.filter(
      ({ gate, remaining }) => gate.enforced && remaining !== undefined,
    );
    if (counted.length === 0) return undefined;
    const lists = {
      'ratelimit-policy': policy,
      ratelimit: formatRateLimit(
        counted.map(({ gate: { name }, remaining = 0, moreMs }) => ({
          name,
          remaining,
          ...(moreMs > 0 && { moreInSeconds: seconds(moreMs) }),
        })),
      ),
    };
    if (legacy === undefined) return { lists };
    const scarcest = counted.reduce((least, other) =>
      (other.remaining ?? 0) < (least.remaining ?? 0) ? other : least,
    );
    const older = {
      'ratelimit-limit': String(scarcest.gate.quota),
      'ratelimit-remaining': String(scarcest.remaining),
      'ratelimit-reset': String(seconds(scarcest.moreMs)),
    };
    return { lists, older };
  }

  const refusals = new Map<string, ReturnType<typeof prepareRejection>>();

  /** Few limits are violated in few combinations: each is written once. */
  function refusalOf(names: readonly string[], isForGood: boolean) {
    const id = JSON.stringify([isForGood, names]);
    const known = refusals.get(id);
    if (known !== undefined) return known;
    const made = prepareRejection('rate_limited', {
      detail: isForGood
        ? 'This request takes more than is ever granted at once.'
        : 'Too many requests.',
      problem: { type: quotaExceeded, 'violated-policies': names },
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
      const fields = fieldsOf(decisions);
      if (fields === undefined) return response;
      const { lists, older } = fields;
      return editResponse(response, context, (headers) => {
        // Limits further in speak for themselves.
        headers.append('ratelimit-policy', lists['ratelimit-policy']);
        headers.append('ratelimit', lists.ratelimit);
        for (const [name, value] of Object.entries(older ?? {})) headers.set(name, value);
      });
    },
    limited(decisions, withFields) {
      const violated = decisions.filter(
        ({ gate, outcome }) => gate.enforced && outcome === 'limited',
      );
      const retryAfterMs = Math.max(...violated.map(({ retryMs }) => retryMs));
      const names = violated.map(({ gate }) => gate.name);
      const fields = withFields ? fieldsOf(decisions) : undefined;
      return refusalOf(
        names,
        retryAfterMs === Number.POSITIVE_INFINITY,
      )({
        retryAfterMs,
        ...(withFields && { headers: { ...fields?.lists, ...fields?.older } }),
      });
    },
    storeUnavailable: () => storeUnavailable({ retryAfterMs: storeRetryMs }),
  };
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000 - roundingSeconds);
}

/** A second that is there but for a rounding error is one. */
const roundingSeconds = 1e-9;
