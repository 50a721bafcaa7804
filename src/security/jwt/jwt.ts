/**
 * Requests with a token: verifying it, and telling the upstream what it says.
 *
 * @module
 */

import { abortSignal, signalOf } from '../../core/abort.ts';
import { layer, type Middleware, type Next } from '../../core/chain.ts';
import { claimNamed, claims, spaceDelimitedClaims } from '../../core/claims.ts';
import type { Context } from '../../core/context.ts';
import { emit } from '../../core/event.ts';
import { isFieldValue } from '../../core/header-field.ts';
import { flagOption, functionOption, knownOptions, wordOption } from '../../core/option.ts';
import { setHeader } from '../../core/outgoing.ts';
import { prepareRejection } from '../../core/rejection.ts';
import { allSpellings, withoutHeaders } from '../twins.ts';
import type { JwtIssuer, JwtOptions } from './options.ts';
import { stripTokens } from './tokens.ts';
import { type TokenProblem, TokenVerifier, type Verification } from './verifier.ts';

export type {
  JsonWebKeyOptions,
  JsonWebKeySet,
  JwtKey,
  PemKey,
  SecretKey,
} from './keys.ts';
export type { JwtIssuer, JwtOptions, TokenLocations } from './options.ts';
export type { KeysFetch, RemoteKeysOptions } from './remote-keys.ts';

/**
 * Takes requests that bring a good token: signed by a key of the issuer, with an algorithm that this kind of key allows,
 * neither expired nor early, for this audience.
 *
 * No token: 401. A bad one: 401 with `WWW-Authenticate: Bearer error="invalid_token"`; a good one for another audience:
 * 403. Where several tokens are found, each has to be good. The claims are in the context, for `authorize` and for keys
 * such as `jwt:sub`; the upstream gets them in headers where `claimHeaders` says so, and never a header of that name that
 * the client wrote.
 *
 * Semantics: RFC 7519, RFC 8725, RFC 6750; Istio's RequestAuthentication, which is `{ optional: true, preflights: 'pass' }`.
 *
 * @param issuers Whose tokens are taken.
 * @throws {RangeError} for wrong options: names the option, the value and what is allowed; never a key.
 *
 * @example
 * ```ts
 * const app = inbound(
 *   () => new Response('hello'),
 *   jwt({ issuer: 'https://id.example.com/', audience: 'shop', jwks: 'https://id.example.com/jwks.json' }),
 * );
 * (await app(new Request('http://shop.example/'))).status; // 401
 * ```
 */
export function jwt(
  issuers: JwtIssuer | readonly JwtIssuer[],
  options: JwtOptions = {},
): Middleware {
  knownOptions('jwt', options, {
    ...{ optional: true, preflights: true, maxTokenLength: true, fetch: true, clock: true },
  });
  functionOption('jwt.fetch', options.fetch);
  return jwtBy(new TokenVerifier(issuers, options), options);
}

/**
 * The same around a verifier that others ask too.
 *
 * @example
 * ```ts
 * const verifier = new TokenVerifier({ keys: { secret: 'correct horse battery staple, and more' } });
 * const app = inbound(() => new Response('in'), jwtBy(verifier, { optional: true }));
 * (await app(new Request('http://shop.example/'))).status; // 200
 * ```
 */
export function jwtBy(
  verifier: TokenVerifier,
  { optional = false, preflights = 'verify' }: JwtOptions = {},
): Middleware {
  flagOption('jwt.optional', optional);
  wordOption('jwt.preflights', preflights, ['pass', 'verify']);
  const missing = prepareRejection('unauthenticated', {
    detail: 'A bearer token is needed.',
    headers: { 'www-authenticate': 'Bearer' },
  });
  const refuse = prepareRefusals();
  const label = optional ? 'jwt, optional' : 'jwt';
  return layer(label, (next) => {
    const onward = passOn(next, verifier);
    return async function jwt(request, outer) {
      if (preflights === 'pass' && isPreflight(request)) return onward(request, outer, undefined);
      const { verification, context } = await verifier.verify(request, outer);
      switch (verification.kind) {
        case 'good':
          return onward(request, context, verification);
        case 'bad':
          emit(context, 'token_rejected', { problem: verification.problem });
          return refuse(verification.problem);
        default:
          if (optional) return onward(request, context, undefined);
          emit(context, 'token_rejected', { problem: 'missing' });
          return missing();
      }
    };
  });
}

type Good = Extract<Verification, { kind: 'good' }>;

/** Sends a request on, without what only this side of the chain is to see. */
function passOn(
  next: Next,
  { issuers }: TokenVerifier,
): (request: Request, context: Context, good: Good | undefined) => Promise<Response> {
  const ours = allSpellings(
    issuers.flatMap(({ claimHeaders, payloadHeader }) => [
      ...claimHeaders.map(([name]) => name),
      ...(payloadHeader === undefined ? [] : [payloadHeader]),
    ]),
  );
  return (request, context, good) => {
    const { context: stripped, url } = stripTokens(request, context, issuers);
    let told = withoutHeaders(stripped, ours).with(claims, good?.claims);
    if (good !== undefined) told = tell(told, good);
    if (url === undefined) return next(request, told);
    // A copy of a request follows the caller's signal, on Node only until it is collected.
    const signal = signalOf(request, context);
    return next(new Request(url, request), told.with(abortSignal, signal));
  };
}

function tell(context: Context, { claims: all, payload, issuer }: Good): Context {
  let told = context;
  for (const [name, claim] of issuer.claimHeaders) {
    const value = claimNamed(all, claim);
    const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    if (typeof text === 'string' && isFieldValue(text)) told = setHeader(told, name, text);
  }
  if (issuer.payloadHeader !== undefined) told = setHeader(told, issuer.payloadHeader, payload);
  return issuer.spaceDelimitedClaims.length === 0
    ? told
    : told.with(spaceDelimitedClaims, [
        ...context.get(spaceDelimitedClaims),
        ...issuer.spaceDelimitedClaims,
      ]);
}

/** As Envoy and the Fetch standard tell a preflight. */
function isPreflight({ method, headers }: Request): boolean {
  return (
    method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method')
  );
}

/** Of what is wrong with a token, a client is told what it can do something about. */
function prepareRefusals(): (problem: TokenProblem) => Response {
  const invalid = prepareInvalid('The token is not valid.');
  const refusals: Partial<Record<TokenProblem, () => Response>> = {
    expired: prepareInvalid('The token has expired.'),
    not_yet_valid: prepareInvalid('The token is not valid yet.'),
    audience: prepareRejection('access_denied', {
      detail: 'The token is meant for somebody else.',
    }),
  };
  return (problem) => (refusals[problem] ?? invalid)();
}

function prepareInvalid(detail: string): () => Response {
  const challenge = `Bearer error="invalid_token", error_description="${detail}"`;
  return prepareRejection('unauthenticated', {
    detail,
    headers: { 'www-authenticate': challenge },
  });
}
