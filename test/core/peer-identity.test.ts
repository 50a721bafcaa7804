import { describe, expect, test } from 'vitest';
import { peerNamed } from '../../src/core/peer-identity.ts';

describe('the name of a peer', () => {
  test('a SPIFFE id of Kubernetes tells trust domain, namespace and service account', () => {
    const identity = {
      principal: 'cluster.local/ns/shop/sa/web',
      trustDomain: 'cluster.local',
      namespace: 'shop',
      serviceAccount: 'web',
    };
    expect(peerNamed('spiffe://cluster.local/ns/shop/sa/web')).toEqual(identity);
    expect(peerNamed('cluster.local/ns/shop/sa/web')).toEqual(identity);
  });

  test('another SPIFFE id tells its trust domain', () => {
    expect(peerNamed('spiffe://example.org/billing/api')).toEqual({
      principal: 'example.org/billing/api',
      trustDomain: 'example.org',
    });
  });

  test('any other name is a principal and nothing more', () => {
    expect(peerNamed('client.example')).toEqual({ principal: 'client.example' });
    expect(peerNamed('CN=web/ns/shop')).toEqual({ principal: 'CN=web/ns/shop' });
  });
});
