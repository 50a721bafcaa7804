/**
 * Leaving an upstream alone that is failing.
 *
 * @module
 */

import { signalOf } from '../../core/abort.ts';
import { layer, type Middleware, type Next } from '../../core/chain.ts';
import { systemClock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import { discard } from '../../core/discard.ts';
import { durationOption } from '../../core/duration.ts';
import { emit, inform } from '../../core/event.ts';
import {
  type Outcome,
  outcomeOfError,
  outcomeOfResponse,
  type Verdict,
} from '../../core/outcome.ts';
import { prepareRejection } from '../../core/rejection.ts';
import { parseRetryAfter } from '../../core/retry-after.ts';
import { type Circuit, Circuits, endpointOf, keyReader } from './circuits.ts';
import { type BreakerControl, control } from './control.ts';
import type { BreakerFleet } from './fleet/fleet.ts';
import { labelOf } from './label.ts';
import { admit, close, open, record, rejected, type Transition } from './machine.ts';
import { type BreakerMode, type BreakerOptions, checkOptions } from './options.ts';
import { machineSettings } from './settings.ts';

export type { BreakerControl, BreakerStatus } from './control.ts';
export type { Counts, OpenFacts, OpenReason, Phase, Transition } from './machine.ts';
export type {
  Attempt,
  BreakerEvent,
  BreakerKey,
  BreakerMode,
  BreakerOptions,
  HalfOpenOptions,
} from './options.ts';
export type { BreakerSnapshot } from './snapshot.ts';

/** A breaker as a layer of a chain, and in the hands of an operator. */
export interface Breaker extends Middleware, BreakerControl {}

/**
 * Stops calling an upstream that fails, answers 503 `circuit_breaker_open` with `Retry-After` in its place, and tries it
 * again after a while.
 *
 * Closed, every call goes through and its outcome is counted; open, none does; half open, a few probes decide. Failures
 * are network failures, timeouts and 5xx but 501. What the caller gave up and what a policy answered further in counts
 * neither way, and gives the probe's place back. Inside `retry` every try counts, around it the whole call does.
 *
 * Without options: half of at least 20 calls within 10 s failed; open for 5 s, doubling up to 60 s; one probe at a time,
 * three good ones close it; each origin has a circuit of its own. State is the value's own: make one, use it everywhere.
 *
 * Semantics: sony/gobreaker's state machine with the windows, slow calls and modes of resilience4j; `docs/semantics/breaker.md`.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * let calls = 0;
 * const down = async () => new Response(null, { status: ++calls && 503 });
 * const shop = outbound(down, breaker({ failures: 2, openFor: '10s' }));
 * for (let call = 0; call < 5; call++) await shop('http://shop.example/');
 * calls; // 2
 * ```
 */
export function breaker(options: BreakerOptions = {}): Breaker {
  checkOptions(options);
  const { clock = systemClock, isIgnored, isSuccess, onTransition } = options;
  const { mode = 'on', key = 'origin', maxKeys = 1_024 } = options;
  const slowAfterMs =
    options.slowAfter === undefined
      ? Number.POSITIVE_INFINITY
      : durationOption('breaker.slowAfter', options.slowAfter);
  const shared = { mode, settings: machineSettings(options) };
  const { window } = shared.settings;
  const isFixed = window.kind === 'time' && window.buckets === 1;
  /** Whether it matters when a call began that a closed circuit lets through. */
  const timesCalls = isFixed || options.slowAfter !== undefined;
  const label = labelOf(options, shared.settings);
  const { fleet, name = '' } = options;
  const circuits = new Circuits(maxKeys, (circuit) => fleet && enlist(circuit, fleet));
  const keyOf = keyReader(key);
  /** What the step at hand brought; empty between steps. */
  const log: Transition[] = [];

  /** Lets a circuit of a fleet know what others found. */
  function enlist(circuit: Circuit, fleet: BreakerFleet): void {
    const { key } = circuit;
    const follow = (step: (now: number) => void): void => {
      if (shared.mode !== 'on') return;
      step(clock.monotonic());
      announce(circuit);
    };
    circuit.member = fleet.join({
      name: key === '' ? name : `${name} ${key}`,
      get state() {
        return circuit.state;
      },
      get settings() {
        return shared.settings;
      },
      open: (reason, openForMs) =>
        follow((now) => open(circuit.state, reason, openForMs, now, log)),
      close: () => follow(() => close(circuit.state, log)),
    });
  }

  function announce(
    circuit: Circuit,
    tell?: (transition: Transition) => void,
    context?: Context,
  ): void {
    // Taken out first: a listener may intervene, and then there is more to tell.
    for (const transition of log.splice(0)) {
      const { to } = transition;
      if (shared.mode === 'on' && (to === 'open' || to === 'closed')) {
        circuit.member?.changed(to, context);
      }
      tell?.(transition);
      inform(() => onTransition?.({ key: circuit.key, ...transition }));
    }
  }

  /** To the request in whose course it happened. */
  function announceTo(circuit: Circuit, request: Request, context: Context): void {
    announce(
      circuit,
      ({ from, to, reason }) =>
        emit(context, 'circuit_breaker_transition', {
          endpoint: endpointOf(request, context),
          from,
          to,
          ...(reason !== '' && { reason }),
        }),
      context,
    );
  }

  function refuse(circuit: Circuit, request: Request, context: Context): Promise<Response> {
    const cause = causeOf(shared.mode, circuit);
    const isManual = shared.mode === 'forced_open' || circuit.isolations > 0;
    const retryAfterMs = isManual ? undefined : untilNextProbe(circuit, clock.monotonic());
    emit(
      context,
      'circuit_breaker_open',
      { endpoint: endpointOf(request, context), reason: cause },
      'mark',
    );
    return Promise.resolve(refusalFor(cause)(retryAfterMs));
  }

  const refusals = new Map<string, ReturnType<typeof prepareRejection>>();

  /** There are few causes: each answer is written once. */
  function refusalFor(cause: string): ReturnType<typeof prepareRejection> {
    let refusal = refusals.get(cause);
    if (refusal === undefined) {
      const detail = 'The upstream is failing and is left alone for a while.';
      refusal = prepareRejection('circuit_breaker_open', { detail, problem: { cause } });
      refusals.set(cause, refusal);
    }
    return refusal;
  }

  /** @throws whatever a classifier throws. */
  function verdictOn(response: Response | undefined, error: unknown, outcome: Outcome): Verdict {
    if (isIgnored === undefined && isSuccess === undefined) return outcome.verdict;
    const attempt = { response, error, outcome };
    const ignored = isIgnored?.(attempt) ?? outcome.verdict === 'ignored';
    if (ignored) return 'ignored';
    if (isSuccess !== undefined) return isSuccess(attempt) ? 'success' : 'failure';
    return outcome.verdict;
  }

  const middleware: Middleware = (next: Next) => {
    async function call(
      circuit: Circuit,
      ticket: number,
      startedMs: number,
      request: Request,
      context: Context,
    ): Promise<Response> {
      let response: Response | undefined;
      // Until something else is known: a classifier that throws has found a failure (CB-30).
      let verdict: Verdict = 'failure';
      try {
        response = await next(request, context);
        verdict = verdictOn(response, undefined, outcomeOfResponse(response));
        return response;
      } catch (error) {
        if (response === undefined) {
          verdict = verdictOn(undefined, error, outcomeOfError(error, signalOf(request, context)));
        } else {
          discard(response);
        }
        throw error;
      } finally {
        const now = clock.monotonic();
        const isSlow = now - startedMs > slowAfterMs;
        const hintMs = verdict === 'failure' ? retryAfterOf(response, clock) : undefined;
        record(circuit.state, shared.settings, ticket, verdict, isSlow, hintMs, now, log);
        if (log.length > 0) announceTo(circuit, request, context);
        if (verdict === 'failure' || isSlow) circuit.member?.failed(context);
      }
    }

    return function breaker(request, context) {
      if (shared.mode === 'disabled') return next(request, context);
      const circuit = circuits.of(keyOf(request, context));
      if (shared.mode === 'forced_open' || circuit.isolations > 0) {
        return refuse(circuit, request, context);
      }
      const { member } = circuit;
      if (member !== undefined && shared.mode === 'on') {
        const now = clock.monotonic();
        member.touch(now, context);
        if (circuit.state.phase === 'closed' && member.isHeldBack(now)) {
          return refuse(circuit, request, context);
        }
      }
      if (circuit.state.phase === 'closed' && !timesCalls) {
        return call(circuit, circuit.state.closedTicket, 0, request, context);
      }
      const now = clock.monotonic();
      const ticket = admit(circuit.state, shared.settings, now, log);
      if (log.length > 0) announceTo(circuit, request, context);
      if (ticket === rejected) return refuse(circuit, request, context);
      return call(circuit, ticket, now, request, context);
    };
  };
  return Object.assign(
    layer(label, middleware),
    control({ circuits, shared, clock, log, announce, isSingle: key === 'all' }),
  );
}

/** Why a circuit lets nobody through. */
function causeOf(mode: BreakerMode, { state, isolations }: Circuit): string {
  if (mode === 'forced_open') return mode;
  if (isolations > 0) return 'isolated';
  return state.phase === 'closed' ? 'ramp' : state.reason;
}

/** How long the upstream asks to be left alone. */
function retryAfterOf(
  response: Response | undefined,
  clock: { now(): number },
): number | undefined {
  const value = response?.headers.get('retry-after') ?? null;
  return value === null ? undefined : parseRetryAfter(value, clock.now());
}

/** Nobody knows how long probes take, nor who makes them: a second is as good as any answer. */
const probeGuessMs = 1_000;

function untilNextProbe({ state }: Circuit, now: number): number {
  const leftMs = state.phase === 'open' ? state.openedAt + state.openForMs - now : 0;
  return leftMs > 0 ? leftMs : probeGuessMs;
}
