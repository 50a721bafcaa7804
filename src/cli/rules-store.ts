/**
 * The store that `publish` and `rollback` write to.
 *
 * @module
 */

import { InvalidRulesError } from '../rules/sources/source.ts';
import type { Store } from '../stores/contract.ts';
import { connectStore, placeOf } from './store.ts';
import { UsageError } from './usage.ts';

/** How long the store may take, in milliseconds. */
const patienceMs = 10_000;

/**
 * Connects, does the work, and lets go of the store.
 *
 * @throws {UsageError} where the store is not named, cannot be reached, or holds what cannot be read.
 */
export async function withRulesStore(
  url: string | undefined,
  work: (store: Store, place: string) => Promise<number>,
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
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(why)), patienceMs);
  });
  try {
    return await Promise.race([work(opened.store, place), late]);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { message } = error as Error;
    if (error instanceof RangeError || error instanceof InvalidRulesError) {
      throw new UsageError(message);
    }
    throw new UsageError(`${place} cannot be used: ${message}`);
  } finally {
    clearTimeout(timer);
    await opened.close();
  }
}
