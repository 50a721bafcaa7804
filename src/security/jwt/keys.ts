/**
 * Keys that signatures are verified with, each with the algorithms that its kind allows.
 *
 * @module
 */

import { importJWK, importSPKI } from 'jose/key/import';
import type { Context } from '../../core/context.ts';
import { algorithms } from './algorithms.ts';

/** A public key as a JSON Web Key (RFC 7517), or a symmetric one. */
export interface JsonWebKeyOptions {
  /** `RSA`, `EC`, `OKP`, or `oct` for a symmetric key. */
  readonly kty: string;
  readonly kid?: string;
  /** The one algorithm that it is for. Default: all that its kind allows. */
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  readonly [member: string]: unknown;
}

/** A key set (RFC 7517 §5). */
export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKeyOptions[];
}

/** A public key in PEM, `-----BEGIN PUBLIC KEY-----`. */
export interface PemKey {
  readonly pem: string;
  /** Such as `RS256`: a PEM does not say what its key is for. */
  readonly alg: string;
  readonly kid?: string;
}

/** A secret shared with the issuer. */
export interface SecretKey {
  /**
   * 32 bytes at least, 48 for HS384 and 64 for HS512 (RFC 7518 §3.2); text counts as UTF-8. A function is asked for each
   * request, since on Workers secrets exist only there; what it returns is held back from descriptions, logs and answers.
   */
  readonly secret: string | Uint8Array | ((context: Context) => string | Uint8Array | undefined);
  /** Default: `HS256`. */
  readonly alg?: 'HS256' | 'HS384' | 'HS512';
  readonly kid?: string;
}

/** Any of the forms that a key can be given in. */
export type JwtKey = JsonWebKeyOptions | JsonWebKeySet | PemKey | SecretKey;

/** A key in use. */
export interface VerificationKey {
  readonly kid: string | undefined;
  /** Of the algorithms that its kind allows. */
  readonly algorithms: readonly string[];
  /** `undefined` where there is none at this time. */
  material(algorithm: string, context: Context): Promise<CryptoKey> | undefined;
}

/** More keys of one set are not looked at. */
export const mostKeys = 100;

const rsa: readonly string[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const hmacBytes: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };
const curves: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
};

/** What a JSON Web Key can be used for: an algorithm belongs to one kind of key, whatever a token says. */
function algorithmsOf({ kty, crv, alg, use, key_ops: operations }: JsonWebKeyOptions): string[] {
  if (use !== undefined && use !== 'sig') return [];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return [];
  }
  const isCurve = (kty === 'EC' || kty === 'OKP') && typeof crv === 'string';
  const allowed =
    kty === 'RSA'
      ? rsa
      : kty === 'oct'
        ? Object.keys(hmacBytes)
        : isCurve && Object.hasOwn(curves, crv) && (crv === 'Ed25519') === (kty === 'OKP')
          ? (curves[crv] as readonly string[])
          : [];
  return allowed.filter((each) => alg === undefined || alg === each);
}

const publicMembers = ['kty', 'crv', 'n', 'e', 'x', 'y'];

/** The public part of a key, whatever else came with it. */
function publicPart(key: JsonWebKeyOptions): JsonWebKeyOptions {
  const entries = Object.entries(key).filter(([name]) => publicMembers.includes(name));
  return Object.fromEntries(entries) as unknown as JsonWebKeyOptions;
}

/** A key of a set that was fetched; `undefined` for one that is of no use here, such as a symmetric one. */
export function publicKey(given: unknown): VerificationKey | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const key = given as JsonWebKeyOptions;
  if (key.kty === 'oct' || (key.kid !== undefined && typeof key.kid !== 'string')) return undefined;
  const usable = algorithmsOf(key);
  return usable.length === 0 ? undefined : keyFrom(key.kid, usable, importing(publicPart(key)));
}

function importing(key: JsonWebKeyOptions): (algorithm: string) => Promise<CryptoKey> {
  return async (algorithm) => (await importJWK(key as never, algorithm)) as CryptoKey;
}

function keyFrom(
  kid: string | undefined,
  usable: readonly string[],
  load: (algorithm: string) => Promise<CryptoKey>,
): VerificationKey {
  const loaded = new Map<string, Promise<CryptoKey>>();
  return {
    kid,
    algorithms: usable,
    material(algorithm) {
      let key = loaded.get(algorithm);
      if (key === undefined) {
        key = load(algorithm);
        loaded.set(algorithm, key);
      }
      return key;
    },
  };
}

/**
 * Reads the keys that a caller gave for an option.
 *
 * @throws {RangeError} names the option and what is wrong, and never the key.
 */
