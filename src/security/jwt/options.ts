/**
 * The options of `jwt`, checked.
 *
 * @module
 */

import { type Clock, systemClock } from '../../core/clock.ts';
import { durationOption } from '../../core/duration.ts';
import { fieldNameOption } from '../../core/header-field.ts';
import { flagOption, knownOptions, listOption, shown, textOption } from '../../core/option.ts';
import { algorithms } from './algorithms.ts';
import { type JwtKey, keysOption, type VerificationKey } from './keys.ts';
import { type KeysFetch, RemoteKeys, type RemoteKeysOptions } from './remote-keys.ts';

/** Where tokens are looked for. If given, only there. */
export interface TokenLocations {
  /** Headers, each with the text that comes before the token (compared without regard to case). */
  readonly headers?: readonly { readonly name: string; readonly prefix?: string }[];
  /** Names of cookies. */
  readonly cookies?: readonly string[];
  /** Names of query parameters. URLs end up in logs and histories: a header is better. */
  readonly query?: readonly string[];
}

/** An issuer whose tokens are taken. */
export interface JwtIssuer {
  /** What `iss` has to be. Default: anything, which only suits a key that nobody else uses. */
  readonly issuer?: string | readonly string[];
  /** Of which `aud` has to name one. Default: anything. */
  readonly audience?: string | readonly string[];
  /** Where the keys are published; either this or `keys`. */
  readonly jwks?: string | RemoteKeysOptions;
  /** The keys themselves: JSON Web Keys or sets of them, PEM, or a secret. */
  readonly keys?: JwtKey | readonly JwtKey[];
  /** Default: all that the keys' kinds allow; never `none`. */
  readonly algorithms?: readonly string[];
  /** Default: `Authorization: Bearer`. */
  readonly from?: TokenLocations;
  /** What the header `typ` of a token has to say, such as `at+jwt` (RFC 8725 §3.11). Default: anything. */
  readonly type?: string;
  /** How far clocks may differ, up to `'5m'`. Default: `'60s'`. */
  readonly clockSkew?: string;
  /** Whether a token without `exp`, which never ends, is refused. Default: true. */
  readonly requireExpiry?: boolean;
  /** Headers for the upstream, with the claim that each shows (`realm_access.level`: a nested one). */
  readonly claimHeaders?: Readonly<Record<string, string>>;
  /** Header for the upstream with the payload as it is in the token, in base64url. Default: none. */
  readonly payloadHeader?: string;
  /** Whether the upstream gets the token. Default: false, it is taken off. */
  readonly forward?: boolean;
  /** Claims whose text is a list of words, beside `scope` and `permission`. */
  readonly spaceDelimitedClaims?: readonly string[];
}

