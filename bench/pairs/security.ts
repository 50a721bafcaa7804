/** Verifying a token, and asking policies. */

import { Hono } from 'hono';
import { jwk } from 'hono/jwk';
import { inbound } from '../../src/index.ts';
import { type AuthorizationPolicy, authorize } from '../../src/security/authorize/authorize.ts';
import { jwt } from '../../src/security/jwt/jwt.ts';
import type { Pair } from './pair.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
const key = { kty: kty ?? '', kid: 'key', alg: 'ES256', crv, x, y };

const base64Url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const encoded = (part: object): string => base64Url(new TextEncoder().encode(JSON.stringify(part)));
const exp = Math.floor(Date.now() / 1_000) + 86_400;
const claims = { iss: 'https://id.example/', aud: 'shop', sub: 'ada', exp, scope: 'orders.read' };
const message = `${encoded({ alg: 'ES256', kid: 'key' })}.${encoded(claims)}`;
const signature = await crypto.subtle.sign(
  algorithm,
  pair.privateKey,
  new TextEncoder().encode(message),
);
const authorization = `Bearer ${message}.${base64Url(new Uint8Array(signature))}`;

const url = 'http://shop.example/users-500/orders';
/** A new one for each call: what is known of a request stays with it. */
const request = (): Request => new Request(url, { headers: { authorization } });
const response = new Response('hello');
const bare = inbound(() => response);

/** Both hand the token on, as Hono does. */
const verified = inbound(() => response, jwt({ issuer: claims.iss, keys: key, forward: true }));

function honoApp(...keys: (typeof key)[]): () => Response | Promise<Response> {
  const app = new Hono();
  if (keys.length > 0) {
    const options = { keys: keys as never, alg: ['ES256' as const] };
    app.use(jwk({ ...options, verification: { iss: claims.iss } }));
  }
  app.get('*', (c) => c.body('hello'));
  return () => app.fetch(request());
}
const honoBare = honoApp();
const honoVerified = honoApp(key);
for (const { status } of [await verified(request()), await honoVerified()]) {
  if (status !== 200) throw new Error(`The token was refused with ${status}`);
}

const policies = (count: number): readonly AuthorizationPolicy[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `policy-${index}`,
    action: index % 2 === 0 ? 'deny' : 'allow',
    rules: [
      {
        to: [{ paths: [`/users-${index + (index % 2 === 0 ? 10_000 : 0)}/*`], methods: ['GET'] }],
      },
    ],
  }));
const one = inbound(
  () => response,
  authorize([{ rules: [{ to: [{ paths: ['/users-500/*'], methods: ['GET'] }] }] }]),
);
const thousand = inbound(
  () => response,
  authorize([
    ...policies(999),
    { rules: [{ to: [{ paths: ['/users-500/*'], methods: ['GET'] }] }] },
  ]),
);
for (const app of [one, thousand]) {
  const { status } = await app(request());
  if (status !== 200) throw new Error(`The request was refused with ${status}`);
}

export const pairs: readonly Pair[] = [
  {
    name: 'jwt, ES256, key at hand / hono jwk',
    ours: () => verified(request()),
    peer: () => honoVerified(),
    bare: { ours: () => bare(request()), peer: () => honoBare() },
  },
  {
    name: 'authorize, 1,000 policies / hono jwk',
    ours: () => thousand(request()),
    peer: () => honoVerified(),
    bare: { ours: () => bare(request()), peer: () => honoBare() },
  },
  {
    name: 'authorize, 1,000 policies / authorize, 1 policy',
    ours: () => thousand(request()),
    peer: () => one(request()),
    bare: { ours: () => bare(request()), peer: () => bare(request()) },
  },
];
