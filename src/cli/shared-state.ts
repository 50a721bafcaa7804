/**
 * What `serve` shares with other instances: as its options say, else as the rules do.
 *
 * @module
 */

import process from 'node:process';
import type { SharedState } from '../rules/model.ts';
import { readCount, UsageError } from './usage.ts';

/** The options of `serve`, as they are given. */
export interface StateOptions {
  readonly store?: string | undefined;
  readonly 'store-mode'?: string | undefined;
  readonly breakers?: string | undefined;
  readonly instances?: string | undefined;
}

/** The same, with the URL of the store itself. */
export interface State extends SharedState {
  readonly store?: string;
}

/** Reads the options. @throws {UsageError} that names the option. */
export function readState(options: StateOptions): Partial<State> {
  const { store, 'store-mode': mode, breakers, instances } = options;
  if (mode !== undefined && mode !== 'exact' && mode !== 'leased') {
    throw new UsageError(`--store-mode: '${mode}' is not a mode, 'leased' or 'exact'`);
  }
  if (breakers !== undefined && !isAdoption(breakers)) {
    throw new UsageError(`--breakers: '${breakers}' is not 'quorum', 'any' or 'alone'`);
  }
  return {
    ...(store !== undefined && { store }),
    ...(mode !== undefined && { mode }),
    ...(breakers !== undefined && { breakers }),
    ...(instances !== undefined && { instances: readCount('--instances', instances) }),
  };
}

/** Options go before rules. @throws {UsageError} where a variable that the rules name is missing. */
export function stateOf(given: Partial<State>, written: SharedState | undefined): State {
  const { store, ...rest } = written ?? { mode: 'leased', breakers: 'quorum', instances: 1 };
  if (given.store !== undefined || store === undefined) return { ...rest, ...given };
  if (typeof store === 'string') return { ...rest, store, ...given };
  const url = process.env[store.env];
  if (url) return { ...rest, store: url, ...given };
  throw new UsageError(`state.store: the variable ${store.env} is not set`);
}

function isAdoption(text: string): text is State['breakers'] {
  return text === 'quorum' || text === 'any' || text === 'alone';
}
