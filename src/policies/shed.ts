/**
 * Giving up what matters least when there is too much to do.
 *
 * @module
 */

import { call, layer, type Middleware } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { emit } from '../core/event.ts';
import { functionOption, knownOptions, shown } from '../core/option.ts';
import { setHeader } from '../core/outgoing.ts';
import {
  formatPriority,
  levelOf,
  type Priority,
  parsePriority,
  priorities,
  priorityHeader,
} from '../core/priority.ts';
import { prepareRejection } from '../core/rejection.ts';
import { type Pressure, type PressureOptions, pressure } from './pressure.ts';

export type { Priority } from '../core/priority.ts';
export { type Pressure, type PressureOptions, pressure } from './pressure.ts';

/** Settings of {@link shed}. */
export interface ShedOptions extends Partial<PressureOptions> {
  /** In place of `from`, `full` and `load`: what several policies share. */
  readonly pressure?: Pressure;
  /** How much a request matters that brings no priority of its own. Default: `'normal'`. */
  readonly priority?: Priority | ((request: Request, context: Context) => Priority);
  /**
   * Whose header `x-fetchmesh-priority` counts: that of services of one's own, never that of anybody. Default: nobody's.
   */
  readonly trust?: (request: Request, context: Context) => boolean;
  /** When a caller that was turned away shall try again. Default: `'1s'`. */
  readonly retryAfter?: Duration;
  /** A number in [0, 1), asked once for each request. Default: `Math.random`. */
  readonly random?: () => number;
}

const reducedCapacity =
  'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity';

/**
 * Answers 503 to the requests that matter least while the load is above `from`, to all but the critical ones from `full` on.
 *
 * Each request has a level, drawn once within its class where it comes in, and carried on to the next hop: so the services
 * of a call tree give up the same requests, not each other's work. A request is under way until its headers are answered.
 *
 * Semantics: priorities as in failsafe-go and in Google's SRE book ("Handling Overload").
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const app = inbound(() => new Response('hello'), shed({ from: 100, full: 200, priority: 'low' }));
 * (await app(new Request('http://shop.example/'))).status; // 200
 * ```
 */
export function shed(options: ShedOptions): Middleware {
  knownOptions('shed', options, {
    from: true,
    full: true,
    load: true,
    pressure: true,
    priority: true,
    trust: true,
    retryAfter: true,
    random: true,
  });
  const { priority = 'normal', trust, random = Math.random } = options;
  const { from, full, load } = options;
  if (options.pressure !== undefined && (from ?? full ?? load) !== undefined) {
    throw new RangeError('shed.pressure: it stands in place of from, full and load, not beside');
  }
  if (options.pressure !== undefined && typeof options.pressure?.enter !== 'function') {
    throw new RangeError(
      `shed.pressure: ${shown(options.pressure)} is not a pressure, as pressure() makes one`,
    );
  }
  if (typeof priority !== 'function') checkPriority(priority);
  functionOption('shed.trust', trust);
  const retryAfterMs = durationOption('shed.retryAfter', options.retryAfter ?? '1s');
  const shared = options.pressure ?? pressure({ from, full, load } as PressureOptions);

  const refusal = prepareRejection('shed', {
    detail: 'There is too much to do at the moment.',
    problem: { type: reducedCapacity },
  });

  function levelOfRequest(request: Request, context: Context): number {
    const chance = random();
    if (trust?.(request, context)) {
      const brought = parsePriority(request.headers.get(priorityHeader) ?? '', chance);
      if (brought !== undefined) return brought;
    }
    if (typeof priority !== 'function') return levelOf(priority, chance);
    const given = priority(request, context);
    checkPriority(given);
    return levelOf(given, chance);
  }

  const range = from === undefined ? '' : ` from ${from} to ${full}`;
  const what = typeof priority === 'function' ? '' : `, ${priority}`;
  return layer(
    `shed${range}${what}`,
    (next) =>
      function shed(request, context) {
        const level = levelOfRequest(request, context);
        if (!shared.enter(level)) {
          emit(context, 'shed', { priority: formatPriority(level) });
          return Promise.resolve(refusal(retryAfterMs));
        }
        const levelled = setHeader(context, priorityHeader, formatPriority(level));
        return call(next, request, levelled).finally(shared.left);
      },
  );
}

function checkPriority(value: unknown): void {
  if (priorities.includes(value as Priority)) return;
  throw new RangeError(`shed.priority: ${shown(value)} is not one of ${priorities.join(', ')}`);
}
