/**
 * The settings of balancing, as they are given and as they are used.
 *
 * @module
 */

import { knownOptions, shown } from '../core/option.ts';
import { type BalancePolicy, balancePolicies, createPicker, type Picker } from './balance.ts';
import { share } from './option.ts';

/** Settings of balancing. */
export interface BalanceOptions {
  /**
   * Default: `'least_request'`, the less busy of two drawn by chance. `'round_robin'`: in turn. `'random'`.
   * `'peak_ewma'`: the one of two whose recent latency times its requests is lower. Or a picker of one's own.
   */
  readonly policy?: BalancePolicy | Picker;
  /**
   * With `'least_request'` and weights that differ: how much a weight loses under load, `weight / (active + 1) ^ bias`;
   * 0 for nothing. Default: 1.
   */
  readonly bias?: number;
  /** Where less than this share of the endpoints is healthy, all are used. From 0 (never) to 1. Default: 0.5. */
  readonly panic?: number;
}

/** {@link BalanceOptions}, checked and complete. */
export interface BalanceSettings {
  /** For diagnostics, and to tell settings apart: those of the same name make the same kind of picker. */
  readonly name: string;
  readonly panic: number;
  makePicker(random: () => number): Picker;
}

/** @throws {RangeError} names the option, the value and what is allowed. */
export function balanceSettings(
  option: string,
  given: BalancePolicy | Picker | BalanceOptions,
): BalanceSettings {
  const isShort = typeof given === 'string' || isPicker(given);
  if (!isShort) knownOptions(option, given, { policy: true, bias: true, panic: true });
  const { policy = 'least_request', bias, panic = 0.5 } = isShort ? { policy: given } : given;
  share(`${option}.panic`, panic, 'from 0');
  if (bias !== undefined && policy !== 'least_request') {
    throw new RangeError(`${option}.bias: only 'least_request' has one`);
  }
  const by = bias ?? 1;
  if (!Number.isFinite(by) || by < 0) {
    throw new RangeError(`${option}.bias: ${shown(bias)} is not a number of 0 or more`);
  }
  if (isPicker(policy)) return { name: 'own picker', panic, makePicker: () => checked(policy) };
  if (!balancePolicies.includes(policy)) {
    throw new RangeError(
      `${isShort ? option : `${option}.policy`}: ${shown(policy)} is not one of ${balancePolicies.join(', ')}, nor an object with pick`,
    );
  }
  return {
    name: by === 1 ? policy : `${policy} ^${by}`,
    panic,
    makePicker: (random) => createPicker(policy, by, random),
  };
}

/** A picker of somebody's own, held to what it promises. */
function checked(picker: Picker): Picker {
  return {
    pick(candidates, now) {
      const picked = picker.pick(candidates, now);
      if (candidates.includes(picked)) return picked;
      throw new TypeError(`balance: pick returned ${shown(picked)}, not one of the candidates`);
    },
    ...(picker.observe !== undefined && { observe: picker.observe.bind(picker) }),
  };
}

function isPicker(value: unknown): value is Picker {
  return typeof (value as Partial<Picker> | null | undefined)?.pick === 'function';
}
