/**
 * Health checks that do not wait for traffic, where there are timers: on Node, Bun and Deno.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';

/** Something with health checks: a gateway, or a service. */
export interface Checkable {
  /** How long until the next one is due, in milliseconds. */
  readonly nextCheckMs: number;
  /** Runs those that are due. */
  checkHealth(signal?: AbortSignal): Promise<void>;
}

/** Checks under way, to be stopped. */
export interface HealthRunner {
  /** Sets no more timers and gives up the checks under way. */
  stop(): void;
}

/** A reload may bring checks that are due sooner: looked for so often, in milliseconds. */
const longestPauseMs = 1_000;
const shortestPauseMs = 10;

/** Runs checks whenever they are due. */
export function runHealthChecks(subject: Checkable, clock: Clock = systemClock): HealthRunner {
  const controller = new AbortController();
  let cancel = (): void => {};
  function turn(): void {
    if (subject.nextCheckMs <= 0) void subject.checkHealth(controller.signal);
    const pause = Math.max(shortestPauseMs, Math.min(subject.nextCheckMs, longestPauseMs));
    cancel = clock.schedule(turn, pause);
  }
  turn();
  return {
    stop() {
      cancel();
      controller.abort();
    },
  };
}
