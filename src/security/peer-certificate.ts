/**
 * Who the peer is, by the certificate that the platform has verified.
 *
 * @module
 */

import { layer, type Middleware } from '../core/chain.ts';
import { shown } from '../core/option.ts';
import { type PeerIdentity, peerCertified, peerIdentity } from '../core/peer-identity.ts';
import { commonNameOf } from './distinguished-name.ts';

export { type PeerIdentity, peerIdentity } from '../core/peer-identity.ts';

/** What is used of Node's `TLSSocket`. */
interface TlsSocket {
  readonly encrypted?: boolean;
  readonly authorized?: boolean;
  getPeerCertificate?(): {
    readonly subject?: { readonly CN?: string | readonly string[] };
    readonly subjectaltname?: string;
  };
}

/** What Cloudflare says of a client's certificate. */
interface TlsClientAuth {
  readonly certPresented?: string;
  readonly certVerified?: string;
  readonly certSubjectDNRFC2253?: string;
}

interface PlatformRequest extends Request {
  /** Of srvx, on Node and on Deno with Node's server. */
  readonly runtime?: { readonly node?: { readonly req?: { readonly socket?: TlsSocket } } };
  readonly cf?: { readonly tlsClientAuth?: TlsClientAuth };
}

/** The peer of a connection that showed nothing that could be verified. */
const nobody: PeerIdentity = { principal: undefined };

/**
 * Tells rules on identities (`authorize`, `allow`) who the peer is, where its certificate was verified by Node's TLS or by
 * Cloudflare. The name is the SPIFFE id, else another URI, else the first DNS name, else the common name.
 *
 * A peer without a certificate, or with one that was not verified, has no principal; where the platform cannot tell (plain
 * HTTP, Bun), what is known from further out stays, and without it rules on identities decide against the request.
 *
 * Semantics: Istio's `source.principal`; Cloudflare shows of a certificate the subject alone.
 *
 * @example
 * ```ts
 * const app = inbound((request) => new Response(contextOf(request)?.get(peerIdentity)?.principal), peerCertificate());
 * const request = new Request('https://shop.example/');
 * const tlsClientAuth = { certPresented: '1', certVerified: 'SUCCESS', certSubjectDNRFC2253: 'CN=web,O=Shop' };
 * await (await app(Object.assign(request, { cf: { tlsClientAuth } }))).text(); // 'web'
 * ```
 */
export function peerCertificate(...none: readonly never[]): Middleware {
  refuseOptions(none);
  return layer(
    'peer certificate',
    (next) =>
      function peerCertificate(request, context) {
        const identity = certifiedPeer(request);
        return next(
          request,
          identity === undefined ? context : context.with(peerIdentity, identity),
        );
      },
  );
}

/** Taken for an option, `required` and its like would turn nobody away. */
function refuseOptions([given]: readonly unknown[]): void {
  if (given === undefined) return;
  const [name] = Object.keys(Object(given));
  const what =
    name === undefined
      ? `${shown(given)} is not wanted`
      : `there is no option '${name}', only none`;
  throw new RangeError(`peerCertificate: ${what}; \`authorize\` says which peers may come in`);
}

/** {@link peerCertificate} as a question: `undefined` where the platform cannot tell. */
export function certifiedPeer(request: Request): PeerIdentity | undefined {
  const { runtime, cf } = request as PlatformRequest;
  const socket = runtime?.node?.req?.socket;
  if (socket?.encrypted) return ofSocket(socket);
  return cf?.tlsClientAuth === undefined ? undefined : ofCloudflare(cf.tlsClientAuth);
}

function ofSocket(socket: TlsSocket): PeerIdentity {
  if (socket.authorized !== true) return nobody;
  const { subject, subjectaltname = '' } = socket.getPeerCertificate?.() ?? {};
  const { CN } = subject ?? {};
  const commonName = typeof CN === 'string' ? CN : CN?.[0];
  return peerCertified({ ...subjectNames(subjectaltname), commonName });
}

function ofCloudflare(auth: TlsClientAuth): PeerIdentity {
  if (auth.certPresented !== '1' || auth.certVerified !== 'SUCCESS') return nobody;
  const commonName = commonNameOf(auth.certSubjectDNRFC2253 ?? '');
  return peerCertified({ uris: [], dnsNames: [], commonName });
}

/** Splits Node's list of alternative names; a name with a character that could pass for the list's own is quoted there. */
function subjectNames(list: string): {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
} {
  const uris: string[] = [];
  const dnsNames: string[] = [];
  for (const [, kind, quoted, plain] of list.matchAll(
    /(?:^|, )([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))/g,
  )) {
    const name = quoted === undefined ? plain : unquoted(quoted);
    if (!name) continue;
    if (kind === 'URI') uris.push(name);
    else if (kind === 'DNS') dnsNames.push(name);
  }
  return { uris, dnsNames };
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}
