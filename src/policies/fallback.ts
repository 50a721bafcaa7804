/**
 * Answering in another way where the first one failed.
 *
 * @module
 */

import { abortSignal, signalOf } from '../core/abort.ts';
import { layer, type Middleware } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { discard } from '../core/discard.ts';
import { emit } from '../core/event.ts';
import { exchange } from '../core/exchange.ts';
import { defaultAnswerStatus, type FixedAnswer, fixedAnswer } from '../core/fixed-answer.ts';
import { knownOptions, listOption, shown, wholeOption } from '../core/option.ts';
import { type Outcome, outcomeOfError, outcomeOfResponse } from '../core/outcome.ts';
import { type RejectionReason, rejectionOf, rejectionReasons } from '../core/rejection.ts';
import { replay } from '../core/replay.ts';
import { editResponse } from '../core/response-headers.ts';

export type { FixedAnswer } from '../core/fixed-answer.ts';

/** What went wrong. */
export interface Failure {
  /** With its body where that is kept (see `maxReplayBytes`), else as it is after the first attempt. */
  readonly request: Request;
  readonly outcome: Outcome;
  /** What was answered, its body cancelled; `undefined` where nothing was. */
  readonly response: Response | undefined;
  /** What the attempt rejected with, where it was not answered. */
  readonly error: unknown;
  /** How often the request was sent, where that is counted. */
  readonly attempts: number;
}

/**
 * Which failures are answered: a status, `'5xx'`, `'connect'` (no connection came about), `'reset'` (it broke),
 * `'timeout'`, or the reason of a rejection such as `'circuit_breaker_open'`.
 */
export type FallbackCondition = number | '5xx' | 'connect' | 'reset' | RejectionReason;

/** Settings of {@link fallback}. */
export interface FallbackOptions {
  /**
   * Which failures are answered. Default: 5xx but 501, network failures, time limits, and rejections of other policies
   * with a 5xx such as an open circuit. Not: what nobody foresaw, such as a `TypeError` of a bug.
   */
  readonly when?: readonly FallbackCondition[] | ((failure: Failure) => boolean);
  /**
   * How much of a request body is kept for the answer, in bytes; where it is longer, the failure is passed on. Default: 0,
   * which keeps none and answers all the same.
   */
  readonly maxReplayBytes?: number;
}

/** Says on a response that it is a fallback, and what for: a status or a reason. */
export const fallbackHeader = 'x-fetchmesh-fallback';

/**
 * Answers in place of what failed. Never for a caller that has left: its own reason passes through.
 *
 * The body of a response that is replaced is cancelled. Where the answer itself fails, the call rejects with its error,
 * whose `cause` is the first one.
 *
 * @param answer The same for everybody, or a function of what went wrong.
 *
 * @example
 * ```ts
 * const down = async () => new Response(null, { status: 503 });
 * const shop = outbound(down, fallback({ body: '[]', headers: { 'content-type': 'application/json' } }));
 * await (await shop('http://shop.example/')).json(); // []
 * ```
 */
export function fallback(
  answer: FixedAnswer | ((failure: Failure, context: Context) => Response | Promise<Response>),
  options: FallbackOptions = {},
): Middleware {
  knownOptions('fallback', options, { when: true, maxReplayBytes: true });
  const { when, maxReplayBytes = 0 } = options;
  wholeOption('fallback.maxReplayBytes', maxReplayBytes, 0);
  const isHandled = typeof when === 'function' ? when : handlerOf(when);
  const answered = typeof answer === 'function' ? answer : fixedAnswer('fallback', answer);

  return layer(
    `fallback ${typeof answer === 'function' ? answer.name : (answer.status ?? defaultAnswerStatus)}`.trimEnd(),
    (next) =>
      async function fallback(request, context) {
        const signal = signalOf(request, context);
        const body = maxReplayBytes > 0 ? replay(request, maxReplayBytes) : undefined;
        const sent = body?.attempt() ?? request;
        let response: Response | undefined;
        let error: unknown;
        try {
          // A copy of a request follows the caller's signal, on Node only until it is collected.
          response = await next(
            sent,
            sent === request ? context : context.with(abortSignal, signal),
          );
        } catch (rejection) {
          error = rejection;
        }
        const outcome =
          response === undefined ? outcomeOfError(error, signal) : outcomeOfResponse(response);
        const attempts = context.get(exchange)?.attempts ?? 1;
        const failure = { request, outcome, response, error, attempts };
        const isWanted = !signal.aborted && isHandled(failure);
        const isLost = body?.possible === false;
        if (isWanted && isLost) emit(context, 'replay_skipped', { bytes: maxReplayBytes });
        if (!isWanted || isLost) {
          body?.commit();
          if (response === undefined) throw error;
          return response;
        }

        const reason = reasonOf(failure);
        emit(context, 'fallback', { reason });
        if (response !== undefined) discard(response);
        const again = body?.attempt() ?? request;
        body?.commit();
        try {
          const origin = again === request ? context : context.with(abortSignal, signal);
          const instead = await answered({ ...failure, request: again }, origin);
          return editResponse(instead, context, (headers) => headers.set(fallbackHeader, reason));
        } catch (failed) {
          throw withCause(failed, error ?? new Error(`The answer was a ${reason}`));
        }
      },
  );
}

/** The usual failures, or those on a list. */
function handlerOf(when: readonly FallbackCondition[] | undefined): (failure: Failure) => boolean {
  if (when === undefined) return isUsual;
  listOption('fallback.when', when);
  if (when.length === 0) {
    throw new RangeError('fallback.when: [] names no failure; leave it out for the usual ones');
  }
  for (const condition of when) {
    const isKnown =
      typeof condition === 'number'
        ? Number.isInteger(condition) && 400 <= condition && condition <= 599
        : ['5xx', 'connect', 'reset'].includes(condition) ||
          Object.hasOwn(rejectionReasons, condition);
    if (isKnown) continue;
    throw new RangeError(
      `fallback.when: ${shown(condition)} is not a status from 400 to 599, 5xx, connect, reset or the reason of a rejection`,
    );
  }
  return ({ outcome, response }) =>
    when.some((condition) => {
      if (condition === '5xx') return response !== undefined && response.status >= 500;
      if (typeof condition === 'number') return condition === response?.status;
      return condition === outcome.reason;
    });
}

function isUsual({ outcome, response }: Failure): boolean {
  // An error that no network explains is a bug, and a bug that is answered over is never found.
  if (outcome.verdict === 'failure') return outcome.reason !== 'error';
  return response !== undefined && response.status >= 500 && rejectionOf(response) !== undefined;
}

/** A status, or what happened in one word. */
function reasonOf({ outcome, response }: Failure): string {
  return outcome.reason === 'ok' && response !== undefined
    ? String(response.status)
    : outcome.reason;
}

function withCause(error: unknown, cause: unknown): unknown {
  if (error instanceof Error && error.cause === undefined && error !== cause) {
    // Refused by errors that are frozen.
    Reflect.set(error, 'cause', cause);
  }
  return error;
}
