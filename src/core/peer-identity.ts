/**
 * Who is at the other end of the connection, as its certificate says.
 *
 * @module
 */

import { type Key, key } from './context.ts';

/** What is known of a peer. */
export interface PeerIdentity {
  /**
   * What its certificate was verified to name: the SPIFFE id without its scheme (`cluster.local/ns/shop/sa/web`), else
   * another name in it. `undefined`: the peer showed no certificate.
   */
  readonly principal: string | undefined;
  /** Of a SPIFFE id. */
  readonly trustDomain?: string;
  /** Of a SPIFFE id of the form `TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. */
  readonly namespace?: string;
  /** Of the same. */
  readonly serviceAccount?: string;
}

/**
 * The peer's identity, from the platform or from a proxy that is trusted. `undefined` where nobody could tell, which is not
 * the same as a peer without a certificate: rules on identities then decide against the request.
 */
export const peerIdentity: Key<PeerIdentity | undefined> = key<PeerIdentity>('peer identity');

/**
 * Reads the name that a certificate was verified to bear.
 *
 * @param name A SPIFFE id, with or without `spiffe://`, or any other name.
 *
 * @example
 * ```ts
 * peerNamed('spiffe://cluster.local/ns/shop/sa/web').namespace; // 'shop'
 * ```
 */
export function peerNamed(name: string): PeerIdentity {
  const principal = name.replace(/^spiffe:\/\//, '');
  const [, trustDomain, namespace, serviceAccount] =
    /^([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal) ?? [];
  if (trustDomain !== undefined && namespace !== undefined && serviceAccount !== undefined) {
    return { principal, trustDomain, namespace, serviceAccount };
  }
  return name === principal
    ? { principal }
    : { principal, trustDomain: principal.split('/', 1)[0] as string };
}

/** The names in a certificate that was verified. */
export interface CertificateNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly commonName: string | undefined;
}

/**
 * Whom a certificate names: its SPIFFE id, else another URI, else the first DNS name, else the common name; nobody where there
 * is none, or where one of these that is no SPIFFE id could pass for one whose scheme is left out: who may have any common name
 * signed must not become somebody else.
 *
 * @example
 * ```ts
 * const names = { uris: ['spiffe://cluster.local/ns/shop/sa/web'], dnsNames: ['web.example'], commonName: 'web' };
 * peerCertified(names).serviceAccount; // 'web'
 * ```
 */
export function peerCertified({ uris, dnsNames, commonName }: CertificateNames): PeerIdentity {
  const spiffeId = uris.find((uri) => uri.startsWith('spiffe://'));
  if (spiffeId !== undefined) return peerNamed(spiffeId);
  const name = uris[0] ?? dnsNames[0] ?? commonName;
  return { principal: name && !isLikeSpiffeId(name) ? name : undefined };
}

/** A slash, and no scheme in front of it. */
function isLikeSpiffeId(name: string): boolean {
  return name.includes('/') && !/^[a-z][a-z\d+.-]*:/i.test(name);
}
