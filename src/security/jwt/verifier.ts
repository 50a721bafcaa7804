/**
 * Judging tokens: form, signature, times, issuer, audience.
 *
 * @module
 */

import { jwtVerify } from 'jose/jwt/verify';
import { signalOf } from '../../core/abort.ts';
import type { Claims } from '../../core/claims.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import { type Context, type Key, key } from '../../core/context.ts';
import { wholeOption } from '../../core/option.ts';
import type { VerificationKey } from './keys.ts';
import { type Issuer, issuerOption, type JwtIssuer, type JwtOptions } from './options.ts';
import { type FoundToken, tokensOf } from './tokens.ts';

/** What is wrong with a token. */
export type TokenProblem =
  | 'too_many'
  | 'too_long'
  | 'malformed'
  | 'algorithm'
  | 'issuer'
  | 'keys_unavailable'
  | 'unknown_key'
  | 'signature'
  | 'claims'
  | 'expired'
  | 'not_yet_valid'
  | 'audience';

/** What became of the tokens of a request. */
export type Verification =
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly problem: TokenProblem }
  | {
      readonly kind: 'good';
      readonly claims: Claims;
      /** The payload as it is in the token. */
      readonly payload: string;
      readonly issuer: Issuer;
    };

const none: Verification = { kind: 'none' };

/** Of one request, by verifier: routing and policies may both ask. */
const verifications: Key<ReadonlyMap<TokenVerifier, Known> | undefined> =
  key<ReadonlyMap<TokenVerifier, Known>>('token verifications');

interface Known {
  /** A call that the request causes has its context, and perhaps another token. */
  readonly texts: string;
  readonly verification: Verification;
}

/** Verifies the tokens of requests. State: the keys. */
export class TokenVerifier {
  readonly issuers: readonly Issuer[];
  readonly #clock: Clock;
  readonly #maxLength: number;

  /** @throws {RangeError} names the option, the value and what is allowed; never a key. */
  constructor(given: JwtIssuer | readonly JwtIssuer[], options: JwtOptions = {}) {
    const list = (Array.isArray(given) ? given : [given]) as readonly JwtIssuer[];
    if (list.length === 0) throw new RangeError('jwt: an empty list; there is no issuer to trust');
    const name = (index: number): string => (Array.isArray(given) ? `jwt[${index}]` : 'jwt');
    this.issuers = list.map((issuer, index) => issuerOption(name(index), issuer, options));
    const { clock = systemClock, maxTokenLength = 16_384 } = options;
    wholeOption('jwt.maxTokenLength', maxTokenLength, 64);
    this.#clock = clock;
    this.#maxLength = maxTokenLength;
  }

  /**
   * Every token that is found has to be good; the claims are those of the first.
   *
   * @returns Also a context in which the answer is known. Rejects only where the caller has left.
   */
  async verify(
    request: Request,
    context: Context,
  ): Promise<{ readonly verification: Verification; readonly context: Context }> {
    const tokens = tokensOf(request, this.issuers);
    if (tokens === undefined) return { verification: bad('too_many'), context };
    const texts = tokens.map(({ text }) => text).join('\n');
    const before = context.get(verifications);
    const known = before?.get(this);
    if (known?.texts === texts) return { verification: known.verification, context };
    const verification = await this.#judgeAll(tokens, request, context);
    const all = new Map(before ?? []).set(this, { texts, verification });
    return { verification, context: context.with(verifications, all) };
  }

