/** Gateways that serve TLS, and ask clients for certificates, on each runtime that can. */

import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cli, endAll, serve } from '../support/serving.ts';

const fixture = (name: string): string =>
  new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;
const pem = async (name: string): Promise<string> => readFile(fixture(name), 'utf8');

let upstream: Server;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-tls-'));
  upstream = createServer((request, response) => {
    response.end(`${request.method} ${request.url} ${request.headers['x-forwarded-proto']}`);
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});

afterEach(endAll);

afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await rm(directory, { recursive: true });
});

async function rulesFile(name: string, block: string): Promise<string> {
  const file = join(directory, name);
  const { port } = upstream.address() as AddressInfo;
  await writeFile(
    file,
    `${block}
services: { shop: "http://127.0.0.1:${port}" }
routes:
  - { path: /open, to: shop }
  - { path: /web, to: shop, allow: { principals: cluster.local/ns/shop/sa/web } }
  - { path: /shop, to: shop, allow: { namespaces: shop } }
  - { path: /named, to: shop, allow: { principals: web.shop.example } }
`,
  );
  return file;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  /** Of the server's certificate. */
  readonly name: string;
}

/** @param who Whose certificate is shown. */
async function ask(url: string, path: string, who?: string, body?: string): Promise<Answer> {
  const agent = new Agent({
    ca: await pem('authority.pem'),
    ...(who && { cert: await pem(`${who}.pem`), key: await pem(`${who}.key`) }),
  });
  try {
    const sent = httpsRequest(url + path, {
      agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/shop/sa/web' },
    });
    sent.end(body);
    const [response] = await once(sent, 'response');
    const { subject } = (response.socket as TLSSocket).getPeerCertificate();
    return { status: response.statusCode, body: await text(response), name: String(subject.CN) };
  } finally {
    agent.destroy();
  }
}

const refused = async (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'answered',
    ({ code }: NodeJS.ErrnoException) => String(code),
  );

const server = ['--tls-cert', fixture('server.pem'), '--tls-key', fixture('server.key')];
const clients = ['--tls-client-ca', fixture('authority.pem')];

describe.each(['node', 'bun', 'deno'] as const)('on %s', (runtime) => {
  test('PI-06 serves HTTPS, and says so to upstreams', async () => {
    const file = await rulesFile(`${runtime}-plain.yaml`, '');
    const { url } = await serve(['-f', file, ...server], runtime);
    expect(url).toMatch(/^https:/);
    const { status, body, name } = await ask(url, '/open');
    expect([status, body, name]).toEqual([200, 'GET /open https', 'localhost']);
    expect((await ask(url, '/web', 'web')).status).toBe(403);
  });
});

describe.each(['node', 'deno'] as const)('certificates of clients on %s', (runtime) => {
  test('PI-01, PI-07 those of the authority get in, by their names; others not even to a request', async () => {
    const file = await rulesFile(`${runtime}.yaml`, '');
    const { url } = await serve(['-f', file, ...server, ...clients], runtime);
    const statusOf = async (path: string, who: string): Promise<number> =>
      (await ask(url, path, who)).status;
    expect(await statusOf('/open', 'bare')).toBe(200);
    expect(await statusOf('/web', 'web')).toBe(200);
    expect((await ask(url, '/web', 'web', 'x'.repeat(100_000))).body).toBe('POST /web https');
    expect(await statusOf('/shop', 'web')).toBe(200);
    expect(await statusOf('/named', 'web')).toBe(403);
    expect(await statusOf('/named', 'named')).toBe(200);
    expect(await statusOf('/web', 'named')).toBe(403);
    expect(await statusOf('/web', 'bare')).toBe(403);
    for (const who of [undefined, 'foreign', 'expired']) {
      expect(await refused(ask(url, '/open', who)), who).not.toBe('answered');
    }
  });

  test('PI-04 where they are optional, those without a good one have no identity', async () => {
    const block = `tls:
  cert: ${fixture('server.pem')}
  key: ${fixture('server.key')}
  client_ca: ${fixture('authority.pem')}
  client_cert: optional
limits: { body: 1MiB }`;
    const file = await rulesFile(`${runtime}-optional.yaml`, block);
    const { url } = await serve(['-f', file], runtime);
    for (const who of [undefined, 'foreign', 'expired', 'bare']) {
      expect((await ask(url, '/open', who)).status, who).toBe(200);
      expect((await ask(url, '/web', who)).status, who).toBe(403);
      expect((await ask(url, '/shop', who)).status, who).toBe(403);
    }
    // A limited body is another request: the identity stays.
    expect((await ask(url, '/web', 'web', 'body')).status).toBe(200);
  });

  test('PI-08 renewed files are shown without a restart; half of them are not', async () => {
    const own = async (name: string, from: string): Promise<string> => {
      const file = join(directory, `${runtime}-${name}`);
      await copyFile(fixture(from), file);
      return file;
    };
    const cert = await own('own.pem', 'server.pem');
    const key = await own('own.key', 'server.key');
    const file = await rulesFile(`${runtime}-renewed.yaml`, '');
    const gateway = await serve(
      ['-f', file, '--tls-cert', cert, '--tls-key', key, ...clients, '--watch'],
      runtime,
    );
    expect((await ask(gateway.url, '/open', 'web')).name).toBe('localhost');
    await copyFile(fixture('renewed.pem'), cert);
    await gateway.said(/cannot be used with .*; the old ones stay in force/);
    expect((await ask(gateway.url, '/open', 'web')).name).toBe('localhost');
    await copyFile(fixture('renewed.key'), key);
    await gateway.said(/TLS: new certificates are in force/);
    expect((await ask(gateway.url, '/open', 'web')).name).toBe('renewed');
    expect((await ask(gateway.url, '/web', 'web')).status).toBe(200);
    expect(await refused(ask(gateway.url, '/open', 'foreign'))).not.toBe('answered');
  });
});

