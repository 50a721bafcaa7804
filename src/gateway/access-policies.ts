/**
 * Who is let in: the blocks `auth`, `allow`, `deny` and `authorizer` of the rules, and conditions on claims.
 *
 * A part of its own, so that a bundle whose rules have none of these blocks does not carry it.
 *
 * @module
 */

import { layer, type Middleware, type Next } from '../core/chain.ts';
import { type Claims, claims, withWordLists } from '../core/claims.ts';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { outgoingHeader } from '../core/outgoing.ts';
import { requestFacts } from '../routing/request-facts.ts';
import type { AuthRule, Place, Route, Rules } from '../rules/model.ts';
import {
  type AuthorizationPolicy,
  authorize,
  externalAuthorizer,
} from '../security/authorize/authorize.ts';
import { type JwtIssuer, type JwtKey, jwtBy } from '../security/jwt/jwt.ts';
import { TokenVerifier } from '../security/jwt/verifier.ts';
import { allSpellings, withoutSent } from '../security/twins.ts';
import type { Access, AccessPolicies, PolicySurroundings } from './route-policies.ts';
import { secretNamed } from './secrets.ts';

export type { Access, AccessPolicies } from './route-policies.ts';

/** Keys that were fetched live on over a reload. */
function accessOf(
  rules: Rules,
  { keep, clock, keysFetch, onDecision }: PolicySurroundings,
): Access {
  const verifiers = new Map(
    (rules.auth ?? []).map((rule) => {
      const verifier = keep({ kind: 'auth', owner: rule.name, settings: rule }, () => {
        return new TokenVerifier(issuerOf(rule), { clock, ...(keysFetch && { fetch: keysFetch }) });
      });
      return [rule.name, verifier] as const;
    }),
  );
  function verifierOf({ name, auth }: Route): TokenVerifier | undefined {
    if (auth === undefined) return undefined;
    const verifier = verifiers.get(auth.jwt);
    if (verifier === undefined) {
      throw new RangeError(`route '${name}': there is no auth called '${auth.jwt}'`);
    }
    return verifier;
  }

  const settings = {
    ...(rules.roles && { roles: rules.roles }),
    ...(onDecision && { onDecision }),
  };
  // Also where nobody is kept out: an upstream may take the header for true.
  const withoutForgedRoles = rules.roles?.header === undefined ? [] : [authorize([], settings)];

  const told = toldToUpstreams(rules);
  const withoutForged = taken(told);
  const roleHeader = rules.roles?.header?.toLowerCase();
  // On all routes: taken off on the way to the upstream, a header is no key that a client could make up either.
  const toldFurtherIn = telling(
    new Set([...told, ...(roleHeader === undefined ? [] : [roleHeader])]),
  );
  /** Also where neither is asked: an upstream may serve the routes where they are. */
  function withoutForgedBy(route: Route): readonly Middleware[] {
    const own = toldBy(route, rules);
    if (own.size === 0) return withoutForged;
    return taken(new Set([...told].filter((name) => !own.has(name))));
  }

  /** Those whose tokens decide which route a request takes. */
  const asked = new Map<string, TokenVerifier>();
  for (const route of rules.routes) {
    const isAsking = route.match.some((entry) => entry.claims !== undefined);
    const verifier = isAsking ? verifierOf(route) : undefined;
    if (route.auth !== undefined && verifier !== undefined) asked.set(route.auth.jwt, verifier);
  }

  return {
    identify:
      asked.size === 0
        ? undefined
        : async (request, outer) => {
            let context = outer;
            const known = new Map<string, Claims>();
            for (const [name, verifier] of asked) {
              const { verification, ...checked } = await verifier.verify(request, context);
              context = checked.context;
              if (verification.kind === 'good')
                known.set(
                  name,
                  withWordLists(verification.claims, verification.issuer.spaceDelimitedClaims),
                );
            }
            return { context, claims: known };
          },
    beforeChoice(route) {
      const isByClaim = route.sticky?.by.some((key) => key.startsWith('jwt:')) ?? false;
      const verifier = isByClaim ? verifierOf(route) : undefined;
      if (verifier === undefined) return undefined;
      return async (request, outer): Promise<Context> => {
        const { verification, context } = await verifier.verify(request, outer);
        return verification.kind === 'good' ? context.with(claims, verification.claims) : context;
      };
    },
    around(route, send): readonly Middleware[] {
      const { auth } = route;
      const verifier = verifierOf(route);
      const policies = [...askedOf(route, send, clock), ...policiesOf(route)];
      return [
        ...withoutForgedBy(route),
        ...(auth !== undefined && verifier !== undefined ? [jwtBy(verifier, auth)] : []),
        ...(policies.length === 0 ? withoutForgedRoles : [authorize(policies, settings)]),
        ...toldFurtherIn,
      ];
    },
  };
}

