/**
 * Injecting faults: making some requests slow or making them fail, to see what becomes of it.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import { layer, type Middleware, type Next } from '../core/chain.ts';
import { sleep, systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { emit } from '../core/event.ts';
import { noteFlag } from '../core/exchange.ts';
import { reject } from '../core/rejection.ts';
import { editResponse } from '../core/response-headers.ts';
import {
  draw,
  type FaultOptions,
  type FaultPlan,
  type FaultSettings,
  type Injection,
  labelOf,
  planOf,
} from './fault-plan.ts';

export type { FaultOptions, FaultSettings } from './fault-plan.ts';

/** What was injected so far. */
export interface FaultStats {
  /** Requests that suffer at this moment. */
  readonly active: number;
  /** Requests that were delayed. */
  readonly delays: number;
  /** Requests that were answered in the upstream's place, delayed or not. */
  readonly aborts: number;
  /** Requests that were spared since too many suffered already. */
  readonly overflows: number;
}

/** A {@link Middleware} whose faults can be looked at and replaced while it works. */
export interface FaultMiddleware extends Middleware {
  readonly stats: FaultStats;
  /** Injects by other settings from now on, or nothing any more. Throws, and changes nothing, where they are wrong. */
  replace(settings: FaultSettings | undefined): void;
}

/** Says on a response what was injected: `delay`, `abort`, or `delay, abort`. */
export const faultHeader = 'x-fetchmesh-fault';

/**
 * Delays requests, or answers them with an error, by chance.
 *
 * Each request is drawn once, first for the delay and then for the abort. A delay counts against the deadline, and ends
 * with the caller's own reason as soon as the caller leaves. An injected abort is a rejection with the reason
 * `fault_injected`; by its status the other policies judge it like an answer of the upstream.
 *
 * Semantics: Envoy's fault filter, with Istio's fractions of a percent.
 *
 * @example
 * ```ts
 * const shop = outbound(async () => new Response('ok'), fault({ abort: 503, percent: 100 }));
 * (await shop('http://shop.example/')).status; // 503
 * ```
 */
export function fault(options: FaultOptions): FaultMiddleware {
  const { clock = systemClock, random = Math.random } = options;
  let plan: FaultPlan | undefined = planOf(options);
  const stats = { active: 0, delays: 0, aborts: 0, overflows: 0 };

  async function suffer(
    { delayMs, status }: Injection,
    { counted }: FaultPlan,
    next: Next,
    request: Request,
    context: Context,
  ): Promise<Response> {
    const signal = signalOf(request, context);
    if (signal.aborted) throw signal.reason;
    stats.active += 1;
    try {
      if (delayMs > 0) {
        stats.delays += 1;
        noteFlag(context, 'DI');
        emit(context, 'fault_injected', { fault: 'delay', delay_ms: delayMs });
        await sleep(clock, delayMs, signal);
      }
      if (status === undefined) return marked(await next(request, context), context);
      stats.aborts += 1;
      noteFlag(context, 'FI');
      emit(context, 'fault_injected', { fault: 'abort', status });
      return reject('fault_injected', {
        status,
        blame: counted ? 'upstream' : 'policy',
        detail: 'This fault was injected.',
        headers: { [faultHeader]: delayMs > 0 ? 'delay, abort' : 'abort' },
      });
    } finally {
      stats.active -= 1;
    }
  }

  const middleware = layer(
    labelOf(plan),
    (next) =>
      function fault(request, context) {
        // Read once: a request sees one plan, whatever happens meanwhile.
        const current = plan;
        if (current === undefined || clock.now() >= current.untilMs) return next(request, context);
        const injection = draw(current, request, context, random);
        if (injection === undefined) return next(request, context);
        if (stats.active >= current.maxActive) {
          stats.overflows += 1;
          emit(context, 'fault_overflow', { active: stats.active });
          return next(request, context);
        }
        return suffer(injection, current, next, request, context);
      },
  );
  return Object.assign(middleware, {
    stats,
    replace(settings: FaultSettings | undefined) {
      plan = settings && planOf(settings);
    },
  });
}

function marked(response: Response, context: Context): Response {
  return editResponse(response, context, (headers) => headers.append(faultHeader, 'delay'));
}
