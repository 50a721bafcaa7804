/**
 * Remembering refusals for as long as they are proofs.
 *
 * @module
 */

import type { Grant, Limit } from './contract.ts';
import { sameLimit } from './limit.ts';

interface Refusal {
  readonly limit: Limit;
  readonly until: number;
  readonly fullAt: number;
  readonly remaining: number;
}

/** Refusals of one unit by key. Bounded: beyond the capacity the oldest is forgotten, which costs a question. */
export class DenyCache {
  readonly #capacity: number;
  readonly #refusals = new Map<string, Refusal>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#refusals.size;
  }

  /** @param now On a monotonic clock, in milliseconds. */
  remember(key: string, limit: Limit, refusal: Grant, now: number): void {
    const { retryMs, resetMs, remaining } = refusal;
    if (!(retryMs > 0 && retryMs < Number.POSITIVE_INFINITY)) return;
    this.#refusals.delete(key);
    this.#refusals.set(key, { limit, until: now + retryMs, fullAt: now + resetMs, remaining });
    if (this.#refusals.size <= this.#capacity) return;
    const [oldest] = this.#refusals.keys();
    this.#refusals.delete(oldest as string);
  }

  /** The refusal that still holds for this limit. */
  find(key: string, limit: Limit, now: number): Grant | undefined {
    const found = this.#refusals.get(key);
    if (found === undefined) return undefined;
    if (now < found.until && sameLimit(found.limit, limit)) {
      const { remaining, until, fullAt } = found;
      return { granted: 0, remaining, retryMs: until - now, resetMs: Math.max(0, fullAt - now) };
    }
    this.#refusals.delete(key);
    return undefined;
  }
}