/** Settings of {@link import('./jwt.ts').jwt}. */
export interface JwtOptions {
  /** Whether requests without a token pass, without an identity. A bad token is refused all the same. Default: false. */
  readonly optional?: boolean;
  /**
   * `'pass'`: preflights of CORS, which browsers send without credentials, pass without an identity. Default: `'verify'`;
   * a policy for CORS outside of this one answers them before.
   */
  readonly preflights?: 'pass' | 'verify';
  /** A longer token is refused unread, in characters. Default: 16384. */
  readonly maxTokenLength?: number;
  /** Fetches key sets. Default: the runtime's `fetch`. */
  readonly fetch?: KeysFetch;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** An issuer as the verifier uses it. */
export interface Issuer {
  readonly issuers: readonly string[] | undefined;
  readonly audiences: readonly string[] | undefined;
  readonly fixedKeys: readonly VerificationKey[];
  readonly remoteKeys: RemoteKeys | undefined;
  readonly algorithms: ReadonlySet<string>;
  readonly type: string | undefined;
  readonly skewSeconds: number;
  readonly requireExpiry: boolean;
  readonly from: Required<TokenLocations>;
  readonly forward: boolean;
  readonly claimHeaders: readonly (readonly [name: string, claim: string])[];
  readonly payloadHeader: string | undefined;
  readonly spaceDelimitedClaims: readonly string[];
}

/** What holds where nothing is said. */
export const issuerDefaults = { clockSkew: '60s', requireExpiry: true } as const;

const bearer: TokenLocations = { headers: [{ name: 'authorization', prefix: 'Bearer ' }] };

/** @throws {RangeError} names the option, the value and what is allowed; never a key. */
export function issuerOption(
  option: string,
  given: JwtIssuer,
  { clock = systemClock, fetch = (url, init) => globalThis.fetch(url, init) }: JwtOptions,
): Issuer {
  knownOptions(option, given, {
    ...{ issuer: true, audience: true, jwks: true, keys: true, algorithms: true, from: true },
    ...{ type: true, clockSkew: true, requireExpiry: true, claimHeaders: true },
    ...{ payloadHeader: true, forward: true, spaceDelimitedClaims: true },
  });
  const { jwks, keys, from = bearer } = given;
  const { clockSkew = issuerDefaults.clockSkew, requireExpiry = issuerDefaults.requireExpiry } =
    given;
  if ((jwks === undefined) === (keys === undefined)) {
    const has = jwks === undefined ? 'neither' : 'both';
    throw new RangeError(
      `${option}: it has ${has} of jwks and keys; one says whose tokens are good`,
    );
  }
  const skewMs = durationOption(`${option}.clockSkew`, clockSkew);
  if (skewMs > 300_000) {
    throw new RangeError(`${option}.clockSkew: '${clockSkew}' is more than 5m`);
  }
  flagOption(`${option}.requireExpiry`, requireExpiry);
  flagOption(`${option}.forward`, given.forward);
  textOption(`${option}.type`, given.type);
  listOption(`${option}.algorithms`, given.algorithms);
  const allowed = given.algorithms ?? algorithms;
  const unknown = allowed.findIndex((each) => !algorithms.includes(each));
  if (unknown !== -1 || allowed.length === 0) {
    const what = unknown === -1 ? 'an empty list' : shown(allowed[unknown]);
    throw new RangeError(`${option}.algorithms: ${what} is not among ${algorithms.join(', ')}`);
  }
  claimHeadersOption(`${option}.claimHeaders`, given.claimHeaders);
  if (given.payloadHeader !== undefined) {
    fieldNameOption(`${option}.payloadHeader`, given.payloadHeader);
  }
  return {
    issuers: textsOption(`${option}.issuer`, given.issuer),
    audiences: textsOption(`${option}.audience`, given.audience),
    fixedKeys: keys === undefined ? [] : keysOption(`${option}.keys`, keys),
    remoteKeys:
      jwks === undefined
        ? undefined
        : new RemoteKeys(
            `${option}.jwks`,
            typeof jwks === 'string' ? { url: jwks } : jwks,
            clock,
            fetch,
          ),
    algorithms: new Set(allowed),
    type: given.type,
    skewSeconds: Math.floor(skewMs / 1_000),
    requireExpiry,
    from: locationsOption(`${option}.from`, from),
    forward: given.forward ?? false,
    claimHeaders: Object.entries(given.claimHeaders ?? {}),
    payloadHeader: given.payloadHeader,
    spaceDelimitedClaims: namesOption(
      `${option}.spaceDelimitedClaims`,
      given.spaceDelimitedClaims ?? [],
    ),
  };
}

function textsOption(
  option: string,
  given: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const list = typeof given === 'string' ? [given] : given;
  const isSound =
    Array.isArray(list) &&
    list.length > 0 &&
    list.every((each) => typeof each === 'string' && each !== '');
  if (isSound) return list;
  throw new RangeError(`${option}: ${shown(given)} is not a text, or several`);
}

function claimHeadersOption(option: string, given: Readonly<Record<string, string>> = {}): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new RangeError(`${option}: ${shown(given)} is not an object of headers and claims`);
  }
  for (const [name, claim] of Object.entries(given)) {
    fieldNameOption(option, name);
    if (typeof claim === 'string' && claim !== '') continue;
    throw new RangeError(`${option}: ${shown(claim)} is not the name of a claim`);
  }
}

function namesOption(option: string, given: readonly string[]): readonly string[] {
  listOption(option, given);
  const wrong = given.findIndex((name) => typeof name !== 'string' || name === '');
  if (wrong === -1) return given;
  throw new RangeError(`${option}: ${shown(given[wrong])} is not a name`);
}

function locationsOption(option: string, given: TokenLocations): Required<TokenLocations> {
  knownOptions(option, given, { headers: true, cookies: true, query: true });
  const { headers = [], cookies = [], query = [] } = given;
  listOption(`${option}.headers`, headers);
  namesOption(`${option}.cookies`, cookies);
  namesOption(`${option}.query`, query);
  if (headers.length + cookies.length + query.length === 0) {
    throw new RangeError(`${option}: ${shown(given)} names no place; headers, cookies or query`);
  }
  for (const header of headers) {
    knownOptions(`${option}.headers`, header, { name: true, prefix: true });
    fieldNameOption(`${option}.headers`, header.name);
    textOption(`${option}.headers.prefix`, header.prefix);
  }
  return {
    headers: headers.map(({ name, prefix = '' }) => ({ name: name.toLowerCase(), prefix })),
    cookies,
    query,
  };
}
