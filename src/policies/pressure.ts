/**
 * How much there is to do, and which requests are to be given up for it.
 *
 * @module
 */

import { functionOption, knownOptions, shown } from '../core/option.ts';
import { criticalLevel } from '../core/priority.ts';

/** Settings of {@link pressure}. */
export interface PressureOptions {
  /** Up to this load nothing is given up. */
  readonly from: number;
  /** From this load on everything is but what is critical. Above `from`. */
  readonly full: number;
  /**
   * The load now, asked for every request: utilisation, the delay of the event loop, the length of a queue … Must be cheap.
   * Default: how many requests are under way through the policies that share this pressure.
   */
  readonly load?: () => number;
}

/** Shared by all `shed` policies of a process, so that they give up the same requests first. */
export interface Pressure {
  /** Whether a request of this level may come in; to be followed by `left` if so. */
  enter(level: number): boolean;
  /** It is answered. */
  left(): void;
  /** How many came in and are not answered yet. */
  readonly inFlight: number;
}

/**
 * Watches the load. Between `from` and `full` the share that is given up grows from none to all; which requests these are
 * is decided by the levels of those that came of late, so that the share is right whatever their mixture is.
 *
 * Semantics: failsafe-go's prioritizer, whose threshold is a quantile of recent levels.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const busy = pressure({ from: 0.8, full: 1, load: () => 0.95 });
 * busy.enter(levelOf('critical', 0)); // true
 * busy.enter(levelOf('background', 0)); // false
 * ```
 */
export function pressure(options: PressureOptions): Pressure {
  knownOptions('pressure', options, { from: true, full: true, load: true });
  const { from, full, load } = options;
  if (!Number.isFinite(from) || from < 0) {
    throw new RangeError(`shed.from: ${shown(from)} is not a number of 0 or more`);
  }
  if (!Number.isFinite(full) || full <= from) {
    throw new RangeError(`shed.full: ${shown(full)} is not a number above from, ${from}`);
  }
  functionOption('shed.load', load);
  const recent = new RecentLevels();
  let inFlight = 0;
  return {
    enter(level) {
      const share = ((load?.() ?? inFlight) - from) / (full - from);
      // What is critical takes no part: a share of one is all the others.
      if (level < criticalLevel) {
        recent.add(level);
        if (share >= 1 || (share > 0 && recent.shareBelow(level) < share)) return false;
      }
      inFlight += 1;
      return true;
    },
    left() {
      inFlight -= 1;
    },
    get inFlight() {
      return inFlight;
    },
  };
}

/** After so many, half of them are forgotten. */
const most = 2_048;

/** How often each level came of late. */
class RecentLevels {
  readonly #counts = new Uint16Array(criticalLevel);
  #total = 0;

  add(level: number): void {
    this.#counts[level] = (this.#counts[level] as number) + 1;
    this.#total += 1;
    if (this.#total < most) return;
    this.#total = 0;
    for (let index = 0; index < criticalLevel; index++) {
      const half = (this.#counts[index] as number) >> 1;
      this.#counts[index] = half;
      this.#total += half;
    }
  }

  /** What share of them was lower; of those on the same level one half. */
  shareBelow(level: number): number {
    let below = (this.#counts[level] as number) / 2;
    for (let index = 0; index < level; index++) below += this.#counts[index] as number;
    return below / this.#total;
  }
}
