/**
 * The outcomes that a breaker judges by: failures in a row, the last so many calls, or the last so many seconds.
 *
 * @module
 */

/** What of the past is looked at. */
export type WindowKind =
  /** Failures since the last success. */
  | { readonly kind: 'consecutive' }
  /** The last `size` calls. */
  | { readonly kind: 'count'; readonly size: number }
  /** The last `buckets` spans of `bucketMs` milliseconds, the present one included; a single one is a fixed window. */
  | { readonly kind: 'time'; readonly buckets: number; readonly bucketMs: number };

/** The outcomes of a window: plain data, the same after a trip through JSON. */
export interface OutcomeWindow {
  total: number;
  failures: number;
  /** Slow successes and slow failures. */
  slow: number;
  consecutiveFailures: number;
  consecutiveSuccesses: number;
  /** Count: one number a call, made of the two bits below. Time: total, failures and slow of each bucket in turn. */
  cells: number[];
  /** Count: where the next call goes. Time: the present bucket. */
  position: number;
  /** Time: when the present bucket ends; `null` before the first outcome. */
  bucketEndsAt: number | null;
}

const failureBit = 1;
const slowBit = 2;

/** A window without outcomes. Its cells are made as they are needed, so that an idle breaker weighs little. */
export function emptyWindow(): OutcomeWindow {
  return {
    total: 0,
    failures: 0,
    slow: 0,
    consecutiveFailures: 0,
    consecutiveSuccesses: 0,
    cells: [],
    position: 0,
    bucketEndsAt: null,
  };
}

/** Forgets everything. */
export function clearWindow(window: OutcomeWindow): void {
  Object.assign(window, emptyWindow());
}

/** Adds an outcome. */
export function addOutcome(
  window: OutcomeWindow,
  kind: WindowKind,
  isFailure: boolean,
  isSlow: boolean,
  now: number,
): void {
  if (kind.kind === 'count') addToRing(window, kind.size, isFailure, isSlow);
  else if (kind.kind === 'time') addToBucket(window, kind, isFailure, isSlow, now);
  window.total += 1;
  if (isSlow) window.slow += 1;
  if (isFailure) {
    window.failures += 1;
    window.consecutiveFailures += 1;
    window.consecutiveSuccesses = 0;
  } else {
    window.consecutiveSuccesses += 1;
    window.consecutiveFailures = 0;
  }
}

function addToRing(window: OutcomeWindow, size: number, isFailure: boolean, isSlow: boolean): void {
  const { cells, position } = window;
  const oldest = cells[position];
  if (oldest !== undefined) {
    window.total -= 1;
    if (oldest & failureBit) window.failures -= 1;
    if (oldest & slowBit) window.slow -= 1;
  }
  cells[position] = (isFailure ? failureBit : 0) | (isSlow ? slowBit : 0);
  window.position = position + 1 === size ? 0 : position + 1;
}

function addToBucket(
  window: OutcomeWindow,
  kind: WindowKind & { kind: 'time' },
  isFailure: boolean,
  isSlow: boolean,
  now: number,
): void {
  forgetOld(window, kind, now);
  const { cells } = window;
  while (cells.length < 3 * kind.buckets) cells.push(0);
  window.bucketEndsAt ??= (Math.floor(now / kind.bucketMs) + 1) * kind.bucketMs;
  const cell = 3 * window.position;
  cells[cell] = (cells[cell] as number) + 1;
  if (isFailure) cells[cell + 1] = (cells[cell + 1] as number) + 1;
  if (isSlow) cells[cell + 2] = (cells[cell + 2] as number) + 1;
}

/**
 * Drops the buckets that are too old by now, all of them after a long silence (CB-08).
 *
 * @returns Whether a fixed window began anew.
 */
export function forgetOld(window: OutcomeWindow, kind: WindowKind, now: number): boolean {
  const { bucketEndsAt } = window;
  if (kind.kind !== 'time' || bucketEndsAt === null || now < bucketEndsAt) return false;
  const { buckets, bucketMs } = kind;
  const passed = 1 + Math.floor((now - bucketEndsAt) / bucketMs);
  window.bucketEndsAt = bucketEndsAt + passed * bucketMs;
  const { cells } = window;
  for (let step = Math.min(passed, buckets); step > 0; step--) {
    window.position = window.position + 1 === buckets ? 0 : window.position + 1;
    const cell = 3 * window.position;
    window.total -= cells[cell] ?? 0;
    window.failures -= cells[cell + 1] ?? 0;
    window.slow -= cells[cell + 2] ?? 0;
    cells[cell] = 0;
    cells[cell + 1] = 0;
    cells[cell + 2] = 0;
  }
  if (window.total === 0) {
    window.consecutiveFailures = 0;
    window.consecutiveSuccesses = 0;
  }
  return buckets === 1;
}
