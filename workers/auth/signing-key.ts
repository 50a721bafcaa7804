/**
 * Makes a key that auth signs with: ES256, as a private JWK in JSON.
 *
 * @param kid A name for it. Default: its thumbprint, once it is used.
 */
export async function newSigningKey(kid?: string): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { privateKey } = pair as CryptoKeyPair;
  const { kty, crv, x, y, d } = (await crypto.subtle.exportKey('jwk', privateKey)) as JsonWebKey;
  return JSON.stringify({ kty, crv, x, y, d, kid });
}
