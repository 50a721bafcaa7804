/**
 * Outlier detection on the hosts of a pool: learns from each try, and sweeps when an interval has passed.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { emit } from '../core/event.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Host, PoolState } from './host.ts';
import {
  afterOutcome,
  type EjectionReason,
  ejected,
  groundsFor,
  mayEject,
  type Standing,
  sweep,
} from './outlier.ts';
import type { OutlierSettings } from './outlier-options.ts';

/** Settings of {@link createEjection}. */
export interface EjectionOptions {
  readonly hosts: readonly Host[];
  readonly state: PoolState;
  readonly settings: OutlierSettings;
  readonly clock: Clock;
}

/** What a pool tells of its requests. */
export interface Ejection {
  /** Before a pick. `context`: that of the request on whose occasion it happens. */
  sweepIfDue(now: number, context: Context): void;
  /** After a try. */
  learn(host: Host, outcome: Outcome, context: Context): void;
}

/** Prepares outlier detection. */
export function createEjection({ hosts, state, settings, clock }: EjectionOptions): Ejection {
  function note(host: Host, reason: EjectionReason, context: Context): void {
    state.changes += 1;
    state.ejections.set(reason, (state.ejections.get(reason) ?? 0) + 1);
    emit(context, 'endpoint_ejected', { endpoint: host.endpoint.url, reason });
  }
  return {
    sweepIfDue(now, context) {
      state.sweptAt ??= now;
      const { sweptAt } = state;
      const intervals = Math.floor((now - sweptAt) / settings.intervalMs);
      if (intervals < 1) return;
      state.sweptAt = sweptAt + intervals * settings.intervalMs;
      const before = hosts.map(({ standing }) => standing);
      const { standings, ejections } = sweep(before, sweptAt, intervals, settings);
      for (const [index, host] of hosts.entries()) {
        const wasEjected = host.isEjected;
        host.standing = standings[index] as Standing;
        if (!wasEjected || host.isEjected) continue;
        state.changes += 1;
        emit(context, 'endpoint_returned', { endpoint: host.endpoint.url });
      }
      for (const [index, reason] of ejections) note(hosts[index] as Host, reason, context);
    },
    learn(host, outcome, context) {
      const standing = afterOutcome(host.standing, outcome, settings);
      if (standing === host.standing) return;
      host.standing = standing;
      if (outcome.verdict !== 'failure') return;
      const reason = groundsFor(standing, settings);
      if (reason === undefined) return;
      const out = hosts.filter(({ isEjected }) => isEjected).length;
      if (!mayEject(out, hosts.length, settings.maxEjected)) return;
      host.standing = ejected(standing, clock.monotonic(), settings);
      note(host, reason, context);
    },
  };
}