  async #judgeAll(
    tokens: readonly FoundToken[],
    request: Request,
    context: Context,
  ): Promise<Verification> {
    let first = none;
    for (const token of tokens) {
      const verification = await this.#judge(token, request, context);
      if (verification.kind === 'bad') return verification;
      if (first === none) first = verification;
    }
    return first;
  }

  async #judge(
    { text, issuers }: FoundToken,
    request: Request,
    context: Context,
  ): Promise<Verification> {
    if (text.length > this.#maxLength) return bad('too_long');
    const parts = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(text);
    const header = parts && objectIn(parts[1] as string);
    const payload = parts && objectIn(parts[2] as string);
    if (!parts || !header || !payload) return bad('malformed');
    const { alg, kid, crit, b64 } = header;
    // No extension is understood here, so none may be critical (RFC 7515 §4.1.11).
    if (crit !== undefined || b64 !== undefined) return bad('malformed');
    if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) {
      return bad('malformed');
    }
    const meant = issuers.filter((issuer) => isFrom(payload, issuer));
    let worst: Verification = bad('issuer');
    for (const issuer of meant) {
      const judged = issuer.algorithms.has(alg)
        ? await this.#judgeFor(
            issuer,
            { text, alg, kid, payload: parts[2] as string },
            request,
            context,
          )
        : bad('algorithm');
      // Another entry for the same issuer may ask for another audience.
      if (judged.kind === 'good') return judged;
      if (worst.kind !== 'bad' || worst.problem !== 'audience') worst = judged;
    }
    return worst;
  }

  async #judgeFor(
    issuer: Issuer,
    { text, alg, kid, payload }: Token,
    request: Request,
    context: Context,
  ): Promise<Verification> {
    const fits = (key: VerificationKey): boolean =>
      key.algorithms.includes(alg) &&
      (kid === undefined || key.kid === undefined || key.kid === kid);
    const remote = issuer.remoteKeys?.find(fits, context, signalOf(request, context));
    const keys = remote === undefined ? issuer.fixedKeys.filter(fits) : await remote;
    if (keys === undefined) return bad('keys_unavailable');
    let problem: TokenProblem = 'unknown_key';
    for (const key of keys.slice(0, mostTries)) {
      const material = key.material(alg, context);
      if (material === undefined) continue;
      try {
        const { payload: claims } = await jwtVerify(text, await material, {
          algorithms: [alg],
          currentDate: new Date(this.#clock.now()),
          clockTolerance: issuer.skewSeconds,
          ...(issuer.type !== undefined && { typ: issuer.type }),
        });
        return judgeClaims(claims as Claims, issuer, payload);
      } catch (error) {
        problem = problemOf(error);
        if (problem !== 'signature') break;
      }
    }
    return bad(problem);
  }
}

interface Token {
  readonly text: string;
  readonly alg: string;
  readonly kid: string | undefined;
  readonly payload: string;
}

/** A token that names no key is tried with so many. */
const mostTries = 8;

function bad(problem: TokenProblem): Verification {
  return { kind: 'bad', problem };
}

/** Read before the signature was verified: to find out whom to ask for keys, and for nothing else. */
function isFrom({ iss }: Claims, { issuers }: Issuer): boolean {
  return issuers === undefined || (typeof iss === 'string' && issuers.includes(iss));
}

function judgeClaims(claims: Claims, issuer: Issuer, payload: string): Verification {
  const { exp, sub, aud, iss } = claims;
  for (const time of ['exp', 'nbf', 'iat']) {
    const value = claims[time];
    // JSON reads 1e999 as infinity, which never ends.
    if (value !== undefined && !Number.isFinite(value)) return bad('claims');
  }
  if (exp === undefined && issuer.requireExpiry) return bad('claims');
  if (sub !== undefined && typeof sub !== 'string') return bad('claims');
  if (iss !== undefined && typeof iss !== 'string') return bad('claims');
  const audiences = aud === undefined ? [] : Array.isArray(aud) ? aud : [aud];
  if (audiences.some((each) => typeof each !== 'string')) return bad('claims');
  if (
    issuer.audiences !== undefined &&
    !issuer.audiences.some((each) => audiences.includes(each))
  ) {
    return bad('audience');
  }
  return { kind: 'good', claims, payload, issuer };
}

function problemOf(error: unknown): TokenProblem {
  const { code, claim } = error as { code?: unknown; claim?: unknown };
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return 'expired';
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return claim === 'nbf' ? 'not_yet_valid' : 'claims';
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'signature';
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
    case 'ERR_JOSE_NOT_SUPPORTED':
      return 'algorithm';
    case 'ERR_JWT_INVALID':
    case 'ERR_JWS_INVALID':
      return 'malformed';
    default:
      // A key that cannot be used: too short, of a curve that the runtime does not know.
      return 'unknown_key';
  }
}

/** The JSON object in base64url. */
function objectIn(encoded: string): Record<string, unknown> | undefined {
  try {
    const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
    // Nearly always ASCII, which needs no decoding.
    const value: unknown = JSON.parse(/[\x80-\xff]/.test(binary) ? textOf(binary) : binary);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(binary: string): string {
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
