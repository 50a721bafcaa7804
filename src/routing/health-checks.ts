/**
 * Carrying out health checks: whoever has time to spare runs those that are due. Nothing here sets a timer but the limit
 * of a check under way.
 *
 * @module
 */

import { follow, timeoutError } from '../core/abort.ts';
import type { Clock } from '../core/clock.ts';
import { discard } from '../core/discard.ts';
import { afterCheck, type HealthSettings } from './health.ts';
import type { Host, PoolState } from './host.ts';

/** Sends a check: the runtime's `fetch`, or anything that can be called like it. */
export type CheckTransport = (url: string, init: RequestInit) => Promise<Response>;

/** Settings of {@link createHealthChecks}. */
export interface HealthChecksOptions {
  readonly hosts: readonly Host[];
  readonly state: PoolState;
  readonly settings: HealthSettings;
  readonly send: CheckTransport;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The checks of one pool. */
export interface HealthChecks {
  /** When the next one is due, on the monotonic clock. */
  readonly dueAt: number;
  /**
   * Runs those that are due.
   *
   * @param most How many at once; those that waited longest come first.
   * @param signal Gives up those under way; they count as never made.
   * @returns Resolves when they are done; never rejects.
   */
  run(most: number, signal?: AbortSignal): Promise<void>;
}

/** Prepares the checks of some hosts. */
export function createHealthChecks(options: HealthChecksOptions): HealthChecks {
  const { hosts, state, settings, send, clock, random } = options;
  let dueAt = Number.NEGATIVE_INFINITY;

  async function check(host: Host, signal: AbortSignal | undefined): Promise<void> {
    const passed = await answers(host, signal);
    if (passed === undefined) return;
    const before = host.vitals.isUp;
    host.vitals = afterCheck(host.vitals, passed, settings);
    if (host.vitals.isUp !== before) state.changes += 1;
  }

  /** Whether the endpoint answers; `undefined` where the check was given up. */
  function answers(host: Host, outer: AbortSignal | undefined): Promise<boolean | undefined> {
    return new Promise((resolve) => {
      const follower = follow(outer ?? new AbortController().signal);
      const { signal } = follower;
      const cancelTimer = clock.schedule(() => {
        follower.abort(timeoutError('The health check took too long'));
      }, settings.timeoutMs);
      function settle(passed: boolean | undefined): void {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        follower.release(undefined);
        resolve(passed);
      }
      function onAbort(): void {
        settle(outer?.aborted ? undefined : false);
      }
      // Also where the transport does not heed its signal.
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) {
        onAbort();
        return;
      }
      const ask = async (): Promise<Response> =>
        await (host.endpoint.send ?? send)(`${host.endpoint.url}${settings.path}`, {
          method: 'GET',
          headers: { 'user-agent': 'fetchmesh-health', 'cache-control': 'no-cache' },
          redirect: 'manual',
          signal,
        });
      ask().then(
        (response) => {
          discard(response);
          if (!signal.aborted) settle(response.ok);
        },
        () => {
          if (!signal.aborted) settle(false);
        },
      );
    });
  }

  return {
    get dueAt() {
      return dueAt;
    },
    async run(most, signal) {
      const now = clock.monotonic();
      const due = hosts
        .filter(({ checkAt }) => checkAt <= now)
        .sort((a, b) => a.checkAt - b.checkAt)
        .slice(0, most);
      for (const host of due) {
        // Set beforehand, so that nobody begins the same check again; spread, so that gateways that began together drift
        // apart.
        host.checkAt = now + settings.intervalMs * (0.9 + random() / 5);
      }
      dueAt = hosts.reduce((least, { checkAt }) => Math.min(least, checkAt), Infinity);
      await Promise.all(due.map((host) => check(host, signal)));
    },
  };
}
