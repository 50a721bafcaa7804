/**
 * What lives on when the rules are replaced: breakers, limits, the turn of a balancer.
 *
 * @module
 */

/** Hands out what was made for the same purpose with the same settings before, else makes it. */
export type Keep = <T>(purpose: KeptPurpose, make: () => T) => T;

/** Two rules files mean the same thing where all of this is equal. */
export interface KeptPurpose {
  /** Such as `breaker`. */
  readonly kind: string;
  /** The name of the route or service that it belongs to. */
  readonly owner: string;
  /** The block of the rules, as the model holds it. */
  readonly settings: unknown;
}

/** What one revision of the rules keeps. */
export class Kept {
  readonly #before: ReadonlyMap<string, unknown>;
  readonly #now = new Map<string, unknown>();

  private constructor(before: ReadonlyMap<string, unknown>) {
    this.#before = before;
  }

  /** For the first revision. */
  static nothing(): Kept {
    return new Kept(new Map());
  }

  /** For the next revision; what that does not ask for is let go. */
  next(): Kept {
    return new Kept(this.#now);
  }

  readonly keep: Keep = <T>({ kind, owner, settings }: KeptPurpose, make: () => T): T => {
    const id = JSON.stringify([kind, owner, settings]);
    const kept = this.#now.get(id) ?? this.#before.get(id) ?? make();
    this.#now.set(id, kept);
    return kept as T;
  };
}
