/** Names that lead elsewhere by the time that a connection is made, with Node's own connections to a server that listens. */

import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { outbound } from '../../src/core/outbound.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { systemResolver } from '../../src/runtimes/system-resolver.ts';
import { type UpstreamGuardOptions, upstreamGuard } from '../../src/security/upstream-guard.ts';

type Fetch = Parameters<typeof outbound>[0];

let inside: Server;
let port: number;
let requests = 0;
/** What the operating system would say, one answer after the other; the last one again and again. */
let answers: (readonly string[])[];

beforeEach(async () => {
  requests = 0;
  inside = createServer((_, response) => {
    requests += 1;
    response.setHeader('connection', 'close').end('secret');
  }).listen(0, '127.0.0.1');
  await once(inside, 'listening');
  port = (inside.address() as AddressInfo).port;
  vi.spyOn(dns, 'lookup').mockImplementation(((
    _: string,
    options: { all?: boolean },
    done: (error: Error | null, ...rest: unknown[]) => void,
  ) => {
    const found = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
    const addresses = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all) done(null, addresses);
    else done(null, addresses[0]?.address, addresses[0]?.family);
  }) as unknown as typeof dns.lookup);
});

afterEach(() => {
  vi.restoreAllMocks();
  inside.closeAllConnections();
  inside.close();
});

async function ask(options: Partial<UpstreamGuardOptions>, platform: Fetch = fetch) {
  const guard = upstreamGuard({ resolver: systemResolver(), ports: 'any', ...options });
  const response = await outbound(platform, guard)(`http://rebinding.example.com:${port}/`);
  return { text: await response.text(), reason: rejectionOf(response)?.reason, requests };
}

describe('UG-08 a name that leads outside when it is asked about, and inside when it is connected to', () => {
  test.each([
    ['to an address', ['127.0.0.1']],
    ['to several, one of them inside', ['1.1.1.1', '127.0.0.1']],
    ['to IPv4 in IPv6', ['::ffff:127.0.0.1']],
    ['to none', []],
  ])('%s: gets nobody in', async (_, second) => {
    answers = [['1.1.1.1'], second];
    expect(await ask({})).toMatchObject({ reason: 'url_denied', requests: 0 });
  });

  test('whatever kind of fetch the chain has', async () => {
    answers = [['1.1.1.1'], ['127.0.0.1']];
    const wrapped: Fetch = (request) => fetch(request);
    expect(await ask({}, wrapped)).toMatchObject({ reason: 'url_denied', requests: 0 });
  });

  test('gets in where that network is allowed', async () => {
    answers = [['127.0.0.1']];
    expect(await ask({ allowNetworks: ['127.0.0.0/8'] })).toEqual({
      text: 'secret',
      reason: undefined,
      requests: 1,
    });
  });

  test('would get in if nothing looked at connections', async () => {
    answers = [['1.1.1.1'], ['127.0.0.1']];
    const { resolve } = systemResolver();
    expect(await ask({ resolver: { resolve } })).toMatchObject({ text: 'secret', requests: 1 });
  });
});

test('a redirect to a name that leads inside is refused as well', async () => {
  // A server that is to listen asks as well.
  answers = [['127.0.0.2']];
  const outside = createServer((_, response) => {
    response.writeHead(302, { location: `http://second.example.com:${port}/` }).end();
  }).listen(0, '127.0.0.2');
  await once(outside, 'listening');
  onTestFinished(() => {
    outside.closeAllConnections();
    outside.close();
  });
  answers = [['127.0.0.2'], ['127.0.0.2'], ['127.0.0.1']];
  const guard = upstreamGuard({
    resolver: systemResolver(),
    ports: 'any',
    allowNetworks: ['127.0.0.2'],
  });
  const { port: first } = outside.address() as AddressInfo;
  const response = await outbound(fetch, guard)(`http://first.example.com:${first}/`);
  expect([rejectionOf(response)?.reason, requests]).toEqual(['url_denied', 0]);
});

test('an error of the resolver is a failure of the fetch', async () => {
  vi.mocked(dns.lookup).mockImplementation(((_: string, __: object, done: (error: Error) => void) =>
    done(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }))) as never);
  await expect(ask({})).rejects.toMatchObject({ code: 'ENOTFOUND' });
});
