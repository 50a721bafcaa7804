/** Requests that two servers could read differently, as they are written to a socket. */

import { type Attack, attacks } from './attack.ts';

const hidden = 'GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n';

/** A request with these lines below its first one, and this body. */
function post(lines: readonly string[], body = ''): string {
  return ['POST /a HTTP/1.1', 'Host: shop.example', ...lines, '', body].join('\r\n');
}
const get = (...lines: string[]): string =>
  ['GET /a HTTP/1.1', 'Host: shop.example', ...lines, '', ''].join('\r\n');
/** Chunked, with a request behind the last chunk. */
const chunkedAnd = (...lines: string[]): string => post(lines, `0\r\n\r\n${hidden}`);
const lengthAnd = (...lines: string[]): string => post(lines, hidden);

/**
 * What has to come of it. `refused`: a 4xx or 5xx, or a connection that is closed without an answer. `harmless`: that, or a
 * request that the upstream sees as the gateway did.
 */
export type SocketOutcome = 'refused' | 'harmless';

export const smugglingAttacks: readonly Attack<string, SocketOutcome>[] = attacks('smuggling', [
  [
    'a length and chunks',
    chunkedAnd('Content-Length: 6', 'Transfer-Encoding: chunked'),
    'harmless',
  ],
  [
    'chunks and a length',
    chunkedAnd('Transfer-Encoding: chunked', 'Content-Length: 6'),
    'harmless',
  ],
  ['two lengths that differ', lengthAnd('Content-Length: 0', 'Content-Length: 44'), 'refused'],
  ['two lengths in one', lengthAnd('Content-Length: 0, 44'), 'refused'],
  ['two lengths that are the same, in one', lengthAnd('Content-Length: 0, 0'), 'harmless'],
  ['a length with a sign', lengthAnd('Content-Length: +0'), 'refused'],
  ['a length below zero', lengthAnd('Content-Length: -1'), 'refused'],
  ['a length in hexadecimal', lengthAnd('Content-Length: 0x2c'), 'refused'],
  ['a length with a space', lengthAnd('Content-Length: 4 4'), 'refused'],
  ['a length with a point', lengthAnd('Content-Length: 0.0'), 'refused'],
  ['a length with an exponent', lengthAnd('Content-Length: 1e1'), 'refused'],
  ['a length beyond all numbers', lengthAnd(`Content-Length: ${'9'.repeat(40)}`), 'refused'],
  ['an empty length', lengthAnd('Content-Length:'), 'harmless'],
  ['a length under another name', lengthAnd('Content_Length: 44'), 'harmless'],
  ['a length before a space', lengthAnd('Content-Length : 44'), 'refused'],
  ['a coding before a space', chunkedAnd('Transfer-Encoding : chunked'), 'refused'],
  ['a coding after a tab', chunkedAnd('Transfer-Encoding:\tchunked'), 'harmless'],
  ['a coding on a line of its own', chunkedAnd('Transfer-Encoding:', ' chunked'), 'harmless'],
  ['a coding that is none', chunkedAnd('Transfer-Encoding: xchunked'), 'harmless'],
  ['a coding in quotes', chunkedAnd('Transfer-Encoding: "chunked"'), 'harmless'],
  ['a coding in capitals', chunkedAnd('TRANSFER-ENCODING: CHUNKED'), 'harmless'],
  ['two codings', chunkedAnd('Transfer-Encoding: gzip, chunked'), 'harmless'],
  ['the last coding is another', chunkedAnd('Transfer-Encoding: chunked, identity'), 'harmless'],
  [
    'two fields of codings',
    chunkedAnd('Transfer-Encoding: chunked', 'Transfer-Encoding: x'),
    'harmless',
  ],
  ['a vertical tab in a coding', chunkedAnd('Transfer-Encoding: \vchunked'), 'harmless'],
  ['a zero in a coding', chunkedAnd('Transfer-Encoding: chunked\0'), 'refused'],
  [
    'a coding that Connection names',
    chunkedAnd('Connection: transfer-encoding', 'Transfer-Encoding: chunked'),
    'harmless',
  ],
  [
    'a length that Connection names',
    lengthAnd('Connection: content-length', 'Content-Length: 0'),
    'harmless',
  ],
  [
    'chunks in HTTP/1.0',
    chunkedAnd('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0'),
    'harmless',
  ],
  [
    'a size of a chunk that is none',
    post(['Transfer-Encoding: chunked'], `zz\r\n${hidden}`),
    'refused',
  ],
  ['a negative size', post(['Transfer-Encoding: chunked'], `-1\r\n${hidden}`), 'refused'],
  ['a size with a prefix', post(['Transfer-Encoding: chunked'], `0x2c\r\n${hidden}`), 'refused'],
  [
    'a size beyond all numbers',
    post(['Transfer-Encoding: chunked'], `${'f'.repeat(40)}\r\n${hidden}`),
    'refused',
  ],
  [
    'a size that wraps around',
    post(['Transfer-Encoding: chunked'], `10000000000000000\r\n${hidden}`),
    'refused',
  ],
  [
    'a chunk that is longer than it says',
    post(['Transfer-Encoding: chunked'], `1\r\nab\r\n0\r\n\r\n`),
    'refused',
  ],
  ['a GET with a body that is a request', get('Content-Length: 44').concat(hidden), 'harmless'],
  ['a GET with chunks', get('Transfer-Encoding: chunked').concat(`0\r\n\r\n${hidden}`), 'harmless'],
  ['a space in the path', 'GET /a /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n', 'refused'],
  ['no version', 'GET /a\r\n\r\n', 'refused'],
  ['a version that is none', get().replace('HTTP/1.1', 'HTTP/9.9'), 'refused'],
  // On Deno it is a request to the address that it came in at.
  ['no host', 'GET /a HTTP/1.1\r\n\r\n', 'harmless'],
  ['two hosts', get('Host: other.example'), 'refused'],
  ['a host with a path', get().replace('shop.example', 'shop.example/smuggled'), 'refused'],
  ['a host with a user', get().replace('shop.example', 'user@shop.example'), 'refused'],
  ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'refused'],
  [
    'an upgrade to h2c',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    'harmless',
  ],
  [
    'an upgrade to a socket',
    get('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'),
    'harmless',
  ],
  ['a method that is none', get().replace('GET', 'G@T'), 'refused'],
  ['a method in two words', get().replace('GET', 'GET GET'), 'refused'],
  ['a tunnel', 'CONNECT shop.example:80 HTTP/1.1\r\nHost: shop.example:80\r\n\r\n', 'refused'],
]);

/** Fields that come in by the way. */
export const fieldAttacks: readonly Attack<string, SocketOutcome>[] = attacks('header injection', [
  [
    'an extension with a line in it',
    post(['Transfer-Encoding: chunked'], `0;a="\r\n\r\n${hidden}`),
    'harmless',
  ],
  [
    'trailers that are fields',
    post(['Transfer-Encoding: chunked'], `0\r\nX-Injected: 1\r\nContent-Length: 44\r\n\r\n`),
    'harmless',
  ],
  ['a zero in a field', get('X-A: a\0b'), 'refused'],
  ['a zero in a name', get('X-\0A: a'), 'refused'],
  ['a name with a space', get('X A: a'), 'refused'],
  ['a field without a name', get(': a'), 'refused'],
  ['a field without a colon', get('X-Injected'), 'refused'],
  ['a carriage return alone', get('X-A: a\rX-Injected: 1'), 'harmless'],
  [
    'an encoded line break in the path',
    'GET /a%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: shop.example\r\n\r\n',
    'harmless',
  ],
  [
    'a line break in the path',
    'GET /a\r\nX-Injected: 1 HTTP/1.1\r\nHost: shop.example\r\n\r\n',
    'refused',
  ],
]);