describe.each(['node', 'deno'] as const)('authorities of clients on %s', (runtime) => {
  test('PI-08 who has a session is out, too, once its authority is gone', async () => {
    const authority = join(directory, `${runtime}-authorities.pem`);
    const [first, second] = [await pem('authority.pem'), await pem('stranger.pem')];
    await writeFile(authority, first);
    const asking = ['--tls-client-ca', authority, '--watch'];
    const gateway = await serve(
      ['-f', await rulesFile(`${runtime}-authorities.yaml`, ''), ...server, ...asking],
      runtime,
    );
    const web = { ca: first, cert: await pem('web.pem'), key: await pem('web.key') };
    // Resumes its session whenever it connects again.
    const agent = new Agent(web);
    const again = async (): Promise<boolean> => {
      const sent = httpsRequest(`${gateway.url}/open`, { agent }).end();
      const [response] = await once(sent, 'response');
      await text(response);
      return (response.socket as TLSSocket).isSessionReused();
    };
    try {
      expect([await again(), await again()]).toEqual([false, true]);
      await writeFile(authority, first + second);
      await gateway.said(/TLS: new certificates are in force/);
      expect((await ask(gateway.url, '/open', 'foreign')).status).toBe(200);
      expect((await ask(gateway.url, '/open', 'web')).status).toBe(200);
      await again();
      await writeFile(authority, second);
      if (runtime === 'deno') {
        await gateway.said(/Deno has to be restarted; the old ones stay in force/);
        await again();
      } else {
        await gateway.said(/(?:new certificates are in force[\s\S]*){2}/);
        await expect(again()).rejects.toThrow();
      }
    } finally {
      agent.destroy();
    }
  });
});

test('PI-08 another authority of clients is taken on as well; options win over the rules, one by one', async () => {
  const authority = join(directory, 'clients.pem');
  await copyFile(fixture('authority.pem'), authority);
  const block = `tls: { cert: ${fixture('renewed.pem')}, key: ${fixture('renewed.key')}, client_ca: ${authority} }`;
  const file = await rulesFile('authority.yaml', block);
  const gateway = await serve(['-f', file, ...server, '--watch']);
  expect((await ask(gateway.url, '/web', 'web')).name).toBe('localhost');
  expect(await refused(ask(gateway.url, '/web', 'foreign'))).not.toBe('answered');
  await copyFile(fixture('stranger.pem'), authority);
  await gateway.said(/TLS: new certificates are in force/);
  expect((await ask(gateway.url, '/web', 'foreign')).status).toBe(200);
  expect(await refused(ask(gateway.url, '/web', 'web'))).not.toBe('answered');
});

test('PI-10 a certificate that is not valid now is said to be none, and shown all the same', async () => {
  const file = await rulesFile('expired.yaml', '');
  const expired = ['--tls-cert', fixture('expired.pem'), '--tls-key', fixture('expired.key')];
  const gateway = await serve(['-f', file, ...expired, ...clients]);
  expect(gateway.output()).toMatch(
    /TLS: .*expired\.pem is valid until \w+ .*: whoever checks it refuses it/,
  );
  expect(gateway.output()).not.toMatch(/authority\.pem is valid/);
});

test('paths in rules count from the directory of their file, and another `tls` is said to count later', async () => {
  for (const name of ['server.pem', 'server.key']) {
    await copyFile(fixture(name), join(directory, name));
  }
  const file = await rulesFile('relative.yaml', 'tls: { cert: server.pem, key: server.key }');
  const gateway = await serve(['-f', file, '--watch']);
  expect((await ask(gateway.url, '/open')).status).toBe(200);
  const block = 'tls: { cert: other.pem, key: server.key }';
  await rulesFile('relative.yaml', block);
  await gateway.said(/`tls` is another one now, which counts from a restart on/);
  expect((await ask(gateway.url, '/open')).name).toBe('localhost');
});

