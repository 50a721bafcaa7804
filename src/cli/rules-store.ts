/**
 * The store that `publish` and `rollback` write to.
 *
 * @module
 */

import { InvalidRulesError } from '../rules/sources/source.ts';
import type { Store } from '../stores/contract.ts';
import { connectStore, placeOf } from './connect-store.ts';
import { UsageError } from './usage.ts';

/** How long the store may take for each thing that is asked of it, in milliseconds. */
const patienceMs = 10_000;

/** A store that rules are in. */
export interface RulesStore {
  readonly store: Store;
  /** Its URL without a password. */
  readonly place: string;
  /** Waits for the store no longer than is sensible. */
  inTime<T>(answer: Promise<T>): Promise<T>;
}

/**
 * Connects, does the work, and lets go of the store.
 *
 * @throws {UsageError} where the store is not named, cannot be reached, or holds what cannot be read.
 */
export async function withRulesStore(
  url: string | undefined,
  work: (store: RulesStore) => Promise<number>,
): Promise<number> {
  if (url === undefined)
    throw new UsageError('--to is missing: the store, such as redis://localhost:6379');
  if (/^memory:/i.test(url)) throw new UsageError('--to: memory: ends with this command');
  const place = placeOf(url);
  let why = 'no answer in time';
  const opened = await connectStore(url, {
    option: '--to',
    say: (_, reason) => {
      why = reason;
    },
  });
  async function inTime<T>(answer: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(why)), patienceMs);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
  try {
    return await work({ store: opened.store, place, inTime });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { message } = error as Error;
    if (error instanceof RangeError || error instanceof InvalidRulesError) {
      throw new UsageError(`${message}; nothing was changed`);
    }
    // The client says that it is not connected; why it is not was told before.
    throw new UsageError(`${place} cannot be used: ${/offline/.test(message) ? why : message}`);
  } finally {
    await opened.close();
  }
}
