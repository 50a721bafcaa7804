/**
 * One list of a rule as a test.
 *
 * @module
 */

import { addressBlocks, type ParsedAddress } from '../../core/address.ts';
import { shown } from '../../core/option.ts';
import type { AuthorizationFacts, Values } from './facts.ts';
import { compilePattern, type Pattern } from './patterns.ts';

/** Something that an index can look rules up by. */
export type Subject = 'path' | 'host' | 'principal' | 'namespace' | 'requestPrincipal';

/** One list of a rule. */
export interface Test {
  /** Such as `from.principals`, for decision records. */
  readonly name: string;
  /** Present where only requests with a fitting value can pass. */
  readonly index?: { readonly subject: Subject; readonly patterns: readonly Pattern[] };
  holds(facts: AuthorizationFacts): boolean;
}

/**
 * How rules judge what nobody could tell (the peer's identity without TLS, an address): against the request. So it does not
 * match a rule that allows, and does match one that denies.
 */
export type Doubt = 'matches' | 'does not match';

/** One list, and the one that begins with `not`. */
export interface Lists {
  readonly place: string;
  readonly name: string;
  readonly given: readonly unknown[] | undefined;
  readonly unwanted: readonly unknown[] | undefined;
  readonly doubt: Doubt;
}

/** @throws {RangeError} names the place and the value. */
export function textTests(
  { place, name, given, unwanted, doubt }: Lists,
  read: (facts: AuthorizationFacts) => Values,
  settings: { compile?: (written: string) => Pattern | undefined; subject?: Subject } = {},
): readonly Test[] {
  const { compile = compilePattern, subject } = settings;
  const patternsOf = (list: readonly unknown[]): readonly Pattern[] =>
    list.map((written) => {
      const text = typeof written === 'number' ? String(written) : written;
      const pattern = typeof text === 'string' && text !== '' ? compile(text) : undefined;
      if (pattern !== undefined) return pattern;
      throw new RangeError(`${place}: ${shown(written)} is nothing to compare with`);
    });
  const inDoubt = doubt === 'matches';
  const tests: Test[] = [];
  if (given !== undefined) {
    const patterns = patternsOf(given);
    tests.push({
      name,
      ...(subject !== undefined && { index: { subject, patterns } }),
      holds: (facts) => {
        const values = read(facts);
        return values === undefined ? inDoubt : someFit(patterns, values);
      },
    });
  }
  if (unwanted !== undefined) {
    const patterns = patternsOf(unwanted);
    tests.push({
      name: `${name}, not`,
      holds: (facts) => {
        const values = read(facts);
        return values === undefined ? inDoubt : !someFit(patterns, values);
      },
    });
  }
  return tests;
}

function someFit(patterns: readonly Pattern[], values: readonly string[]): boolean {
  for (const value of values) {
    for (const pattern of patterns) if (pattern.fits(value)) return true;
  }
  return false;
}

/** @throws {RangeError} names the place and the value. */
export function addressTests(
  { place, name, given, unwanted, doubt }: Lists,
  read: (facts: AuthorizationFacts) => ParsedAddress | undefined,
): readonly Test[] {
  const test = (list: readonly unknown[], isWanted: boolean): Test => {
    const addresses = addressBlocks(place, list);
    return {
      name: isWanted ? name : `${name}, not`,
      holds: (facts) => {
        const address = read(facts);
        if (address === undefined) return doubt === 'matches';
        return addresses.holds(address) === isWanted;
      },
    };
  };
  return [
    ...(given === undefined ? [] : [test(given, true)]),
    ...(unwanted === undefined ? [] : [test(unwanted, false)]),
  ];
}

/** A list of another name would be passed over, and with it what it was meant to keep out. */
export function refuseUnknown(place: string, given: object, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new RangeError(`${place}: ${shown(given)} is not an object of lists`);
  }
  for (const [key, list] of Object.entries(given)) {
    const wanted = /^not[A-Z]/.test(key) ? `${key[3]?.toLowerCase()}${key.slice(4)}` : key;
    if (!known.includes(wanted)) {
      throw new RangeError(
        `${place}.${key}: there is no such list; there are ${known.join(', ')}, each with not in front too`,
      );
    }
    if (list !== undefined && !(Array.isArray(list) && list.length > 0)) {
      throw new RangeError(`${place}.${key}: ${shown(list)} is not a list with an entry`);
    }
  }
}
