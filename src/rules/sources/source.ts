/**
 * Where rules come from while a gateway runs.
 *
 * @module
 */

import type { Rules } from '../model.ts';

/** A place that rules are published in: a key-value store, a file, a URL. {@link followRules} keeps a gateway up with it. */
export interface RulesSource {
  /** Where that is, for messages, such as `KV rules/shop`; no secret is part of it. */
  readonly name: string;
  /**
   * Asks what is published last. Cheap: the rules themselves are read only where their revision is news.
   *
   * @param signal Aborts when nobody waits any longer.
   * @returns `undefined` where nothing was ever published. Rejects where the place cannot be reached, and with
   * {@link InvalidRulesError} where what is there makes no sense.
   */
  latest(signal: AbortSignal): Promise<Publication | undefined>;
}

/** A set of rules that was published as a whole. */
export interface Publication {
  /** Grows with each publication, from 1. Going back to earlier rules is a new publication of them. */
  readonly revision: number;
  /** Reads the rules. Rejects as {@link RulesSource.latest} does. */
  read(signal: AbortSignal): Promise<Rules>;
}

/** Makes rules of JSON that was published. Rejects with {@link InvalidRulesError} where it holds none. */
export type ReadCompiledRules = (json: string) => Promise<Rules>;

/** What was published is no set of rules. */
export class InvalidRulesError extends Error {
  override readonly name = 'InvalidRulesError';
}
