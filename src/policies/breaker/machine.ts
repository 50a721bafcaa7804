/**
 * The state machine of a circuit breaker, apart from requests, clocks and stores.
 *
 * A step is a function of the state, what happened and the time, and leaves the state changed in place: a closed circuit
 * must not allocate. The state is plain data; whoever wants to keep the one before copies it first.
 *
 * @module
 */

import type { Verdict } from '../../core/outcome.ts';
import {
  addOutcome,
  clearWindow,
  emptyWindow,
  forgetOld,
  type OutcomeWindow,
  type WindowKind,
} from './window.ts';

/** `half_open`: a few probes find out whether the upstream is well again. */
export type Phase = 'closed' | 'open' | 'half_open';

/** Why a circuit is open. */
export type OpenReason =
  | 'failures'
  | 'error_rate'
  | 'slow_rate'
  | 'error_rate, slow_rate'
  | 'trip'
  | 'probe_failed'
  | 'probe_timeout'
  | 'manual'
  | 'peers';

/** Numbers of calls in a window. */
export interface Counts {
  readonly total: number;
  readonly failures: number;
  readonly slow: number;
  readonly consecutiveFailures: number;
  /** Since the last failure. */
  readonly consecutiveSuccesses: number;
}

/** What an open period may be made to depend on. */
export interface OpenFacts {
  /** From 0 to 1; -1 while there were too few calls to tell. */
  readonly failureRate: number;
  readonly failureCount: number;
  /** How many times in a row the circuit opened again after being half open. */
  readonly halfOpenAttempts: number;
}

/** What the machine goes by. */
export interface MachineSettings {
  readonly window: WindowKind;
  /** Opens after so many failures in a row; the rates below are then absent. */
  readonly failures: number | undefined;
  /** Shares from 0 to 1. */
  readonly errorRate: number | undefined;
  readonly slowRate: number | undefined;
  /** Decides in place of the rates; gets a copy. */
  readonly trip: ((counts: Counts) => boolean) | undefined;
  readonly minRequests: number;
  /** Counts and tells, and rejects nothing. */
  readonly observesOnly: boolean;
  /** Probes only until {@link BreakerState.probesUntil}: a fleet says which of its instances tries the upstream. */
  readonly isElective: boolean;
  openForMs(facts: OpenFacts, hintMs: number | undefined): number;
  readonly halfOpen: {
    /** At once. */
    readonly probes: number;
    /** That close the circuit. */
    readonly successes: number;
    /** That do not open it again. */
    readonly toleratedFailures: number;
    readonly probeTimeoutMs: number;
  };
}

/** A probe under way. */
export interface Probe {
  readonly ticket: number;
  /** When it counts as failed. */
  readonly endsAt: number;
}

/** All that a breaker knows. Times are on the scale of the `now` that the steps are given. */
export interface BreakerState {
  phase: Phase;
  /** The last ticket that was given out. */
  lastTicket: number;
  /** The ticket of all calls that a closed circuit lets through until it opens. */
  closedTicket: number;
  window: OutcomeWindow;
  openedAt: number;
  openForMs: number;
  /**
   * Where a fleet elects who probes: until when it is this instance. `Infinity`: its next call is the probe, however late it
   * comes.
   */
  probesUntil: number;
  /** Why it opened last. */
  reason: OpenReason | '';
  /** How many times in a row it opened again after being half open. */
  reopenings: number;
  probes: Probe[];
  probeSuccesses: number;
  probeFailures: number;
  /** Where nothing is rejected: the limit is exceeded, and that was told. */
  isExceeded: boolean;
}

/** A change of phase; `exceeded`: where nothing is rejected, the circuit would have opened. */
export interface Transition {
  readonly from: Phase;
  readonly to: Phase | 'exceeded';
  /** Empty where it did not open. */
  readonly reason: OpenReason | '';
}

/** The ticket of a call that is not let through. */
export const rejected = -1;

