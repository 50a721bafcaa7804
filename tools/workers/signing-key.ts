/**
 * Which keys auth may sign with on an account.
 */

import { existsSync, readFileSync } from 'node:fs';
import { StepError } from './wrangler.ts';

/** Where `npm run dev:workers` keeps a key; no part of the repository. */
export const devVars = 'workers/auth/.dev.vars';

/** The name of keys that are for one machine: they are refused elsewhere. */
export const demoKeyId = 'demo';

/** Keys that everybody has: the examples of RFC 7515 (A.3) and RFC 7517 (A.2), by their `x`. */
const published: readonly string[] = [
  'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
];

/** @throws {StepError} where this is no key, or one that is not secret. Its message holds nothing of the key. */
export async function checkSigningKey(json: string): Promise<void> {
  const refuse = (why: string): never => {
    throw new StepError(
      `AUTH_PRIVATE_JWK: ${why}. Give another, or let one be made: npm run deploy:workers -- --new-key`,
    );
  };
  let jwk: JsonWebKey & { kid?: string } = {};
  try {
    jwk = JSON.parse(json);
    const { kty, crv, x, y, d } = jwk;
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    if (kty !== 'EC' || d === undefined) throw new TypeError('not a private key');
    await crypto.subtle.importKey('jwk', { kty, crv, x, y, d } as JsonWebKey, algorithm, false, [
      'sign',
    ]);
  } catch {
    refuse('it is not an ES256 private key as a JWK in JSON');
  }
  if (jwk.kid === demoKeyId || jwk.x === demoKey()?.x) {
    refuse(`it is the demo key of ${devVars}, made for this machine alone`);
  }
  if (published.includes(jwk.x ?? '')) refuse('it is the example of an RFC, which everybody has');
}

function demoKey(): JsonWebKey | undefined {
  if (!existsSync(devVars)) return undefined;
  const json = /^AUTH_PRIVATE_JWK='?(\{.*\})'?$/m.exec(readFileSync(devVars, 'utf8'))?.[1];
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