/** The headers in which upstreams are told who a caller is, by tokens and authorizers of any route; in lower case. */
function toldToUpstreams(rules: Rules): ReadonlySet<string> {
  const byIssuers = (rules.auth ?? []).flatMap(headersOf);
  const byAuthorizers = rules.routes.flatMap(({ authorizer }) => authorizer?.forward ?? []);
  return new Set([...byIssuers, ...byAuthorizers].map((name) => name.toLowerCase()));
}

/** Those of one route, which its own policies see to. */
function toldBy({ auth, authorizer }: Route, rules: Rules): ReadonlySet<string> {
  const issuer = auth && rules.auth?.find(({ name }) => name === auth.jwt);
  const names = [...(issuer ? headersOf(issuer) : []), ...(authorizer?.forward ?? [])];
  return new Set(names.map((name) => name.toLowerCase()));
}

function headersOf({ claimHeaders = {}, payloadHeader }: AuthRule): readonly string[] {
  return [...Object.keys(claimHeaders), ...(payloadHeader === undefined ? [] : [payloadHeader])];
}

/** Shows keys and conditions further in what has been told in these headers, and not what the client wrote there. */
function telling(names: ReadonlySet<string>): readonly Middleware[] {
  if (names.size === 0) return [];
  return [
    layer(
      'told headers',
      (next) =>
        function toldHeaders(request, context) {
          const read = (name: string) => outgoingHeader(request, context, name);
          const facts = context.get(requestFacts)?.telling({ names, read });
          return next(request, facts ? context.with(requestFacts, facts) : context);
        },
    ),
  ];
}

/** Takes off headers that the client wrote. */
function taken(written: ReadonlySet<string>): readonly Middleware[] {
  if (written.size === 0) return [];
  const names = allSpellings([...written]);
  return [
    layer(
      'forged headers',
      (next) =>
        function forgedHeaders(request, context) {
          return next(request, withoutSent(context, names));
        },
    ),
  ];
}

/** Whoever else decides. */
function askedOf(
  { name, authorizer }: Route,
  send: (place: Place) => Next,
  clock: Clock,
): readonly AuthorizationPolicy[] {
  if (authorizer === undefined) return [];
  const { to, path, timeoutMs, ...shown } = authorizer;
  const external = externalAuthorizer({
    ...shown,
    url: path,
    ...(timeoutMs !== undefined && { timeout: formatDuration(timeoutMs) }),
    send: send(to),
    clock,
  });
  return [{ name, action: 'custom', rules: [{}], authorizer: external }];
}

/** What is denied comes before what is allowed; what is only tried out changes nothing. */
function policiesOf({ name, allow, deny, dryRun = {} }: Route): readonly AuthorizationPolicy[] {
  const policies: AuthorizationPolicy[] = [];
  if (deny !== undefined) policies.push({ name, action: 'deny', rules: deny });
  if (allow !== undefined) policies.push({ name, rules: allow });
  if (dryRun.deny !== undefined) {
    policies.push({ name, action: 'deny', rules: dryRun.deny, dryRun: true });
  }
  if (dryRun.allow !== undefined) policies.push({ name, rules: dryRun.allow, dryRun: true });
  return policies;
}

function issuerOf({
  name: _name,
  jwks,
  publicKey,
  secret,
  clockSkewMs,
  ...others
}: AuthRule): JwtIssuer {
  const keys: JwtKey[] = [];
  if (publicKey !== undefined) keys.push({ pem: publicKey.pem, alg: publicKey.algorithm });
  if (secret !== undefined) {
    keys.push({ secret: (context) => secretNamed(secret.env, context) });
  }
  return {
    ...others,
    ...(jwks !== undefined && { jwks: remoteKeys(jwks) }),
    ...(keys.length > 0 && { keys }),
    ...(clockSkewMs !== undefined && { clockSkew: formatDuration(clockSkewMs) }),
  };
}

function remoteKeys({
  url,
  refreshMs,
  staleForMs,
  timeoutMs,
  coolDownMs,
}: NonNullable<AuthRule['jwks']>): NonNullable<JwtIssuer['jwks']> {
  return {
    url,
    ...(refreshMs !== undefined && { refresh: formatDuration(refreshMs) }),
    ...(staleForMs !== undefined && { staleFor: formatDuration(staleForMs) }),
    ...(timeoutMs !== undefined && { timeout: formatDuration(timeoutMs) }),
    ...(coolDownMs !== undefined && { coolDown: formatDuration(coolDownMs) }),
  };
}

/**
 * Carries out the blocks `auth`, `allow`, `deny` and `authorizer` of the rules, and conditions on claims. A gateway has it; `governance` takes it
 * as an option.
 */
export const access: AccessPolicies = { accessOf };
