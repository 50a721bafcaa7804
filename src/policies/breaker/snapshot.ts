/**
 * Breakers on paper: what leaves the process and comes back, perhaps into another one.
 *
 * @module
 */

import { type BreakerState, closedState } from './machine.ts';
import { emptyWindow, type OutcomeWindow, type WindowKind } from './window.ts';

/** What is kept of a breaker; plain JSON. Times are wall-clock times, in milliseconds since the epoch. */
export interface BreakerSnapshot {
  readonly version: 1;
  readonly circuits: Readonly<Record<string, BreakerState>>;
}

/**
 * A copy with its times moved, from the clock of this process to the wall clock. A half-open circuit becomes an open one
 * that is due, so that whoever restores it begins with a probe (CB-35).
 */
export function toSnapshot(state: BreakerState, offsetMs: number): BreakerState {
  const copy = moved(state, offsetMs);
  if (copy.phase !== 'half_open') return copy;
  return { ...copy, phase: 'open', openedAt: 0, probes: [], probeSuccesses: 0, probeFailures: 0 };
}

/**
 * The way back. The circuit stays open for what is left of its time since `openedAt`, wherever it is restored (ST-02). The
 * outcomes of a window of another kind or size are left out.
 *
 * @throws {TypeError} where it is no state of a breaker.
 */
export function fromSnapshot(
  written: unknown,
  kind: WindowKind,
  offsetMs: number,
  now: number,
): BreakerState {
  const state = { ...closedState(), ...(written as BreakerState) };
  const { phase, openedAt, openForMs } = state;
  const isSound =
    typeof written === 'object' &&
    (phase === 'closed' || phase === 'open') &&
    numbersOf(state).every((value) => Number.isFinite(value) && value >= 0) &&
    typeof state.reason === 'string';
  if (!isSound) throw new TypeError('breaker.restore: this is no snapshot of a breaker');
  const restored = moved(
    { ...state, window: windowFits(state.window, kind) ? state.window : emptyWindow(), probes: [] },
    -offsetMs,
  );
  // No instance's clock that runs ahead keeps a circuit open for longer than was meant.
  if (phase === 'open' && openedAt - offsetMs > now) restored.openedAt = now;
  restored.openForMs = openForMs;
  return restored;
}

function numbersOf(state: BreakerState): readonly number[] {
  const { lastTicket, closedTicket, openedAt, openForMs, reopenings } = state;
  return [lastTicket, closedTicket, openedAt, openForMs, reopenings];
}

function windowFits(window: OutcomeWindow, kind: WindowKind): boolean {
  const { cells, total, failures, slow, position, bucketEndsAt } = window ?? {};
  if (!Array.isArray(cells)) return false;
  const numbers = [total, failures, slow, position, ...cells, bucketEndsAt ?? 0];
  const { consecutiveFailures, consecutiveSuccesses } = window;
  numbers.push(consecutiveFailures, consecutiveSuccesses);
  if (!numbers.every((value) => Number.isInteger(Math.trunc(value)) && value >= 0)) return false;
  if (kind.kind === 'time') {
    const length = 3 * kind.buckets;
    return (cells.length === length || cells.length === 0) && position < kind.buckets;
  }
  return kind.kind === 'count'
    ? cells.length <= kind.size && position < kind.size
    : cells.length === 0;
}

function moved(state: BreakerState, byMs: number): BreakerState {
  const { window } = state;
  const { bucketEndsAt } = window;
  return {
    ...state,
    // An election is of this process.
    probesUntil: 0,
    window: {
      ...window,
      cells: [...window.cells],
      bucketEndsAt: bucketEndsAt === null ? null : bucketEndsAt + byMs,
    },
    openedAt: state.openedAt + byMs,
    probes: state.probes.map(({ ticket, endsAt }) => ({ ticket, endsAt: endsAt + byMs })),
  };
}
