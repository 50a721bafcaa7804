/**
 * The auth service: who there is, and tokens that say so.
 */

import { Router } from 'itty-router';
import { calculateJwkThumbprint, importJWK, type JWK, SignJWT } from 'jose';
import type { Handler } from '../../src/index.ts';
import { type Instance, problem, serviceApp } from '../service.ts';

/** Settings of the auth service. */
export interface AuthSettings extends Omit<Instance, 'service'> {
  /** ES256 private key as a JWK in JSON; without it no token is issued, and the answer says so. */
  readonly privateJwk: string | undefined;
}

const users = [
  { id: 'ada', name: 'Ada Lovelace', role: 'customer', tier: 'gold' },
  { id: 'grace', name: 'Grace Hopper', role: 'admin', tier: 'platinum' },
  { id: 'alan', name: 'Alan Turing', role: 'customer', tier: 'basic' },
];

export const issuer = 'shop-auth';
export const audience = 'shop';

/** A signing key and what others verify it with. */
interface SigningKey {
  readonly key: Awaited<ReturnType<typeof importJWK>>;
  readonly publicJwk: JWK;
}

export function authApp(settings: AuthSettings): Handler {
  let signing: Promise<SigningKey> | undefined;
  function signingKey(): Promise<SigningKey> | undefined {
    if (settings.privateJwk === undefined) return undefined;
    signing ??= readKey(settings.privateJwk);
    return signing;
  }
  const noKey = (): Response =>
    problem(503, 'Service Unavailable', 'AUTH_PRIVATE_JWK is not set: auth cannot sign tokens.');

  const router = Router();
  router
    .get('/api/users', () => Response.json({ users }))
    .get('/.well-known/jwks.json', async () => {
      const found = await signingKey();
      return found === undefined ? noKey() : Response.json({ keys: [found.publicJwk] });
    })
    .post('/auth/token', async (request) => {
      const found = await signingKey();
      if (found === undefined) return noKey();
      const body = (await request.json().catch(() => null)) as { user?: unknown } | null;
      const user = users.find(({ id }) => id === body?.user);
      if (user === undefined) {
        return problem(400, 'Bad Request', 'Send {"user": "ada"}, "grace" or "alan".');
      }
      const token = await new SignJWT({ role: user.role, tier: user.tier })
        .setProtectedHeader({ alg: 'ES256', kid: found.publicJwk.kid as string })
        .setSubject(user.id)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(found.key);
      return Response.json({ token });
    })
    .all('*', () => problem(404, 'Not Found', 'auth serves /api/users and /auth/token.'));

  return serviceApp({ ...settings, service: 'auth' }, router);
}

async function readKey(json: string): Promise<SigningKey> {
  const jwk = JSON.parse(json) as JWK;
  // By name, so that nothing private can slip through.
  const { kty, crv, x, y } = jwk;
  const kid = jwk.kid ?? (await calculateJwkThumbprint(jwk));
  return {
    key: await importJWK(jwk, 'ES256'),
    publicJwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } as JWK,
  };
}
