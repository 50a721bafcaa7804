import type { Goal } from '../table.ts';

/** Ours beside one peer, at the same work. A file of this folder exports a list of them, `bench/pairs.ts` takes it in. */
export interface Pair {
  readonly name: string;
  readonly ours: () => unknown;
  readonly peer: () => unknown;
  /** What each costs without the thing measured, to be taken off before they are compared. Default: nothing. */
  readonly bare?: { readonly ours: () => unknown; readonly peer: () => unknown };
  readonly goal?: Goal;
}
