/**
 * The end of `serve`.
 *
 * @module
 */

import process from 'node:process';
import { sleep, systemClock } from '../core/clock.ts';
import type { Drain } from '../runtimes/drain.ts';
import type { FleetRunner } from '../runtimes/fleet-runner.ts';
import type { HealthRunner } from '../runtimes/health-runner.ts';
import type { Listener } from '../runtimes/listen.ts';
import type { LineBuffer } from '../telemetry/line-buffer.ts';
import type { Telemetry } from '../telemetry/setup.ts';
import type { StopSignals } from './signals.ts';
import type { OpenedStore } from './store.ts';

/** What runs, and has to end. */
export interface Running {
  readonly drain: Drain;
  /** The first one takes the traffic. */
  readonly listeners: readonly Listener[];
  readonly checks: HealthRunner;
  readonly watches: readonly { close(): void | Promise<void> }[];
  readonly gossip: FleetRunner | undefined;
  readonly telemetry: Telemetry | undefined;
  readonly accessLog: LineBuffer;
  readonly opened: OpenedStore | undefined;
  readonly signals: StopSignals;
  /** How long new connections are taken once readiness is gone. */
  readonly delaySeconds: number;
  /** How long requests under way get after that. */
  readonly drainSeconds: number;
}

/** The longest that a timer waits; beyond it, one ends at once. */
const longestTimerMs = 2_147_483_647;

/** What the last export gets where requests have used up the drain's time, in milliseconds. */
const shortestFlushMs = 1_000;

/**
 * Readiness goes first, a little later the listeners, since whoever sends hears of it late; then requests under way end, then
 * telemetry is flushed, in what is left of the drain's time. Each further signal ends at once what is being waited for.
 */
export async function stop(running: Running): Promise<void> {
  const { drain, listeners, checks, watches, gossip, telemetry, accessLog, opened } = running;
  const { signals, delaySeconds, drainSeconds } = running;
  const [traffic, ...others] = listeners as [Listener, ...Listener[]];
  const limitMs = Math.min((delaySeconds + drainSeconds) * 1_000, longestTimerMs);
  const endsAt = performance.now() + limitMs;
  drain.begin();
  const closed = Promise.all(watches.map((watch) => watch.close()));
  // Listened for before anything is said: whoever reads it may send the second signal at once.
  let again = signals.next();
  console.error(`fetchmesh: draining ${traffic.unfinished ?? drain.active} requests`);
  const cut = new AbortController();
  const closing = sleep(systemClock, delaySeconds * 1_000, cut.signal).then(
    () => traffic.close(),
    () => {},
  );
  const drained = await within(limitMs, again, closing);
  if (!drained) {
    cut.abort();
    console.error(`fetchmesh: ${cutOff(traffic, drain)} cut off`);
    again = signals.next();
    await traffic.close(true);
  }
  checks.stop();
  gossip?.close();
  const flushMs = drained ? Math.max(shortestFlushMs, endsAt - performance.now()) : shortestFlushMs;
  const flushed = await within(
    flushMs,
    again,
    Promise.all([telemetry?.shutdown(), accessLog.flush(), opened?.close(), closed]),
  );
  reportLostSpans(telemetry);
  if (accessLog.dropped > 0) {
    console.error(`fetchmesh: access log: ${accessLog.dropped} lines are lost`);
  }
  await Promise.all(others.map((listener) => listener.close(true)));
  // What was cut off keeps the process alive.
  if (!drained || !flushed) process.exit(0);
}

function cutOff({ unfinished }: Listener, { active }: Drain): string {
  // Deno counts no answers whose body is on its way.
  return unfinished === undefined && active === 0
    ? 'answers under way'
    : `${unfinished ?? active} requests`;
}

/** @returns Whether it came about in time and before the signal. */
async function within(
  limitMs: number,
  signal: Promise<void>,
  work: Promise<unknown>,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), late, signal.then(() => false)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Nothing is lost in silence. */
function reportLostSpans(telemetry: Telemetry | undefined): void {
  if (telemetry === undefined) return;
  const { buffer, exporter } = telemetry.statistics;
  const rejected = exporter?.rejected ?? 0;
  const lost = buffer.buffered + buffer.inFlight + buffer.failed + buffer.dropped + rejected;
  if (lost === 0) return;
  const taken = buffer.exported - rejected;
  console.error(`fetchmesh: traces: ${lost} of ${lost + taken} spans are lost`);
}
