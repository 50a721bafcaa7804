/**
 * The roles of a caller: from a verified token, or from a header that a trusted peer wrote.
 *
 * @module
 */

import { addressBlocks } from '../../core/address.ts';
import { fieldNameOption } from '../../core/header-field.ts';
import { knownOptions, listOption, shown, textOption } from '../../core/option.ts';
import type { AuthorizationFacts, Values } from './facts.ts';
import { compilePattern, type Pattern } from './patterns.ts';

/** Where the roles of callers stand. */
export interface RolesOptions {
  /** A claim of the token: text, a list, or words; `realm_access.roles` is one inside of another. Default: none. */
  readonly claim?: string;
  /**
   * A header with roles, commas between, such as `x-user-role`. It counts where `trusted` says so; from anybody else it is
   * taken off. Default: none.
   */
  readonly header?: string;
  /** The peers whose header counts; one of the two has to fit. Required beside `header`. */
  readonly trusted?: {
    /** Addresses or networks of peers. */
    readonly ipBlocks?: readonly string[];
    /** Principals of peers, or patterns. */
    readonly principals?: readonly string[];
  };
}

/** Compiled. */
export interface Roles {
  /** The header, in lower case. */
  readonly header: string | undefined;
  isTrusted(facts: AuthorizationFacts): boolean;
  of(facts: AuthorizationFacts): Values;
}

/** @throws {RangeError} names the option, the value and what is allowed. */
export function rolesOption(option: string, given: RolesOptions): Roles {
  knownOptions(option, given, { claim: true, header: true, trusted: true });
  const { claim, header, trusted = {} } = given;
  textOption(`${option}.claim`, claim);
  textOption(`${option}.header`, header);
  knownOptions(`${option}.trusted`, trusted, { ipBlocks: true, principals: true });
  const { ipBlocks = [], principals: patterns = [] } = trusted;
  listOption(`${option}.trusted.ipBlocks`, ipBlocks);
  listOption(`${option}.trusted.principals`, patterns);
  const wrong = patterns.find((pattern) => typeof pattern !== 'string' || pattern === '');
  if (wrong !== undefined) {
    throw new RangeError(`${option}.trusted.principals: ${shown(wrong)} is not a principal`);
  }
  if (claim === undefined && header === undefined) {
    throw new RangeError(`${option}: ${shown(given)} has neither claim nor header`);
  }
  if (header !== undefined) fieldNameOption(`${option}.header`, header);
  const addresses = addressBlocks(`${option}.trusted.ipBlocks`, ipBlocks);
  const principals: readonly Pattern[] = patterns.map(compilePattern);
  if (header !== undefined && ipBlocks.length + principals.length === 0) {
    throw new RangeError(`${option}.trusted: whoever can send requests could write ${header}`);
  }
  const name = header?.toLowerCase();
  const path = claim?.split('.');
  function isTrusted({ address, peer }: AuthorizationFacts): boolean {
    if (address !== undefined && addresses.holds(address)) return true;
    const principal = peer?.principal;
    return principal !== undefined && principals.some((pattern) => pattern.fits(principal));
  }
  return {
    header: name,
    isTrusted,
    of(facts) {
      const roles: string[] = path === undefined ? [] : [...facts.claim(path)];
      if (name !== undefined && isTrusted(facts)) {
        const written = facts.header(name) ?? '';
        roles.push(
          ...written
            .split(',')
            .map((role) => role.trim())
            .filter(Boolean),
        );
      }
      return roles;
    },
  };
}
