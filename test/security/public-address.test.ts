import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress } from '../../src/core/address.ts';
import { addressOfHost, isPublicAddress } from '../../src/security/public-address.ts';

const isPublic = (text: string): boolean => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return isPublicAddress(address);
};

test.each([
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '168.63.129.15',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2001:4860:4860::8888',
  '::ffff:1.1.1.1',
  '64:ff9b::1.1.1.1',
])('%s is public', (address) => {
  expect(isPublic(address)).toBe(true);
});

test.each([
  ['this host', '0.0.0.0'],
  ['private', '10.0.0.1'],
  ['private, at the end', '10.255.255.255'],
  ['shared, behind a carrier', '100.64.0.1'],
  ['the metadata of Alibaba', '100.100.100.200'],
  ['loopback', '127.0.0.1'],
  ['loopback, elsewhere', '127.255.255.254'],
  ['the wire server of Azure', '168.63.129.16'],
  ['metadata of most clouds', '169.254.169.254'],
  ['credentials of tasks at Amazon', '169.254.170.2'],
  ['private, from 172.16', '172.16.0.1'],
  ['private, to 172.31', '172.31.255.255'],
  ['the metadata of Oracle', '192.0.0.192'],
  ['documentation', '192.0.2.1'],
  ['6to4 relays', '192.88.99.1'],
  ['private, of homes', '192.168.1.1'],
  ['benchmarks', '198.18.0.1'],
  ['documentation, 2', '198.51.100.1'],
  ['documentation, 3', '203.0.113.1'],
  ['multicast', '224.0.0.1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['unspecified', '::'],
  ['loopback of IPv6', '::1'],
  ['IPv4 within IPv6', '::ffff:127.0.0.1'],
  ['the same in hexadecimal', '::ffff:a9fe:a9fe'],
  ['the same in full', '0:0:0:0:0:ffff:7f00:1'],
  ['IPv4-compatible', '::127.0.0.1'],
  ['IPv4-compatible, public', '::1.1.1.1'],
  ['behind NAT64', '64:ff9b::169.254.169.254'],
  ['behind NAT64, private', '64:ff9b::a00:1'],
  ['NAT64 of one’s own', '64:ff9b:1::1'],
  ['6to4 around IPv4', '2002:7f00:1::'],
  ['Teredo', '2001:0:7f00:1::'],
  ['documentation of IPv6', '2001:db8::1'],
  ['documentation of IPv6, 2', '3fff::1'],
  ['unique local', 'fc00::1'],
  ['the metadata of Amazon on IPv6', 'fd00:ec2::254'],
  ['link-local', 'fe80::1'],
  ['link-local with a zone', 'fe80::1%eth0'],
  ['site-local, of old', 'fec0::1'],
  ['multicast of IPv6', 'ff02::1'],
  ['discard', '100::1'],
  ['segment routing', '5f00::1'],
])('%s (%s) is not public', (_, address) => {
  expect(isPublic(address)).toBe(false);
});

test('an IPv4 address is as public in every form that a URL may have it in', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (number) => {
      const dotted = [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
      const hexadecimal = number.toString(16).padStart(8, '0');
      const wanted = isPublic(dotted);
      for (const host of [
        String(number),
        `0x${hexadecimal}`,
        `0${number.toString(8)}`,
        `[::ffff:${dotted}]`,
        `[64:ff9b::${hexadecimal.slice(0, 4)}:${hexadecimal.slice(4)}]`,
      ]) {
        const address = addressOfHost(new URL(`http://${host}/`).hostname);
        expect(address && isPublicAddress(address), host).toBe(wanted);
      }
    }),
  );
});