export function keysOption(
  option: string,
  given: JwtKey | readonly JwtKey[],
): readonly VerificationKey[] {
  const list = (Array.isArray(given) ? given : [given]) as readonly JwtKey[];
  const keys = list.flatMap((key, index) => keysFrom(`${option}[${index}]`, key));
  if (keys.length === 0)
    throw new RangeError(`${option}: there is no key that verifies signatures`);
  return keys;
}

function keysFrom(option: string, key: JwtKey): readonly VerificationKey[] {
  if (typeof key !== 'object' || key === null) {
    throw new RangeError(
      `${option}: a ${typeof key} is no key; { kty }, { keys }, { pem } or { secret }`,
    );
  }
  if ('secret' in key) return [secretKey(option, key as SecretKey)];
  if ('pem' in key) return [pemKey(option, key as PemKey)];
  if ('keys' in key) {
    const { keys } = key as JsonWebKeySet;
    if (!Array.isArray(keys)) throw new RangeError(`${option}.keys: it is not a list`);
    return keys.flatMap((each, index) => keysFrom(`${option}.keys[${index}]`, each));
  }
  return [jsonWebKey(option, key as JsonWebKeyOptions)];
}

function jsonWebKey(option: string, key: JsonWebKeyOptions): VerificationKey {
  const { kty, kid, n, k, alg = 'HS256' } = key;
  const usable = algorithmsOf(key);
  if (usable.length === 0) {
    throw new RangeError(
      `${option}: a key of the kind ${JSON.stringify(kty)} and of this use verifies no signatures`,
    );
  }
  if (kty === 'oct') {
    const secret = bytesOfBase64Url(k);
    if (secret === undefined) throw new RangeError(`${option}.k: it is not base64url`);
    return secretKey(option, { secret, alg: alg as 'HS256', ...(kid !== undefined && { kid }) });
  }
  if ('d' in key)
    throw new RangeError(`${option}: it is a private key, which only the issuer needs`);
  // 2048 bits.
  if (kty === 'RSA' && !(typeof n === 'string' && n.length >= 342)) {
    throw new RangeError(
      `${option}: an RSA key of less than 2048 bits is not secure (RFC 7518 §3.3)`,
    );
  }
  return keyFrom(kid, usable, importing(publicPart(key)));
}

function bytesOfBase64Url(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[\w-]*$/.test(text)) return undefined;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function pemKey(option: string, { pem, alg, kid }: PemKey): VerificationKey {
  if (typeof pem !== 'string' || !/^\s*-----BEGIN PUBLIC KEY-----\s/.test(pem)) {
    throw new RangeError(`${option}.pem: it is not a public key in PEM (BEGIN PUBLIC KEY)`);
  }
  // A public key taken for a secret is known to everybody.
  const allowed = algorithms.filter((each) => !Object.hasOwn(hmacBytes, each));
  if (!allowed.includes(alg)) {
    throw new RangeError(
      `${option}.alg: ${JSON.stringify(alg)} is not one of ${allowed.join(', ')}`,
    );
  }
  return keyFrom(kid, [alg], (algorithm) => importSPKI(pem, algorithm));
}

function secretKey(option: string, { secret, alg = 'HS256', kid }: SecretKey): VerificationKey {
  const least = Object.hasOwn(hmacBytes, alg) ? hmacBytes[alg] : undefined;
  if (least === undefined) {
    throw new RangeError(`${option}.alg: ${JSON.stringify(alg)} is not one of HS256, HS384, HS512`);
  }
  if (typeof secret !== 'function') {
    const bytes = bytesOf(secret);
    if (bytes === undefined || bytes.byteLength < least) {
      throw new RangeError(`${option}.secret: ${alg} needs ${least} bytes or more (RFC 7518 §3.2)`);
    }
    return keyFrom(kid, [alg], () => hmacKey(bytes, alg));
  }
  let last: { readonly secret: string | Uint8Array; readonly key: Promise<CryptoKey> } | undefined;
  return {
    kid,
    algorithms: [alg],
    material(_, context) {
      const current = secret(context);
      const bytes = current === undefined ? undefined : bytesOf(current);
      if (current === undefined || bytes === undefined || bytes.byteLength < least)
        return undefined;
      if (last?.secret !== current) last = { secret: current, key: hmacKey(bytes, alg) };
      return last.key;
    },
  };
}

function bytesOf(secret: unknown): Uint8Array<ArrayBuffer> | undefined {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret;
  return bytes instanceof Uint8Array ? Uint8Array.from(bytes) : undefined;
}

function hmacKey(bytes: Uint8Array<ArrayBuffer>, alg: string): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: `SHA-${alg.slice(2)}` };
  return crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify']);
}
