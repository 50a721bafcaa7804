/**
 * Requests that two servers could read differently, over sockets, at a gateway on each runtime that listens. Whatever
 * becomes of them, an upstream sees one request at most, none that was hidden in another, no field that came in by the
 * way, and the gateway goes on.
 */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endAll, type Serving, serve } from '../support/serving.ts';

interface Seen {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const seen: Seen[] = [];
const upstream = createServer(async (request, response) => {
  let body = '';
  try {
    for await (const chunk of request) body += chunk;
  } catch {
    // Cut off: what was hidden in it must not have come.
  }
  seen.push({ url: request.url ?? '', headers: request.headers, body });
  response.end('ok');
});

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
afterAll(() => {
  endAll();
  upstream.close();
  upstream.closeAllConnections();
});

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

/** What is sent, and whether it has to be refused: with a 4xx or 5xx, or by closing without an answer. */
const attacks: readonly (readonly [name: string, text: string, refused?: true])[] = [
  ['a length and chunks', chunkedAnd('Content-Length: 6', 'Transfer-Encoding: chunked')],
  ['chunks and a length', chunkedAnd('Transfer-Encoding: chunked', 'Content-Length: 6')],
  ['two lengths that differ', lengthAnd('Content-Length: 0', 'Content-Length: 44'), true],
  ['two lengths in one', lengthAnd('Content-Length: 0, 44'), true],
  ['two lengths that are the same, in one', lengthAnd('Content-Length: 0, 0')],
  ['a length with a sign', lengthAnd('Content-Length: +0'), true],
  ['a length below zero', lengthAnd('Content-Length: -1'), true],
  ['a length in hexadecimal', lengthAnd('Content-Length: 0x2c'), true],
  ['a length with a space', lengthAnd('Content-Length: 4 4'), true],
  ['a length with a point', lengthAnd('Content-Length: 0.0'), true],
  ['a length with an exponent', lengthAnd('Content-Length: 1e1'), true],
  ['a length beyond all numbers', lengthAnd(`Content-Length: ${'9'.repeat(40)}`), true],
  ['an empty length', lengthAnd('Content-Length:')],
  ['a length under another name', lengthAnd('Content_Length: 44')],
  ['a length before a space', lengthAnd('Content-Length : 44'), true],
  ['a coding before a space', chunkedAnd('Transfer-Encoding : chunked'), true],
  ['a coding after a tab', chunkedAnd('Transfer-Encoding:\tchunked')],
  ['a coding on a line of its own', chunkedAnd('Transfer-Encoding:', ' chunked')],
  ['a coding that is none', chunkedAnd('Transfer-Encoding: xchunked')],
  ['a coding in quotes', chunkedAnd('Transfer-Encoding: "chunked"')],
  ['a coding in capitals', chunkedAnd('TRANSFER-ENCODING: CHUNKED')],
  ['two codings', chunkedAnd('Transfer-Encoding: gzip, chunked')],
  ['the last coding is another', chunkedAnd('Transfer-Encoding: chunked, identity')],
  ['two fields of codings', chunkedAnd('Transfer-Encoding: chunked', 'Transfer-Encoding: x')],
  ['a vertical tab in a coding', chunkedAnd('Transfer-Encoding: \vchunked')],
  ['a zero in a coding', chunkedAnd('Transfer-Encoding: chunked\0'), true],
  [
    'a coding that Connection names',
    chunkedAnd('Connection: transfer-encoding', 'Transfer-Encoding: chunked'),
  ],
  ['a length that Connection names', lengthAnd('Connection: content-length', 'Content-Length: 0')],
  ['chunks in HTTP/1.0', chunkedAnd('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0')],
  ['a size of a chunk that is none', post(['Transfer-Encoding: chunked'], `zz\r\n${hidden}`), true],
  ['a negative size', post(['Transfer-Encoding: chunked'], `-1\r\n${hidden}`), true],
  ['a size with a prefix', post(['Transfer-Encoding: chunked'], `0x2c\r\n${hidden}`), true],
  [
    'a size beyond all numbers',
    post(['Transfer-Encoding: chunked'], `${'f'.repeat(40)}\r\n${hidden}`),
    true,
  ],
  [
    'a size that wraps around',
    post(['Transfer-Encoding: chunked'], `10000000000000000\r\n${hidden}`),
    true,
  ],
  [
    'a chunk that is longer than it says',
    post(['Transfer-Encoding: chunked'], `1\r\nab\r\n0\r\n\r\n`),
    true,
  ],
  [
    'an extension with a line in it',
    post(['Transfer-Encoding: chunked'], `0;a="\r\n\r\n${hidden}`),
  ],
  [
    'trailers that are fields',
    post(['Transfer-Encoding: chunked'], `0\r\nX-Injected: 1\r\nContent-Length: 44\r\n\r\n`),
  ],
  ['a GET with a body that is a request', get('Content-Length: 44').concat(hidden)],
  ['a GET with chunks', get('Transfer-Encoding: chunked').concat(`0\r\n\r\n${hidden}`)],
  ['a zero in a field', get('X-A: a\0b'), true],
  ['a zero in a name', get('X-\0A: a'), true],
  ['a name with a space', get('X A: a'), true],
  ['a field without a name', get(': a'), true],
  ['a field without a colon', get('X-Injected'), true],
  ['a carriage return alone', get('X-A: a\rX-Injected: 1')],
  [
    'an encoded line break in the path',
    'GET /a%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: shop.example\r\n\r\n',
  ],
  [
    'a line break in the path',
    'GET /a\r\nX-Injected: 1 HTTP/1.1\r\nHost: shop.example\r\n\r\n',
    true,
  ],
  ['a space in the path', 'GET /a /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n', true],
  ['no version', 'GET /a\r\n\r\n', true],
  ['a version that is none', get().replace('HTTP/1.1', 'HTTP/9.9'), true],
  // On Deno it is a request to the address that it came in at.
  ['no host', 'GET /a HTTP/1.1\r\n\r\n'],
  ['two hosts', get('Host: other.example'), true],
  ['a host with a path', get().replace('shop.example', 'shop.example/smuggled'), true],
  ['a host with a user', get().replace('shop.example', 'user@shop.example'), true],
  ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', true],
  [
    'an upgrade to h2c',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
  ],
  [
    'an upgrade to a socket',
    get('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'),
  ],
  ['a method that is none', get().replace('GET', 'G@T'), true],
  ['a method in two words', get().replace('GET', 'GET GET'), true],
  ['a tunnel', 'CONNECT shop.example:80 HTTP/1.1\r\nHost: shop.example:80\r\n\r\n', true],
];

interface Outcome {
  readonly refused: boolean;
  readonly text: string;
}

/** Sends it, and takes what comes back until the other side has been silent for a moment. */
async function send({ url }: Serving, text: string): Promise<Outcome> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  let said = '';
  const over = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.setTimeout(300, () => resolve());
  });
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    said += chunk;
  });
  socket.write(text, 'latin1');
  await over;
  socket.destroy();
  return { refused: !/^HTTP\/1\.[01] [123]/.test(said), text: said };
}

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  let gateway: Serving;

  beforeAll(async () => {
    const { port } = upstream.address() as AddressInfo;
    gateway = await serve(['--upstream', `http://127.0.0.1:${port}`], runtime);
  });

  // Numbered, since what a row before it sent could arrive late.
  const rows = attacks.map(([name, text, refused = false], row) => {
    const number = String(row).padStart(3, '0');
    // As long as before, where the length of a body counts it.
    const paths = text.replaceAll('/a', `/a${number}`).replaceAll('/smuggled', `/hid-${number}d`);
    return [name, paths, refused, row] as const;
  });

  test.each(rows)('%s', async (_, text, mustRefuse, row) => {
    seen.length = 0;
    const { refused, text: said } = await send(gateway, text);
    const sent = seen.filter(({ url }) => Number(/\d+/.exec(url)?.[0] ?? row) === row);
    // A second request on the connection is the client's own, and comes as one.
    const own = sent.filter(({ url }) => !url.startsWith('/hid-'));
    expect(own.length, 'requests at the upstream').toBeLessThanOrEqual(1);
    for (const { headers, body, url } of sent) {
      expect(headers).not.toHaveProperty('x-injected');
      expect(headers['upgrade']).toBeUndefined();
      expect(url).not.toContain('\n');
      expect([...body.matchAll(/HTTP\/1\.1/g)].length).toBeLessThanOrEqual(1);
    }
    // A request behind another one was seen as such here, and answered as such: it was not hidden.
    if (own.length < sent.length) {
      const answers = said.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0;
      expect(answers, said.slice(0, 400)).toBeGreaterThanOrEqual(sent.length);
    }
    if (mustRefuse) expect(refused, said.slice(0, 200)).toBe(true);
  });

  test('goes on as if nothing had been', async () => {
    seen.length = 0;
    expect(await (await fetch(`${gateway.url}/after`)).text()).toBe('ok');
    expect(seen.map(({ url }) => url)).toEqual(['/after']);
  });
});
