/**
 * Hearing of other instances without waiting for traffic, where there are timers: on Node, Bun and Deno.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import type { BreakerFleet } from '../policies/breaker/fleet/fleet.ts';

/** Looks for news whenever it is time; `close` ends that, and the listening. */
export interface FleetRunner {
  close(): void;
}

const shortestPauseMs = 10;

/** Runs the looks of a fleet. */
export function runFleet(
  fleet: Pick<BreakerFleet, 'sync' | 'nextSyncMs' | 'close'>,
  clock: Clock = systemClock,
): FleetRunner {
  let isOver = false;
  let cancel = (): void => {};
  async function turn(): Promise<void> {
    await fleet.sync();
    if (!isOver) cancel = clock.schedule(turn, Math.max(shortestPauseMs, fleet.nextSyncMs));
  }
  void turn();
  return {
    close() {
      isOver = true;
      cancel();
      fleet.close();
    },
  };
}
