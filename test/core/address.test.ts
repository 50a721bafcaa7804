import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressBlock,
  isServed,
  listenerPortOf,
  networkOf,
  parseAddress,
} from '../../src/core/address.ts';
import { Context, type Direction } from '../../src/core/context.ts';

describe('networkOf', () => {
  test.each([
    ['10.0.0.1', 64, '10.0.0.1'],
    ['::ffff:10.0.0.1', 64, '10.0.0.1'],
    ['::FFFF:0a00:0001', 64, '10.0.0.1'],
    ['0:0:0:0:0:ffff:192.0.2.255', 64, '192.0.2.255'],
    ['2001:db8:0:1:2:3:4:5', 64, '2001:db8:0:1::/64'],
    ['2001:DB8:0:1::5', 64, '2001:db8:0:1::/64'],
    ['2001:db8:0:12ff::5', 56, '2001:db8:0:1200::/56'],
    ['2001:db8:0:12ff::5', 48, '2001:db8::/48'],
    ['2001:db8::5', 128, '2001:db8:0:0:0:0:0:5'],
    ['fe80::1%eth0', 64, 'fe80::/64'],
    ['::1', 64, '::/64'],
    ['::', 64, '::/64'],
    ['64:ff9b::192.0.2.1', 128, '64:ff9b:0:0:0:0:c000:201'],
  ])('%s by %i bits is %s', (address, bits, expected) => {
    expect(networkOf(address, bits)).toBe(expected);
  });

  test.each([
    'unknown',
    ':',
    ':::',
    '1::2::3',
    '1:2:3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3.256',
    '::1.2.3.4:5',
  ])('what is no address is left alone: %s', (text) => {
    expect(networkOf(text, 64)).toBe(text);
  });

  test('addresses that differ in other bits only share a network, and no others do', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const address = fc.array(group, { minLength: 8, maxLength: 8 });
    const written = (groups: readonly number[]) =>
      groups.map((part) => part.toString(16)).join(':');
    fc.assert(
      fc.property(address, fc.nat(127), fc.integer({ min: 1, max: 128 }), (groups, bit, bits) => {
        const flipped = groups.slice();
        const at = Math.floor(bit / 16);
        flipped[at] = (flipped[at] as number) ^ (0x8000 >> (bit % 16));
        const isSame = networkOf(written(groups), bits) === networkOf(written(flipped), bits);
        expect(isSame).toBe(bit >= bits);
      }),
      { seed: 5, numRuns: 1_000 },
    );
  });

  test('no text makes it throw', () => {
    const text = fc.string({ unit: fc.constantFrom(...'01af:.%') });
    fc.assert(
      fc.property(text, (address) => {
        networkOf(address, 64);
      }),
      { seed: 6, numRuns: 2_000 },
    );
  });
});

describe('parseAddress', () => {
  test.each([
    ['10.1.2.3', [0, 0, 0, 0, 0, 0xffff, 0x0a01, 0x0203]],
    ['::ffff:10.1.2.3', [0, 0, 0, 0, 0, 0xffff, 0x0a01, 0x0203]],
    ['2001:db8::1', [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]],
    ['fe80::1%eth0', [0xfe80, 0, 0, 0, 0, 0, 0, 1]],
  ])('reads %s', (text, groups) => {
    expect(parseAddress(text)).toEqual(groups);
  });

  test.each([
    'db',
    'cafe',
    'a',
    '10',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4::1',
    '1.2.3.4::',
    '.',
    '%',
    '',
  ])('takes %j for no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
    expect(addressBlock(text)).toBeUndefined();
  });
});

describe('the port that a request came in at', () => {
  const at = (runtime: object): Request =>
    Object.assign(new Request('http://shop.example:1/'), { runtime });

  test.each<[string, Request, unknown, number | undefined]>([
    ['srvx on Node', at({ node: { req: { socket: { localPort: 8080 } } } }), undefined, 8080],
    ['srvx on Bun', at({ bun: { server: { port: 8080 } } }), undefined, 8080],
    ['srvx on Deno', at({ deno: { server: { addr: { port: 8080 } } } }), undefined, 8080],
    ['Bun', at({}), { requestIP: () => null, port: 8080 }, 8080],
    ['a binding called port', at({}), { port: 8080 }, undefined],
    ['Deno', at({}), { remoteAddr: { hostname: '127.0.0.1', port: 4711 } }, undefined],
    ['a socket of Unix', at({ node: { req: { socket: {} } } }), undefined, undefined],
    ['nobody', new Request('http://shop.example:1/'), undefined, undefined],
  ])('as %s tells it', (_, request, platform, port) => {
    expect(listenerPortOf(request, platform === undefined ? [] : [platform])).toBe(port);
  });
});

describe('isServed', () => {
  const request = new Request('http://shop.example/');
  const bySrvx = Object.assign(new Request('http://shop.example/'), { runtime: { name: 'node' } });
  const { waitUntil } = { waitUntil: () => {} };
  test.each<[string, Request, Direction, unknown[], boolean]>([
    ['srvx made', bySrvx, 'inbound', [], true],
    ['the server of Bun passed', request, 'inbound', [{ requestIP: () => null }], true],
    ['the server of Deno passed', request, 'inbound', [{ remoteAddr: {} }], true],
    ['Workers passed', request, 'inbound', [{}, { waitUntil }], true],
    ['somebody made', request, 'inbound', [], false],
    ['somebody passed with an environment', request, 'inbound', [{ KV: {} }], false],
    ['somebody passed nothing with', request, 'inbound', [null, undefined], false],
    ['goes out while another one is served', request, 'outbound', [{}, { waitUntil }], false],
  ])('of a request that %s', (_, given, direction, platform, expected) => {
    const context = Context.root(direction, platform, { pending: 0, rejected: 0 }, undefined);
    expect(isServed(given, context)).toBe(expected);
  });
});
