/** Tokens, good and forged, signed with WebCrypto alone. */

import type { JsonWebKeyOptions } from '../../src/security/jwt/jwt.ts';

const algorithms = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
} as const;

/** Signs what a header and a payload come to. */
export type Sign = (bytes: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;

/** A key pair of an issuer. */
export interface Signer {
  readonly alg: string;
  /** The public key, with its key id. */
  readonly jwk: JsonWebKeyOptions;
  readonly pem: string;
  readonly sign: Sign;
  /** A token as the issuer would make it. */
  token(claims: object, header?: object): Promise<string>;
}

export async function signer(alg: keyof typeof algorithms, kid = `key-${alg}`): Promise<Signer> {
  const algorithm = {
    ...algorithms[alg],
    modulusLength: 2_048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const pair = (await crypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const { kty, n, e, crv, x, y } = (await crypto.subtle.exportKey(
    'jwk',
    pair.publicKey,
  )) as JsonWebKey;
  const jwk = JSON.parse(JSON.stringify({ kty, kid, n, e, crv, x, y })) as JsonWebKeyOptions;
  const spki = new Uint8Array(
    (await crypto.subtle.exportKey('spki', pair.publicKey)) as ArrayBuffer,
  );
  const pem = `-----BEGIN PUBLIC KEY-----\n${btoa(String.fromCharCode(...spki))}\n-----END PUBLIC KEY-----\n`;
  const sign: Sign = (bytes) => crypto.subtle.sign(algorithms[alg], pair.privateKey, bytes);
  return {
    alg,
    jwk,
    pem,
    sign,
    token: (claims, header) => forge({ alg, kid, ...header }, claims, sign),
  };
}

/** Signs with a secret, or with whatever an attacker takes for one. */
export async function hmac(secret: string | Uint8Array<ArrayBuffer>): Promise<Sign> {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret;
  const key = await crypto.subtle.importKey(
    'raw',
    bytes,
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  return (message) => crypto.subtle.sign('HMAC', key, message);
}

/** Puts a token together, of whatever parts. Text stands for JSON as it is. */
export async function forge(
  header: object | string,
  payload: object | string,
  sign?: Sign,
): Promise<string> {
  const message = `${encoded(header)}.${encoded(payload)}`;
  const signature = await sign?.(new TextEncoder().encode(message));
  return `${message}.${signature === undefined ? '' : base64Url(new Uint8Array(signature))}`;
}

function encoded(part: object | string): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part);
  return base64Url(new TextEncoder().encode(text));
}

/** Bytes as they stand in a token. */
export function base64Url(bytes: Uint8Array): string {
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
