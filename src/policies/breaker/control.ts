/**
 * A breaker in the hands of an operator, and on its way into a store and back.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import type { Duration } from '../../core/duration.ts';
import { wordOption } from '../../core/option.ts';
import type { Circuit, Circuits } from './circuits.ts';
import {
  advance,
  type Counts,
  close,
  closedState,
  countsOf,
  type MachineSettings,
  type OpenReason,
  open,
  type Phase,
  ratesOf,
  type Transition,
} from './machine.ts';
import type { BreakerMode } from './options.ts';
import { tripDuration } from './settings.ts';
import { type BreakerSnapshot, fromSnapshot, toSnapshot } from './snapshot.ts';

/** A circuit as it is now. */
export interface BreakerStatus extends Counts {
  readonly key: string;
  readonly state: Phase | 'isolated' | 'forced_open' | 'disabled';
  /** Why it is open; empty where it is not. */
  readonly reason: OpenReason | '';
  /** From 0 to 1; -1 while there were too few calls to tell. While open, that of the calls before. */
  readonly failureRate: number;
  /** The same for slow calls. */
  readonly slowRate: number;
  /** Until a probe is let through, in milliseconds; 0 where it is not open. */
  readonly openForMs: number;
  /** Probes under way. */
  readonly probes: number;
  /** Probes that succeeded since the circuit became half open. */
  readonly probeSuccesses: number;
}

/** What can be done to a breaker from outside. Without a key all circuits that there are are meant. */
export interface BreakerControl {
  /** All circuits, that used least recently first. */
  list(): readonly BreakerStatus[];
  /** One circuit; one that no request has used is closed. */
  status(key?: string): BreakerStatus;
  /** Rejects all calls until the function that is returned was called, and that of everyone else who isolated it. */
  isolate(key?: string): () => void;
  /** Opens for so long. */
  trip(openFor: Duration, key?: string): void;
  /** Closes, and forgets the calls counted so far. */
  reset(key?: string): void;
  /** Switches, and forgets what happened under the mode before. */
  setMode(mode: BreakerMode): void;
  /** All circuits for a store: a deep copy that `JSON.stringify` can take. */
  toJSON(): BreakerSnapshot;
  /** Takes up what {@link toJSON} wrote, perhaps in another process. Calls under way count no more. */
  restore(snapshot: BreakerSnapshot): void;
}

/** What the middleware and its control share. */
export interface ControlParts {
  readonly circuits: Circuits;
  readonly shared: { mode: BreakerMode; settings: MachineSettings };
  readonly clock: Clock;
  readonly log: Transition[];
  readonly announce: (circuit: Circuit) => void;
  /** All calls share one circuit. */
  readonly isSingle: boolean;
}

/** Makes the control of a breaker. */
export function control(parts: ControlParts): BreakerControl {
  const { circuits, shared, clock, log, announce, isSingle } = parts;

  function meant(key: string | undefined): Circuit[] {
    if (key === undefined && !isSingle) return [...circuits.all()];
    return [circuits.of(key ?? '')];
  }
  function intervene(key: string | undefined, step: (circuit: Circuit, now: number) => void): void {
    for (const circuit of meant(key)) {
      step(circuit, clock.monotonic());
      announce(circuit);
    }
  }
  function statusOf(circuit: Circuit): BreakerStatus {
    const { key, state, isolations } = circuit;
    const now = clock.monotonic();
    advance(state, shared.settings, now, log);
    announce(circuit);
    const { phase } = state;
    const isOverridden = shared.mode === 'forced_open' || shared.mode === 'disabled';
    return {
      key,
      state: isOverridden ? (shared.mode as 'disabled') : isolations > 0 ? 'isolated' : phase,
      reason: phase === 'closed' ? '' : state.reason,
      ...ratesOf(state.window, shared.settings.minRequests),
      ...countsOf(state.window),
      openForMs: phase === 'open' ? Math.max(0, state.openedAt + state.openForMs - now) : 0,
      probes: state.probes.length,
      probeSuccesses: state.probeSuccesses,
    };
  }

  return {
    list: () => Array.from(circuits.all(), statusOf),
    status: (key = '') =>
      statusOf(circuits.peek(key) ?? { key, state: closedState(), isolations: 0 }),
    isolate(key) {
      const isolated = meant(key);
      for (const circuit of isolated) circuit.isolations += 1;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        for (const circuit of isolated) circuit.isolations -= 1;
      };
    },
    trip(openFor, key) {
      const openForMs = tripDuration(openFor);
      intervene(key, ({ state }, now) => open(state, 'manual', openForMs, now, log));
    },
    reset: (key) => intervene(key, ({ state }) => close(state, log)),
    setMode(mode) {
      wordOption('breaker.mode', mode, ['on', 'metrics_only', 'forced_open', 'disabled']);
      if (mode === shared.mode) return;
      shared.mode = mode;
      shared.settings = { ...shared.settings, observesOnly: mode === 'metrics_only' };
      for (const circuit of circuits.all()) {
        close(circuit.state, log);
        announce(circuit);
      }
    },
    toJSON() {
      const offsetMs = clock.now() - clock.monotonic();
      const written: [string, BreakerSnapshot['circuits'][string]][] = [];
      for (const { key, state } of circuits.all()) written.push([key, toSnapshot(state, offsetMs)]);
      return { version: 1, circuits: Object.fromEntries(written) };
    },
    restore(snapshot) {
      const now = clock.monotonic();
      const offsetMs = clock.now() - now;
      const states = Object.entries(circuitsOf(snapshot)).map(
        ([key, state]) =>
          [key, fromSnapshot(state, shared.settings.window, offsetMs, now)] as const,
      );
      for (const [key, state] of states) {
        const circuit = circuits.of(key);
        // Tickets of calls under way here must not fit.
        state.lastTicket = Math.max(state.lastTicket, circuit.state.lastTicket) + 1;
        state.closedTicket = state.lastTicket;
        circuit.state = state;
      }
    },
  };
}

function circuitsOf(snapshot: BreakerSnapshot): BreakerSnapshot['circuits'] {
  const { version, circuits } = snapshot ?? {};
  if (version === 1 && typeof circuits === 'object' && circuits !== null) return circuits;
  throw new TypeError('breaker.restore: this is no snapshot of a breaker');
}
