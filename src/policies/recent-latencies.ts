/**
 * How long exchanges have taken of late.
 *
 * @module
 */

/** How many of the latest exchanges are remembered. */
const capacity = 512;

/** After how many new ones the order is made anew: sorting for each request would cost more than it tells. */
const staleAfter = 32;

/** The latencies of the last 512 exchanges; forgets the oldest for each new one. */
export class RecentLatencies {
  readonly #latest = new Float64Array(capacity);
  #count = 0;
  #sorted = new Float64Array(0);
  #sortedAt = 0;

  /** How many there have been. */
  get count(): number {
    return this.#count;
  }

  /** Adds one, in milliseconds. */
  add(latencyMs: number): void {
    this.#latest[this.#count % capacity] = latencyMs;
    this.#count += 1;
  }

  /**
   * The latency that the given share of exchanges stayed within (nearest rank), at most 32 exchanges old.
   *
   * @param share From 0 to 1.
   * @returns Milliseconds; `undefined` where there has been none.
   */
  percentile(share: number): number | undefined {
    if (this.#count === 0) return undefined;
    if (this.#sorted.length === 0 || this.#count - this.#sortedAt >= staleAfter) {
      this.#sorted = this.#latest.slice(0, Math.min(this.#count, capacity)).sort();
      this.#sortedAt = this.#count;
    }
    const rank = Math.ceil(share * this.#sorted.length);
    return this.#sorted[Math.max(0, rank - 1)];
  }
}