describe.each(['node', 'deno'] as const)('PI-08 garbage on %s', (runtime) => {
  const broken = 'MIIB\n-----END CERTIFICATE-----\n';
  test('in place of any file leaves the old ones in force', async () => {
    const names = ['server.pem', 'server.key', 'authority.pem'];
    const own = (name: string): string => join(directory, `${runtime}-garbage-${name}`);
    for (const name of names) await copyFile(fixture(name), own(name));
    const file = await rulesFile(`${runtime}-garbage.yaml`, '');
    const asking = ['--tls-client-ca', own('authority.pem')];
    const gateway = await serve(
      ['-f', file, '--tls-cert', own('server.pem'), '--tls-key', own('server.key'), ...asking],
      runtime,
    );
    for (const name of names) {
      const good = await readFile(fixture(name), 'utf8');
      for (const garbage of [
        'garbage',
        '',
        good.slice(0, good.length / 2),
        `${good.slice(0, 60)}\n${broken}`,
      ]) {
        const heard = gateway.output().length;
        await writeFile(own(name), garbage);
        gateway.process.kill('SIGHUP');
        await gateway.said(new RegExp(`^[^]{${heard},}TLS: .*; the old ones stay in force`));
        expect(gateway.output().slice(heard)).not.toContain(good.slice(30, 60));
        expect((await ask(gateway.url, '/open', 'web')).status).toBe(200);
        expect(await refused(ask(gateway.url, '/open', 'foreign'))).not.toBe('answered');
      }
      await copyFile(fixture(name), own(name));
    }
  });
});

test('SIGHUP alone has changed files looked at', async () => {
  const cert = join(directory, 'hup.pem');
  const key = join(directory, 'hup.key');
  await copyFile(fixture('server.pem'), cert);
  await copyFile(fixture('server.key'), key);
  const file = await rulesFile('hup.yaml', '');
  const gateway = await serve(['-f', file, '--tls-cert', cert, '--tls-key', key]);
  gateway.process.kill('SIGHUP');
  await gateway.said(/SIGHUP: the rules have not changed/);
  await copyFile(fixture('renewed.pem'), cert);
  await copyFile(fixture('renewed.key'), key);
  gateway.process.kill('SIGHUP');
  await gateway.said(/TLS: new certificates are in force/);
  expect((await ask(gateway.url, '/open')).name).toBe('renewed');
  expect(gateway.output().match(/have not changed/g)).toHaveLength(1);
});

test('PI-09 Bun, which shows no certificates of clients, refuses to ask for them', async () => {
  const file = await rulesFile('bun.yaml', '');
  const gateway = cli(['serve', '-f', file, ...server, ...clients], 'bun');
  expect(await gateway.exited()).toBe(2);
  expect(gateway.output()).toContain('Bun shows no certificates of clients');
});

describe('PI-10 what is missing or wrong is said, and never what a file holds', () => {
  test.each<[args: readonly string[], message: string]>([
    [['--tls-cert', fixture('server.pem')], '--tls-key is missing'],
    [['--tls-key', fixture('server.key')], '--tls-cert is missing'],
    [clients, '--tls-cert is missing'],
    [['--tls-client-cert', 'optional'], 'need --tls-client-ca'],
    [[...server, ...clients, '--tls-client-cert', 'maybe'], "'maybe' is not 'required' or"],
    [['--tls-cert', '/nowhere.pem', '--tls-key', fixture('server.key')], 'cannot read the cert'],
    [
      ['--tls-cert', fixture('server.key'), '--tls-key', fixture('server.key')],
      'server.key holds no certificate in PEM',
    ],
    [
      ['--tls-cert', fixture('server.pem'), '--tls-key', fixture('web.key')],
      'web.key cannot be used with',
    ],
    [
      ['--tls-cert', fixture('server.pem'), '--tls-key', fixture('server.pem')],
      'server.pem cannot be used with',
    ],
    [[...server, '--tls-client-ca', fixture('make.sh')], 'make.sh holds no certificate'],
  ])('%j', async (args, message) => {
    const file = await rulesFile('wrong.yaml', '');
    const gateway = cli(['serve', '-f', file, ...args]);
    expect(await gateway.exited()).toBe(2);
    expect(gateway.output()).toContain(message);
    expect(gateway.output()).not.toContain('BEGIN EC');
    expect(gateway.output()).not.toContain('BEGIN PRIVATE');
  });
});
