/**
 * How slow an endpoint has been of late: quick to believe in trouble, slow to forget it.
 *
 * Semantics: Finagle's `PeakEwma`.
 *
 * @module
 */

/** An average of latencies. */
export interface PeakEwma {
  /** In milliseconds; 0 where nothing is known. */
  readonly cost: number;
  /** When the last latency came, on the monotonic clock. */
  readonly at: number;
}

/** Of an endpoint that has answered nothing yet. */
export const unknownLatency: PeakEwma = { cost: 0, at: 0 };

/** What an endpoint is taken to need that has requests and has answered none yet, in milliseconds. */
export const penaltyMs = 1_000;

/** After this time 63 % of a cost are forgotten, in milliseconds. */
const memoryMs = 10_000;

/** Takes a latency in: one above the cost replaces it at once, others are averaged in. */
export function withLatency(before: PeakEwma, latencyMs: number, now: number): PeakEwma {
  if (latencyMs > before.cost) return { cost: latencyMs, at: now };
  const kept = Math.exp(-Math.max(0, now - before.at) / memoryMs);
  return { cost: before.cost * kept + latencyMs * (1 - kept), at: now };
}

/** The load of an endpoint with this many requests. Nothing known: none, unless it has requests already. */
export function loadOf(latency: PeakEwma, active: number, now: number): number {
  if (latency.cost === 0) return active === 0 ? 0 : penaltyMs + active;
  return withLatency(latency, 0, now).cost * (active + 1);
}
