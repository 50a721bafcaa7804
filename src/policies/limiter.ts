/**
 * What a {@link import('./rate-limit.ts').rateLimit} does, on stores that can be relied upon to answer.
 *
 * @module
 */

import { deadline, signalOf } from '../core/abort.ts';
import { layer, type Middleware, type Next } from '../core/chain.ts';
import { type Clock, sleep, systemClock } from '../core/clock.ts';
import { type Context, type Key, key } from '../core/context.ts';
import { emit } from '../core/event.ts';
import { textOption, wholeOption, wordOption } from '../core/option.ts';
import type { Maybe, TakingStore } from '../stores/contract.ts';
import { type MemoryStore, memoryStore } from '../stores/memory.ts';
import { limitAnswers } from './limit-answers.ts';
import { type Decision, Gate } from './limit-gate.ts';
import { checkLimit, type RateLimit } from './limit-options.ts';

/** Settings of {@link limitRates}; those of `rateLimit`. */
export interface LimiterOptions {
  /** Shared by all limits; answers in time, or rejects. Default: in memory, one for each limit. */
  readonly store?: TakingStore;
  readonly scope?: string;
  readonly instances?: number;
  readonly fields?: 'always' | 'rejections' | 'never';
  readonly legacy?: 'draft-6';
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** The names of the limits that this request went beyond and that are not enforced. */
export const exceededLimits: Key<readonly string[]> = key<readonly string[]>('exceeded limits', []);

/**
 * Makes the middleware.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const app = inbound(() => new Response('hello'), limitRates({ limit: 1, per: '1s' }));
 * (await app(new Request('http://shop.example/'))).headers.get('ratelimit'); // '"default";r=0;t=1'
 * ```
 */
export function limitRates(
  limits: RateLimit | readonly RateLimit[],
  options: LimiterOptions = {},
): Middleware {
  const { clock = systemClock, random = Math.random } = options;
  const { store: given, scope = '', instances = 1, fields, legacy } = options;
  const list = Array.isArray(limits) ? (limits as readonly RateLimit[]) : [limits as RateLimit];
  if (list.length === 0) throw new RangeError('rateLimit: an empty list limits nothing');
  wholeOption('rateLimit.instances', instances, 1);
  textOption('rateLimit.scope', scope);
  if (fields !== undefined) {
    wordOption('rateLimit.fields', fields, ['always', 'rejections', 'never']);
  }
  if (legacy !== undefined) wordOption('rateLimit.legacy', legacy, ['draft-6']);

  const gates = gatesOf(list, { given, scope, instances, clock, random });
  const answers = limitAnswers(gates, legacy);

  /** Once all limits have spoken. */
  function proceed(
    next: Next,
    request: Request,
    context: Context,
    decisions: readonly Decision[],
  ): Promise<Response> {
    let refusal: Decision | undefined;
    let waitMs = 0;
    let inner = context;
    for (const decision of decisions) {
      const { gate, outcome, failed } = decision;
      const { name: policy, enforced } = gate;
      if (failed) emit(context, 'store_unavailable', { policy, outcome });
      if (outcome === 'passed') {
        waitMs = Math.max(waitMs, enforced ? decision.waitMs : 0);
        continue;
      }
      if (outcome === 'limited') emit(context, 'rate_limited', { policy, enforced });
      if (!enforced) {
        inner = inner.with(exceededLimits, [...inner.get(exceededLimits), policy]);
      } else if (refusal?.outcome !== 'store_unavailable') {
        // Whatever a limit says, one that nobody could look at is no fault of the caller.
        refusal = outcome === 'store_unavailable' ? decision : (refusal ?? decision);
      }
    }
    const shown = fields ?? (context.direction === 'inbound' ? 'always' : 'rejections');
    if (refusal !== undefined) {
      giveBack(decisions, context);
      return Promise.resolve(
        refusal.outcome === 'limited'
          ? answers.limited(decisions, shown !== 'never')
          : answers.storeUnavailable(),
      );
    }
    const answer =
      waitMs > 0 ? waited(next, request, inner, decisions, waitMs) : next(request, inner);
    return shown === 'always'
      ? answer.then((response) => answers.withFields(response, context, decisions))
      : answer;
  }

  async function waited(
    next: Next,
    request: Request,
    context: Context,
    decisions: readonly Decision[],
    waitMs: number,
  ): Promise<Response> {
    emit(context, 'rate_limit_wait', { delay_ms: waitMs });
    try {
      await sleep(clock, waitMs, signalOf(request, context));
    } catch (reason) {
      giveBack(decisions, context);
      throw reason;
    }
    return await next(request, context);
  }

  const label = gates.map(({ name, enforced }, index) => {
    const { limit, per, burst = limit } = list[index] as RateLimit;
    const calledSo = name === 'default' ? '' : ` '${name}'`;
    return `rate limit${calledSo} ${limit} per ${per}, burst ${burst}${enforced ? '' : ', not enforced'}`;
  });
  return layer(
    label.join('; '),
    (next) =>
      function rateLimit(request, context) {
        const leftMs = context.get(deadline) - clock.monotonic();
        const asked: Maybe<Decision>[] = [];
        let isPending = false;
        for (const gate of gates) {
          const decision = gate.ask(request, context, leftMs);
          if (decision === undefined) continue;
          isPending ||= 'then' in decision;
          asked.push(decision);
        }
        if (!isPending) return proceed(next, request, context, asked as Decision[]);
        return settled(Promise.all(asked), signalOf(request, context), context).then((decisions) =>
          proceed(next, request, context, decisions),
        );
      },
  );
}

function giveBack(decisions: readonly Decision[], context: Context): void {
  for (const decision of decisions) decision.gate.giveBack(decision, context);
}

/** The decisions, or the caller's reason as soon as it leaves; what is granted after that goes back. */
function settled(
  decisions: Promise<readonly Decision[]>,
  signal: AbortSignal,
  context: Context,
): Promise<readonly Decision[]> {
  return new Promise((resolve, reject) => {
    function onAbort(): void {
      reject(signal.reason);
      context.waitUntil(decisions.then((granted) => giveBack(granted, context)));
    }
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    decisions.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}

interface GatesAround {
  /** Of limits that have no store of their own. */
  readonly given: TakingStore | undefined;
  readonly scope: string;
  readonly instances: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** One gate for each limit, each with a name of its own. */
function gatesOf(list: readonly RateLimit[], around: GatesAround): readonly Gate[] {
  const { given, scope, instances, clock, random } = around;
  const gates = list.map((limit) => {
    checkLimit(limit);
    // `rateLimit` has made it one that can be relied upon.
    const { store: own = given } = limit;
    const shared = own === 'memory' ? undefined : (own as TakingStore | undefined);
    const name = limit.name ?? (list.length === 1 ? 'default' : `${limit.limit} per ${limit.per}`);
    let local: MemoryStore | undefined;
    const inMemory = (): MemoryStore => {
      local ??= memoryStore({ clock, random });
      return local;
    };
    const prefix = shared === undefined ? '' : `${scope}:${name}:`;
    return new Gate(limit, name, { prefix, shared, local: inMemory, instances, clock });
  });
  for (const [index, { name }] of gates.entries()) {
    if (gates.findIndex((gate) => gate.name === name) !== index) {
      throw new RangeError(`rateLimit: two limits are called '${name}'; give one another name`);
    }
  }
  return gates;
}
