/**
 * Choosing the version that serves a request, once for each request.
 *
 * @module
 */

import { clientScheme } from '../core/client-scheme.ts';
import type { Context } from '../core/context.ts';
import { compileKeys } from './key-expression.ts';
import type { RequestFacts } from './request-facts.ts';
import { compileSplit, type Weighted } from './split.ts';
import { stickyChoice, stickyCookie, stickyCookieName } from './sticky.ts';

/** How callers keep their version. */
export interface StickyOptions {
  /** Key expressions, joined. */
  readonly by: readonly string[];
  /** Life of the cookie for callers without a key, in milliseconds. */
  readonly ttlMs: number;
}

/** What was chosen. */
export interface Choice {
  /** Index of the destination. */
  readonly index: number;
  /** `Set-Cookie` value that makes the caller come back to it. */
  readonly cookie: string | undefined;
}

/** Chooses a destination for a request. */
export type Chooser = (facts: RequestFacts, context: Context) => Choice;

/** Settings of {@link compileChooser}. */
export interface ChooserOptions {
  readonly routeName: string;
  /** The canary first, if callers are to keep their version while its weight grows. */
  readonly destinations: readonly Weighted[];
  readonly sticky?: StickyOptions | undefined;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/**
 * Compiles the choice between weighted destinations: by chance, or by what the caller is known by.
 *
 * @throws {RangeError} for weights or key expressions that make no sense.
 */
export function compileChooser(options: ChooserOptions): Chooser {
  const { routeName, destinations, sticky, random } = options;
  if (destinations.length === 1) return () => only;
  const split = compileSplit(destinations);
  if (sticky === undefined) {
    return () => ({ index: split.choose(random()), cookie: undefined });
  }
  const readKey = compileKeys(sticky.by, routeName);
  if (readKey === undefined) {
    throw new RangeError(`sticky.by: '${sticky.by.join(', ')}' is not a list of key expressions`);
  }
  const name = stickyCookieName(routeName);
  return (facts, context) => {
    const known = readKey(facts, context) ?? facts.cookie(name);
    if (known !== undefined) {
      return { index: stickyChoice(split, routeName, known), cookie: undefined };
    }
    const key = crypto.randomUUID();
    const told = context.get(clientScheme);
    const secure = told === undefined ? facts.isSecure : told === 'https';
    const cookie = stickyCookie({ name, key, ttlMs: sticky.ttlMs, secure });
    return { index: stickyChoice(split, routeName, key), cookie };
  };
}

const only: Choice = { index: 0, cookie: undefined };