/** A closed circuit without a past. */
export function closedState(): BreakerState {
  return {
    phase: 'closed',
    lastTicket: 0,
    closedTicket: 0,
    window: emptyWindow(),
    openedAt: 0,
    openForMs: 0,
    probesUntil: 0,
    reason: '',
    reopenings: 0,
    probes: [],
    probeSuccesses: 0,
    probeFailures: 0,
    isExceeded: false,
  };
}

/**
 * Lets a call through, or not.
 *
 * @param log Gets the transitions, in order.
 * @returns The ticket to {@link record} the outcome with, or {@link rejected}.
 */
export function admit(
  state: BreakerState,
  settings: MachineSettings,
  now: number,
  log: Transition[],
): number {
  advance(state, settings, now, log);
  if (state.phase === 'closed') return state.closedTicket;
  if (state.phase === 'open') return rejected;
  if (settings.isElective && now >= state.probesUntil) return rejected;
  const { probes, probeSuccesses, probeFailures } = state;
  const { probes: atOnce, successes, toleratedFailures, probeTimeoutMs } = settings.halfOpen;
  // More probes than a verdict takes would only be load on an upstream that may be ill.
  const wanted = successes - probeSuccesses + toleratedFailures - probeFailures;
  if (probes.length >= Math.min(atOnce, wanted)) return rejected;
  const ticket = ++state.lastTicket;
  const endsAt = now + probeTimeoutMs;
  probes.push({ ticket, endsAt });
  if (state.probesUntil === Number.POSITIVE_INFINITY) state.probesUntil = endsAt;
  return ticket;
}

/**
 * Counts the outcome of a call. One that was let through before the last transition says nothing of what is now, and is
 * dropped (CB-16, CB-25).
 */
export function record(
  state: BreakerState,
  settings: MachineSettings,
  ticket: number,
  verdict: Verdict,
  isSlow: boolean,
  hintMs: number | undefined,
  now: number,
  log: Transition[],
): void {
  advance(state, settings, now, log);
  if (state.phase === 'closed') {
    if (ticket !== state.closedTicket || verdict === 'ignored') return;
    addOutcome(state.window, settings.window, verdict === 'failure', isSlow, now);
    judge(state, settings, hintMs, now, log);
    return;
  }
  if (state.phase === 'open') return;
  const index = state.probes.findIndex((probe) => probe.ticket === ticket);
  if (index === -1) return;
  state.probes.splice(index, 1);
  if (verdict === 'ignored') return;
  const isGood = verdict === 'success' && !(isSlow && settings.slowRate !== undefined);
  if (!isGood) {
    probeFailed(state, settings, 'probe_failed', hintMs, now, log);
    return;
  }
  state.probeSuccesses += 1;
  if (state.probeSuccesses >= settings.halfOpen.successes) close(state, log);
  // Whoever found it well goes on with the next probe.
  else if (settings.isElective) state.probesUntil = Number.POSITIVE_INFINITY;
}

/** Does what is due by now: an open circuit becomes half open, a hung probe fails. No timer does this (ST-01). */
export function advance(
  state: BreakerState,
  settings: MachineSettings,
  now: number,
  log: Transition[],
): void {
  if (state.phase === 'closed') {
    // In a fixed window, a call of the one before has no part.
    if (forgetOld(state.window, settings.window, now)) state.closedTicket = ++state.lastTicket;
    return;
  }
  for (;;) {
    if (state.phase === 'open') {
      if (now < state.openedAt + state.openForMs) return;
      if (settings.isElective && now >= state.probesUntil) return;
      enter(state, 'half_open', '', log);
    }
    const overdue = state.probes.findIndex(({ endsAt }) => endsAt <= now);
    if (overdue === -1) return;
    const [{ endsAt }] = state.probes.splice(overdue, 1) as [Probe];
    // As of the moment that it was due, whenever somebody looks.
    probeFailed(state, settings, 'probe_timeout', undefined, endsAt, log);
  }
}

/** Whether all that is missing for a probe is that the fleet elects this instance. */
export function awaitsElection(state: BreakerState, now: number): boolean {
  if (state.phase === 'closed' || now < state.probesUntil) return false;
  return state.phase === 'half_open' || now >= state.openedAt + state.openForMs;
}

