import { describe, expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { inbound } from '../../src/index.ts';
import { authorize } from '../../src/security/authorize/authorize.ts';
import {
  certifiedPeer,
  type PeerIdentity,
  peerCertificate,
  peerIdentity,
} from '../../src/security/peer-certificate.ts';

interface Certificate {
  readonly subject?: { readonly CN?: string | readonly string[] };
  readonly subjectaltname?: string;
}

/** A request as srvx hands it over on Node. */
function onNode(certificate: Certificate, socket: object = {}): Request {
  const tls = {
    encrypted: true,
    authorized: true,
    getPeerCertificate: () => certificate,
    ...socket,
  };
  return Object.assign(new Request('https://shop.example/'), {
    runtime: { node: { req: { socket: tls } } },
  });
}

function onWorkers(tlsClientAuth?: Record<string, string>): Request {
  return Object.defineProperty(new Request('https://shop.example/'), 'cf', {
    value: { tlsClientAuth },
  });
}

const spiffe = 'spiffe://cluster.local/ns/shop/sa/web';
const web: PeerIdentity = {
  principal: 'cluster.local/ns/shop/sa/web',
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'web',
};

describe("PI-01 Node's TLS", () => {
  test.each<[certificate: Certificate, principal: string | undefined]>([
    [{ subjectaltname: `URI:${spiffe}`, subject: { CN: 'a' } }, web.principal],
    [{ subjectaltname: `DNS:a.example, URI:https://b, URI:${spiffe}` }, web.principal],
    [{ subjectaltname: 'DNS:a.example, URI:urn:b' }, 'urn:b'],
    [{ subjectaltname: 'IP Address:10.0.0.1, DNS:a.example, DNS:b.example' }, 'a.example'],
    [{ subjectaltname: '', subject: { CN: 'web' } }, 'web'],
    [{ subject: { CN: ['web', 'other'] } }, 'web'],
    [{ subject: {} }, undefined],
    [{}, undefined],
    // Who may choose a common name must not be able to choose whom it names.
    [{ subject: { CN: 'cluster.local/ns/shop/sa/web' } }, undefined],
    [{ subjectaltname: 'DNS:cluster.local/ns/shop/sa/web' }, undefined],
    [{ subjectaltname: 'URI:cluster.local/admin', subject: { CN: 'web' } }, undefined],
    // As Node quotes a name that holds what the list is made of (CVE-2021-44532).
    [{ subjectaltname: `DNS:"evil.example, URI:${spiffe}"` }, undefined],
    [{ subjectaltname: 'DNS:"evil.example, URI:urn:b"' }, 'evil.example, URI:urn:b'],
  ])('%j: %s', (certificate, principal) => {
    expect(certifiedPeer(onNode(certificate))?.principal).toBe(principal);
  });

  test('the parts of a SPIFFE id', () => {
    expect(certifiedPeer(onNode({ subjectaltname: `URI:${spiffe}` }))).toEqual(web);
  });

  test('PI-04 what was not verified names nobody', () => {
    const shown = { subjectaltname: `URI:${spiffe}` };
    for (const authorized of [false, undefined, null, 'true']) {
      expect(certifiedPeer(onNode(shown, { authorized }))).toEqual({ principal: undefined });
    }
    expect(certifiedPeer(onNode(shown, { encrypted: false }))).toBeUndefined();
  });
});

describe("PI-02 Cloudflare's TLS", () => {
  const shown = { certPresented: '1', certVerified: 'SUCCESS', certSubjectDNRFC2253: 'CN=web' };
  test.each<[auth: Record<string, string> | undefined, identity: PeerIdentity | undefined]>([
    [shown, { principal: 'web' }],
    [{ ...shown, certVerified: 'FAILED:self signed certificate' }, { principal: undefined }],
    [{ ...shown, certPresented: '0' }, { principal: undefined }],
    [{ certPresented: '0', certVerified: 'NONE' }, { principal: undefined }],
    [{ ...shown, certSubjectDNRFC2253: 'O=Shop' }, { principal: undefined }],
    [{ ...shown, certSubjectDNRFC2253: 'CN=a/ns/b/sa/c' }, { principal: undefined }],
    [undefined, undefined],
  ])('%j: %j', (auth, identity) => {
    expect(certifiedPeer(onWorkers(auth))).toEqual(identity);
  });
});

describe('the middleware', () => {
  const seen = async (request: Request, context = Context.background('inbound')) => {
    let identity: PeerIdentity | undefined;
    await peerCertificate()(async (_, inner) => {
      identity = inner.get(peerIdentity);
      return new Response();
    })(request, context);
    return identity;
  };

  test('leaves what is known from further out where the platform cannot tell', async () => {
    const known = Context.background('inbound').with(peerIdentity, web);
    expect(await seen(new Request('http://shop.example/'), known)).toBe(web);
    expect(await seen(onNode({ subject: { CN: 'other' } }), known)).toEqual({ principal: 'other' });
  });

  test('PI-05 rules on identities decide against whoever has none', async () => {
    const app = inbound(
      () => new Response('in'),
      peerCertificate(),
      authorize([
        { action: 'allow', rules: [{ from: [{ principals: ['cluster.local/ns/shop/*'] }] }] },
      ]),
    );
    const statusOf = async (request: Request) => (await app(request)).status;
    expect(await statusOf(onNode({ subjectaltname: `URI:${spiffe}` }))).toBe(200);
    expect(await statusOf(onNode({ subject: { CN: 'cluster.local' } }))).toBe(403);
    expect(await statusOf(onNode({ subjectaltname: `URI:${spiffe}` }, { authorized: false }))).toBe(
      403,
    );
    expect(await statusOf(new Request('http://shop.example/'))).toBe(403);
    const forged = { 'x-forwarded-client-cert': `URI=${spiffe}` };
    expect(await statusOf(new Request('http://shop.example/', { headers: forged }))).toBe(403);
  });
});
