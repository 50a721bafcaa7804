import { describe, expect, test } from 'vitest';
import { inbound } from '../../../src/core/inbound.ts';
import { rejectionOf } from '../../../src/core/rejection.ts';
import { jwt } from '../../../src/security/jwt/jwt.ts';
import { forge, hmac } from '../../support/tokens.ts';
import {
  clock,
  ec,
  ed,
  good,
  now,
  rsa,
  secret,
  stranger,
  tokenAttacks,
} from '../attacks/tokens.ts';

const app = inbound(
  () => new Response('in'),
  jwt(
    {
      issuer: 'https://id.example/',
      audience: 'shop',
      keys: [rsa.jwk, ec.jwk, ed.jwk, { secret, kid: 'shared' }],
    },
    { clock },
  ),
);

async function answerTo(token: string): Promise<number> {
  const request = new Request('http://shop.example/', {
    headers: { authorization: `Bearer ${token}` },
  });
  const response = await app(request);
  const isRejection = rejectionOf(response) !== undefined;
  expect(isRejection).toBe(response.status !== 200);
  if (response.status === 401) {
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token"/);
  }
  const text = await response.text();
  // Nothing of the token, of a key or of a library's words comes back.
  for (const word of [token, 'jose', 'JWS', 'signature', rsa.jwk['n'] as string]) {
    if (response.status !== 200) expect(text).not.toContain(word);
  }
  return response.status;
}

describe('good tokens pass', () => {
  test.each([
    ['RS256', () => rsa.token(good)],
    ['ES256', () => ec.token(good)],
    ['EdDSA', () => ed.token(good)],
    ['HS256', async () => forge({ alg: 'HS256', kid: 'shared' }, good, await hmac(secret))],
    ['without a key id', () => forge({ alg: 'RS256' }, good, rsa.sign)],
    ['several audiences, ours among them', () => rsa.token({ ...good, aud: ['a', 'shop'] })],
    ['expired within the clock skew', () => rsa.token({ ...good, exp: now - 59 })],
    ['early within the clock skew', () => rsa.token({ ...good, nbf: now + 60 })],
    ['fractions of seconds', () => rsa.token({ ...good, exp: now + 300.5 })],
    [
      'a header that points elsewhere, and is not followed',
      () =>
        rsa.token(good, {
          jku: 'https://evil.example/',
          x5u: 'https://evil.example/',
          jwk: stranger.jwk,
        }),
    ],
    [
      'a claim called __proto__',
      () =>
        forge(
          { alg: 'RS256' },
          `{"__proto__":{"admin":true},${JSON.stringify(good).slice(1)}`,
          rsa.sign,
        ),
    ],
  ] as const)('%s', async (_, make) => {
    expect(await answerTo(await make())).toBe(200);
  });
});

describe('JW-10 tricks do not pass', () => {
  test.each(tokenAttacks)('$name', async ({ input, expected }) => {
    expect(await answerTo(await input())).toBe(expected);
  });
});
