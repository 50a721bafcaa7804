/**
 * Refusing stores that cannot count, where something that counts is made.
 *
 * @module
 */

import type { Store } from './contract.ts';

/**
 * Refuses a store that neither takes nor compares and sets.
 *
 * @param owner Whose option it is; stands in the message.
 * @throws {RangeError} that names what to use in its place.
 *
 * @example
 * ```ts
 * checkCounts(memoryStore(), 'rateLimit.store'); // undefined
 * ```
 */
export function checkCounts(store: Store, owner: string): void {
  if (store.take !== undefined || store.capabilities.consistency !== 'eventual') return;
  throw new RangeError(
    `${owner}: the store '${store.name}' is eventual and cannot count; use one with \`take\` (Redis, a Durable Object, Deno KV), limits of the platform on Workers, or none: each of the \`instances\` then counts its share`,
  );
}
