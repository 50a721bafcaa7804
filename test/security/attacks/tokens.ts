/** Tokens that say more than their issuer did. */

import { base64Url, forge, hmac, signer } from '../../support/tokens.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { type Attack, attacks } from './attack.ts';

export const clock = new VirtualClock();
export const now = Math.floor(clock.now() / 1_000);
export const rsa = await signer('RS256');
export const ec = await signer('ES256');
export const ed = await signer('EdDSA');
export const stranger = await signer('RS256', rsa.jwk.kid);
const weak = await signer('ES256', 'weak');
export const secret = 'correct horse battery staple, and more of it';

export const good = { iss: 'https://id.example/', aud: 'shop', sub: 'ada', exp: now + 300 };
const otherKey = { alg: 'RS256', kid: rsa.jwk.kid };
const parts = (await rsa.token(good)).split('.') as [string, string, string];
const admin = base64Url(new TextEncoder().encode(JSON.stringify({ ...good, sub: 'root' })));

/** Tokens that are none, and the status of the answer. */
export const tokenAttacks: readonly Attack<() => string | Promise<string>, number>[] = attacks<
  () => string | Promise<string>,
  number
>('tokens', [
  // No signature, or none that counts.
  ['alg none', () => forge({ alg: 'none' }, good), 401],
  ['alg None', () => forge({ alg: 'None' }, good), 401],
  ['alg nOnE with a signature', () => forge({ alg: 'nOnE' }, good, rsa.sign), 401],
  ['alg none with the key id of a key', () => forge({ alg: 'none', kid: rsa.jwk.kid }, good), 401],
  ['alg none signed all the same', () => forge({ alg: 'none' }, good, rsa.sign), 401],
  ['alg empty', () => forge({ alg: '' }, good, rsa.sign), 401],
  ['alg missing', () => forge({ kid: rsa.jwk.kid }, good, rsa.sign), 401],
  ['alg a number', () => forge({ alg: 256 }, good, rsa.sign), 401],
  ['alg a list', () => forge({ alg: ['RS256'] }, good, rsa.sign), 401],
  ['alg null', () => forge({ alg: null }, good, rsa.sign), 401],
  ['alg constructor', () => forge({ alg: 'constructor' }, good, rsa.sign), 401],
  ['alg __proto__', () => forge('{"alg":"__proto__"}', good, rsa.sign), 401],
  ['alg in lower case', () => forge({ alg: 'rs256' }, good, rsa.sign), 401],
  ['signature cut off', () => `${parts[0]}.${parts[1]}.`, 401],
  ['signature missing', () => `${parts[0]}.${parts[1]}`, 401],
  [
    'signature of another token',
    async () => {
      const other = (await rsa.token({ ...good, sub: 'eve' })).split('.')[2];
      return `${parts[0]}.${parts[1]}.${other}`;
    },
    401,
  ],
  ['payload exchanged', () => `${parts[0]}.${admin}.${parts[2]}`, 401],
  [
    'one bit of the signature',
    () => `${parts[0]}.${parts[1]}.${parts[2].startsWith('A') ? 'B' : 'A'}${parts[2].slice(1)}`,
    401,
  ],
  [
    'signature of zeros for ES256 (CVE-2022-21449)',
    () => forge({ alg: 'ES256', kid: ec.jwk.kid }, good, async () => new ArrayBuffer(64)),
    401,
  ],
  ['empty signature bytes', () => forge(otherKey, good, async () => new ArrayBuffer(0)), 401],
  // One kind of key taken for another.
  [
    'HS256 with the public key as JSON',
    async () =>
      forge({ alg: 'HS256', kid: rsa.jwk.kid }, good, await hmac(JSON.stringify(rsa.jwk))),
    401,
  ],
  [
    'HS256 with the public key in PEM',
    async () => forge({ alg: 'HS256', kid: rsa.jwk.kid }, good, await hmac(rsa.pem)),
    401,
  ],
  [
    'HS256 with the modulus',
    async () => forge({ alg: 'HS256' }, good, await hmac(rsa.jwk['n'] as string)),
    401,
  ],
  [
    'HS256 with a guessed secret',
    async () => forge({ alg: 'HS256', kid: 'shared' }, good, await hmac('secret')),
    401,
  ],
  [
    'HS384 with a key for HS256',
    async () => forge({ alg: 'HS384', kid: 'shared' }, good, await hmac(secret)),
    401,
  ],
  [
    'RS256 said of an elliptic key',
    () => forge({ alg: 'RS256', kid: ec.jwk.kid }, good, ec.sign),
    401,
  ],
  [
    'ES256 said of an RSA key',
    () => forge({ alg: 'ES256', kid: rsa.jwk.kid }, good, rsa.sign),
    401,
  ],
  [
    'PS256 with a signature of RS256',
    () => forge({ alg: 'PS256', kid: rsa.jwk.kid }, good, rsa.sign),
    401,
  ],
  [
    'EdDSA said of an RSA key',
    () => forge({ alg: 'EdDSA', kid: rsa.jwk.kid }, good, rsa.sign),
    401,
  ],
  ['an algorithm that nobody has', () => forge({ alg: 'RS1024' }, good, rsa.sign), 401],
  ['an algorithm of encryption', () => forge({ alg: 'RSA-OAEP' }, good, rsa.sign), 401],
  // Keys that the token brings along.
  [
    'a key of its own in the header',
    () => forge({ ...otherKey, jwk: stranger.jwk }, good, stranger.sign),
    401,
  ],
  [
    'a key of its own, no key id',
    () => forge({ alg: 'RS256', jwk: stranger.jwk }, good, stranger.sign),
    401,
  ],
  [
    'jku to a stranger',
    () => forge({ ...otherKey, jku: 'https://evil.example/jwks' }, good, stranger.sign),
    401,
  ],
  [
    'jku to a host of the issuer',
    () => forge({ ...otherKey, jku: 'https://id.example/upload/jwks' }, good, stranger.sign),
    401,
  ],
  [
    'x5u to a stranger',
    () => forge({ ...otherKey, x5u: 'https://evil.example/cert' }, good, stranger.sign),
    401,
  ],
  ['x5c with a certificate', () => forge({ ...otherKey, x5c: ['MIIB'] }, good, stranger.sign), 401],
  [
    'the key id of another key',
    () => forge({ alg: 'RS256', kid: stranger.jwk.kid }, good, stranger.sign),
    401,
  ],
  [
    'a key id that is a path',
    () =>
      forge({ alg: 'HS256', kid: '../../../../dev/null' }, good, async () => new ArrayBuffer(32)),
    401,
  ],
  [
    'a key id that is SQL',
    () => forge({ alg: 'RS256', kid: "' UNION SELECT 'key" }, good, stranger.sign),
    401,
  ],
  [
    'a key id that is a URL',
    () => forge({ alg: 'RS256', kid: 'https://evil.example/k' }, good, stranger.sign),
    401,
  ],
  [
    'a key id that is a command',
    () => forge({ alg: 'RS256', kid: '| curl evil.example' }, good, stranger.sign),
    401,
  ],
  [
    'a key id called __proto__',
    () => forge('{"alg":"RS256","kid":"__proto__"}', good, rsa.sign),
    401,
  ],
  ['a key id that is a number', () => forge({ alg: 'RS256', kid: 1 }, good, rsa.sign), 401],
  ['a key id that is an object', () => forge({ alg: 'RS256', kid: {} }, good, rsa.sign), 401],
  ['a key that nobody listed', () => weak.token(good), 401],
  // Extensions.
  [
    'crit that names an extension',
    () => rsa.token(good, { crit: ['x-admin'], 'x-admin': true }),
    401,
  ],
  ['crit that names b64', () => rsa.token(good, { crit: ['b64'], b64: false }), 401],
  ['crit, empty', () => rsa.token(good, { crit: [] }), 401],
  ['crit that is text', () => rsa.token(good, { crit: 'exp' }), 401],
  ['crit that names alg', () => rsa.token(good, { crit: ['alg'] }), 401],
  ['b64 false, not said to be critical', () => rsa.token(good, { b64: false }), 401],
  // Form.
  ['nothing of a token', () => 'TokenInvalid', 401],
  ['three dots', () => '...', 401],
  ['five parts, an encrypted token', () => `${parts.join('.')}.a.b`, 401],
  [
    'a token in a token',
    async () => forge({ alg: 'RS256', cty: 'JWT' }, await rsa.token(good), rsa.sign),
    401,
  ],
  ['header that is a list', () => forge('[{"alg":"RS256"}]', good, rsa.sign), 401],
  ['header that is null', () => forge('null', good, rsa.sign), 401],
  ['header that is no JSON', () => forge('alg: RS256', good, rsa.sign), 401],
  ['payload that is a list', () => forge(otherKey, '[1]', rsa.sign), 401],
  ['payload that is text', () => forge(otherKey, '"ada"', rsa.sign), 401],
  ['payload that is no JSON', () => forge(otherKey, '{iss:1}', rsa.sign), 401],
  ['payload with a comment', () => forge(otherKey, `/**/${JSON.stringify(good)}`, rsa.sign), 401],
  [
    'payload in UTF-16',
    async () => {
      const bytes = Array.from(JSON.stringify(good)).flatMap((character) => [
        character.charCodeAt(0),
        0,
      ]);
      const message = `${parts[0]}.${base64Url(Uint8Array.from(bytes))}`;
      return `${message}.${base64Url(new Uint8Array(await rsa.sign(new TextEncoder().encode(message))))}`;
    },
    401,
  ],
  [
    'payload that is not UTF-8',
    async () => {
      const message = `${parts[0]}.${base64Url(Uint8Array.of(0x7b, 0xff, 0x7d))}`;
      return `${message}.${base64Url(new Uint8Array(await rsa.sign(new TextEncoder().encode(message))))}`;
    },
    401,
  ],
  ['base64 with padding', () => `${parts[0]}==.${parts[1]}.${parts[2]}`, 401],
  ['base64 with + and /', () => `${parts[0]}.${parts[1]}.+/${parts[2]}`, 401],
  ['a space in the middle', () => `${parts[0]}. ${parts[1]}.${parts[2]}`, 401],
  ['a tab behind', () => `${parts[0]}.${parts[1]}\t.${parts[2]}`, 401],
  ['two tokens, a comma between', () => `${parts.join('.')}, ${parts.join('.')}`, 401],
  ['Bearer twice', () => `Bearer ${parts.join('.')}`, 401],
  ['longer than is read', () => rsa.token({ ...good, pad: 'x'.repeat(20_000) }), 401],
  [
    'nested a thousand levels deep',
    () => forge(otherKey, `${'['.repeat(1_000)}${']'.repeat(1_000)}`, rsa.sign),
    401,
  ],
  // Claims.
  ['another issuer', () => rsa.token({ ...good, iss: 'https://evil.example/' }), 401],
  ['no issuer', () => rsa.token({ ...good, iss: undefined }), 401],
  [
    'an issuer that begins alike',
    () => rsa.token({ ...good, iss: 'https://id.example/.evil.example/' }),
    401,
  ],
  ['an issuer without its slash', () => rsa.token({ ...good, iss: 'https://id.example' }), 401],
  ['a list of issuers', () => rsa.token({ ...good, iss: ['https://id.example/'] }), 401],
  [
    'issuer twice, ours first',
    () =>
      forge(
        otherKey,
        `{"iss":"https://id.example/","iss":"https://evil.example/","aud":"shop","exp":${now + 300}}`,
        rsa.sign,
      ),
    401,
  ],
  ['expired', () => rsa.token({ ...good, exp: now - 61 }), 401],
  ['expired exactly at the end of the skew', () => rsa.token({ ...good, exp: now - 60 }), 401],
  ['no end', () => rsa.token({ ...good, exp: undefined }), 401],
  ['exp as text', () => rsa.token({ ...good, exp: String(now + 300) }), 401],
  ['exp null', () => rsa.token({ ...good, exp: null }), 401],
  ['exp true', () => rsa.token({ ...good, exp: true }), 401],
  ['exp in a list', () => rsa.token({ ...good, exp: [now + 300] }), 401],
  [
    'exp beyond all numbers',
    () => forge(otherKey, JSON.stringify(good).replace(/"exp":\d+/, '"exp":1e999'), rsa.sign),
    401,
  ],
  [
    'exp not a number',
    () => forge(otherKey, JSON.stringify(good).replace(/"exp":\d+/, '"exp":NaN'), rsa.sign),
    401,
  ],
  ['exp negative', () => rsa.token({ ...good, exp: -1 }), 401],
  [
    'exp twice, the good one first',
    () => forge(otherKey, JSON.stringify(good).replace('}', ',"exp":1}'), rsa.sign),
    401,
  ],
  ['not yet valid', () => rsa.token({ ...good, nbf: now + 62 }), 401],
  ['nbf as text', () => rsa.token({ ...good, nbf: '0' }), 401],
  [
    'nbf beyond all numbers',
    () => forge(otherKey, JSON.stringify(good).replace('}', ',"nbf":-1e999}'), rsa.sign),
    401,
  ],
  ['iat as text', () => rsa.token({ ...good, iat: 'now' }), 401],
  ['sub that is an object', () => rsa.token({ ...good, sub: { $ne: '' } }), 401],
  ['sub that is a number', () => rsa.token({ ...good, sub: 1 }), 401],
  ['aud that is an object', () => rsa.token({ ...good, aud: { shop: true } }), 401],
  ['aud that holds a number', () => rsa.token({ ...good, aud: ['shop', 1] }), 401],
  ['aud null', () => rsa.token({ ...good, aud: null }), 401],
  // Good, and for somebody else.
  ['another audience', () => rsa.token({ ...good, aud: 'bank' }), 403],
  ['no audience', () => rsa.token({ ...good, aud: undefined }), 403],
  ['an empty list of audiences', () => rsa.token({ ...good, aud: [] }), 403],
  ['an audience in other case', () => rsa.token({ ...good, aud: 'Shop' }), 403],
  ['an audience with ours in it', () => rsa.token({ ...good, aud: 'shop bank' }), 403],
  [
    'another audience, and expired: it says nothing more',
    () => rsa.token({ ...good, aud: 'bank', exp: 1 }),
    401,
  ],
  [
    'another audience, and forged',
    () => forge(otherKey, { ...good, aud: 'bank' }, stranger.sign),
    401,
  ],
]);