/** Opens the circuit, whatever it was. For people, and for what other instances have seen. */
export function open(
  state: BreakerState,
  reason: OpenReason,
  openForMs: number,
  now: number,
  log: Transition[],
): void {
  state.openedAt = now;
  state.openForMs = openForMs;
  state.probesUntil = 0;
  if (state.phase === 'open') state.reason = reason;
  else enter(state, 'open', reason, log);
}

/** Closes the circuit and forgets what opened it (CB-26). */
export function close(state: BreakerState, log: Transition[]): void {
  clearWindow(state.window);
  state.reopenings = 0;
  state.isExceeded = false;
  state.closedTicket = ++state.lastTicket;
  if (state.phase !== 'closed') enter(state, 'closed', '', log);
}

function probeFailed(
  state: BreakerState,
  settings: MachineSettings,
  reason: OpenReason,
  hintMs: number | undefined,
  now: number,
  log: Transition[],
): void {
  state.probeFailures += 1;
  if (state.probeFailures <= settings.halfOpen.toleratedFailures) return;
  state.reopenings += 1;
  open(state, reason, settings.openForMs(factsOf(state, settings), hintMs), now, log);
}

/** After every outcome, a success too: the one that makes the numbers sufficient, or a slow one, can open (CB-11). */
function judge(
  state: BreakerState,
  settings: MachineSettings,
  hintMs: number | undefined,
  now: number,
  log: Transition[],
): void {
  const reason = reasonToOpen(state.window, settings);
  if (settings.observesOnly) {
    const isNew = reason !== undefined && !state.isExceeded;
    state.isExceeded = reason !== undefined;
    if (isNew) log.push({ from: 'closed', to: 'exceeded', reason });
  } else if (reason !== undefined) {
    open(state, reason, settings.openForMs(factsOf(state, settings), hintMs), now, log);
  }
}

/** Why the calls that were counted open the circuit, where they do. */
export function reasonToOpen(
  window: OutcomeWindow,
  settings: MachineSettings,
): OpenReason | undefined {
  const { failures, trip, minRequests, errorRate, slowRate } = settings;
  if (failures !== undefined)
    return window.consecutiveFailures >= failures ? 'failures' : undefined;
  const { total } = window;
  if (total < minRequests) return undefined;
  if (trip !== undefined) return trip(countsOf(window)) ? 'trip' : undefined;
  const isFailing = errorRate !== undefined && window.failures >= errorRate * total - rounding;
  const isSlow = slowRate !== undefined && window.slow >= slowRate * total - rounding;
  if (isFailing) return isSlow ? 'error_rate, slow_rate' : 'error_rate';
  return isSlow ? 'slow_rate' : undefined;
}

/** 0.07 of 100 calls is a little more than 7. */
const rounding = 1e-9;

/** A copy of the numbers. */
export function countsOf(window: OutcomeWindow): Counts {
  const { total, failures, slow, consecutiveFailures, consecutiveSuccesses } = window;
  return { total, failures, slow, consecutiveFailures, consecutiveSuccesses };
}

/** The share of failures and of slow calls; -1 while there were too few calls to tell (CB-10). */
export function ratesOf(
  { total, failures, slow }: OutcomeWindow,
  minRequests: number,
): { readonly failureRate: number; readonly slowRate: number } {
  if (total === 0 || total < minRequests) return { failureRate: -1, slowRate: -1 };
  return { failureRate: failures / total, slowRate: slow / total };
}

function factsOf(state: BreakerState, { minRequests }: MachineSettings): OpenFacts {
  const { failureRate } = ratesOf(state.window, minRequests);
  return {
    failureRate,
    failureCount: state.window.failures,
    halfOpenAttempts: state.reopenings,
  };
}

function enter(state: BreakerState, to: Phase, reason: OpenReason | '', log: Transition[]): void {
  const from = state.phase;
  state.phase = to;
  if (to === 'open') state.reason = reason;
  state.probes = [];
  state.probeSuccesses = 0;
  state.probeFailures = 0;
  log.push({ from, to, reason });
}
