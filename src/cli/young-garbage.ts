/**
 * Collecting garbage in small portions while much is made that stays.
 *
 * V8 lets new objects gather, 16 MB of them or more, and then copies those that live on while everything waits. Usually few do; of rules
 * that are being read and compiled all do, and the pause is the longest that requests see of a reload.
 *
 * @module
 */

import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** So many new objects take a millisecond or so to copy, in bytes. */
const portion = 2_000_000;

/** How often they are looked at, in milliseconds: a slice of the work and the time after it. */
const intervalMs = 3;

type Collect = (options: { readonly type: 'minor' }) => void;

/** `null` where the runtime has none to call. */
let collect: Collect | null | undefined;

/** Does work of which much stays, and has what is new collected portion by portion meanwhile, on Node. */
export async function inYoungPortions<T>(work: () => Promise<T>): Promise<T> {
  collect ??= collector();
  const minor = collect;
  if (minor === null) return await work();
  const timer = setInterval(() => {
    if (newBytes() > portion) minor({ type: 'minor' });
  }, intervalMs);
  timer.unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

function newBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_used_size ?? 0;
}

function collector(): Collect | null {
  // Bun has another engine, and Deno takes no flags.
  if ('Bun' in globalThis || 'Deno' in globalThis) return null;
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof found === 'function' ? (found as Collect) : null;
}
