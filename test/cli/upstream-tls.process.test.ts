/** Gateways that reach upstreams over TLS: whom they trust, and what they show. */

import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cli, endAll, serve } from '../support/serving.ts';

const fixture = (name: string): string =>
  new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;

let directory: string;
const servers: Server[] = [];
/** Asks for a certificate of a client, and answers with its name. */
let asking: number;
/** Shows a certificate that is no longer valid, one of another authority, and one for another name. */
let expired: number;
let foreign: number;
let elsewhere: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-upstream-tls-'));
  for (const file of ['servers.pem', 'web.pem', 'web.key', 'named.pem', 'named.key']) {
    await copyFile(fixture(file), join(directory, file));
  }
  asking = await upstream('upstream');
  expired = await upstream('upstream-expired');
  foreign = await upstream('server');
  elsewhere = await upstream('upstream-elsewhere');
});

afterEach(endAll);

afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(directory, { recursive: true });
});

async function upstream(name: string): Promise<number> {
  const server = createServer(
    {
      cert: await readFile(fixture(`${name}.pem`)),
      key: await readFile(fixture(`${name}.key`)),
      ca: await readFile(fixture('authority.pem')),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      const shown = socket.authorized ? socket.getPeerCertificate().subject.CN : 'nobody';
      response.end(`${request.method} ${shown}`);
    },
  ).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

interface Written {
  readonly port: number;
  readonly tls?: string;
}

async function rulesFile(
  name: string,
  services: Readonly<Record<string, Written>>,
): Promise<string> {
  const file = join(directory, name);
  const lines = Object.entries(services).map(([service, { port, tls }]) => {
    const block = tls === undefined ? '' : `, tls: ${tls}`;
    return `  ${service}: { url: "https://localhost:${port}"${block} }`;
  });
  const routes = Object.keys(services).map(
    (service) => `  - { path: /${service}, to: ${service} }`,
  );
  await writeFile(file, `services:\n${lines.join('\n')}\nroutes:\n${routes.join('\n')}\n`);
  return file;
}

async function ask(url: string, path: string, body?: string): Promise<[number, string]> {
  const response = await fetch(
    `${url}/${path}`,
    body === undefined ? {} : { method: 'POST', body },
  );
  const text = await response.text();
  return [response.status, response.ok ? text : (JSON.parse(text).detail as string)];
}

const web = '{ ca: servers.pem, cert: web.pem, key: web.key }';
const named = '{ ca: servers.pem, cert: named.pem, key: named.key }';
const noConnection = [502, 'No secure connection to the upstream came about.'];

describe.each(['node', 'bun', 'deno'] as const)('on %s', (runtime) => {
  test('UT-01, UT-02, UT-03 each service trusts and shows what its own block says', async () => {
    const file = await rulesFile(`${runtime}.yaml`, {
      web: { port: asking, tls: web },
      named: { port: asking, tls: named },
      bare: { port: asking, tls: '{ ca: servers.pem }' },
      runtimes: { port: asking },
      expired: { port: expired, tls: web },
      foreign: { port: foreign, tls: web },
      elsewhere: { port: elsewhere, tls: web },
    });
    const { url } = await serve(['-f', file], runtime);
    for (let round = 0; round < 2; round++) {
      expect(await ask(url, 'web')).toEqual([200, 'GET web']);
      expect(await ask(url, 'named')).toEqual([200, 'GET named']);
      expect(await ask(url, 'bare')).toEqual([200, 'GET nobody']);
      expect(await ask(url, 'web', 'x'.repeat(100_000))).toEqual([200, 'POST web']);
      for (const name of ['runtimes', 'expired', 'foreign', 'elsewhere']) {
        expect(await ask(url, name), name).toEqual(noConnection);
      }
    }
  });

  test('UT-05 renewed files are shown without a restart; half of them are not', async () => {
    const own = `${runtime}-own`;
    await copyFile(fixture('web.pem'), join(directory, `${own}.pem`));
    await copyFile(fixture('web.key'), join(directory, `${own}.key`));
    const tls = `{ ca: servers.pem, cert: ${own}.pem, key: ${own}.key }`;
    const file = await rulesFile(`${runtime}-renewed.yaml`, { shop: { port: asking, tls } });
    const gateway = await serve(['-f', file], runtime);
    expect(await ask(gateway.url, 'shop')).toEqual([200, 'GET web']);
    await copyFile(fixture('named.pem'), join(directory, `${own}.pem`));
    gateway.process.kill('SIGHUP');
    await gateway.said(/services\.shop\.tls: .* cannot be used with .*; the old ones stay/);
    expect(await ask(gateway.url, 'shop')).toEqual([200, 'GET web']);
    await copyFile(fixture('named.key'), join(directory, `${own}.key`));
    gateway.process.kill('SIGHUP');
    await gateway.said(/services\.shop\.tls: new certificates are in force/);
    expect(await ask(gateway.url, 'shop')).toEqual([200, 'GET named']);
  });
});

describe.each(['node', 'bun', 'deno'] as const)('UT-05 garbage on %s', (runtime) => {
  test('in place of any file leaves the old ones in force', async () => {
    const files = { ca: 'servers.pem', cert: 'web.pem', key: 'web.key' };
    const own = (name: string): string => `${runtime}-garbage-${name}`;
    for (const name of Object.values(files)) {
      await copyFile(fixture(name), join(directory, own(name)));
    }
    const tls = `{ ca: ${own(files.ca)}, cert: ${own(files.cert)}, key: ${own(files.key)} }`;
    const file = await rulesFile(`${runtime}-garbage.yaml`, { shop: { port: asking, tls } });
    const gateway = await serve(['-f', file], runtime);
    for (const name of Object.values(files)) {
      const good = await readFile(fixture(name), 'utf8');
      for (const garbage of ['garbage', '', good.slice(0, good.length / 2)]) {
        const heard = gateway.output().length;
        await writeFile(join(directory, own(name)), garbage);
        gateway.process.kill('SIGHUP');
        await gateway.said(new RegExp(`^[^]{${heard},}services\\.shop\\.tls.*; the old ones stay`));
        expect(await ask(gateway.url, 'shop')).toEqual([200, 'GET web']);
      }
      await copyFile(fixture(name), join(directory, own(name)));
    }
  });
});

describe.each(['node', 'bun'] as const)('the name of an upstream on %s', (runtime) => {
  test('UT-04 is the one that the rules say, where they say one', async () => {
    const file = await rulesFile(`${runtime}-name.yaml`, {
      elsewhere: { port: elsewhere, tls: '{ ca: servers.pem, server_name: shop.internal }' },
      server: { port: asking, tls: '{ ca: servers.pem, server_name: shop.internal }' },
    });
    const { url } = await serve(['-f', file], runtime);
    expect(await ask(url, 'elsewhere')).toEqual([200, 'GET nobody']);
    expect(await ask(url, 'server')).toEqual(noConnection);
  });
});

test('UT-04 Deno, which asks for no other name than that of the URL, refuses one', async () => {
  const tls = '{ server_name: shop.internal }';
  const file = await rulesFile('deno-name.yaml', { shop: { port: elsewhere, tls } });
  const gateway = cli(['serve', '-f', file], 'deno');
  expect(await gateway.exited()).toBe(2);
  expect(gateway.output()).toContain('services.shop.tls: Deno asks for the name in the URL');
});

test('UT-05 rules that say other files take them on; those of which one is missing stay out', async () => {
  const file = await rulesFile('changed.yaml', { shop: { port: asking, tls: web } });
  const gateway = await serve(['-f', file, '--watch']);
  expect(await ask(gateway.url, 'shop')).toEqual([200, 'GET web']);
  await rulesFile('changed.yaml', { shop: { port: asking, tls: '{ ca: nowhere.pem }' } });
  await gateway.said(/stays in force until a restart: services\.shop\.tls\.ca: cannot read/);
  expect(await ask(gateway.url, 'shop')).toEqual([200, 'GET web']);
  await rulesFile('changed.yaml', { shop: { port: asking, tls: named } });
  await gateway.said(/is in force/);
  expect(await ask(gateway.url, 'shop')).toEqual([200, 'GET named']);
});

describe('UT-06 what is missing or wrong is said with its place, and never what a file holds', () => {
  test.each([
    ['{ ca: nowhere.pem }', 'services.shop.tls.ca: cannot read '],
    ['{ ca: web.key }', 'services.shop.tls: TLS: web.key holds no certificate in PEM'],
    ['{ cert: web.key, key: web.key }', 'web.key holds no certificate in PEM'],
    [
      '{ cert: web.pem, key: named.key }',
      'services.shop.tls: named.key cannot be used with web.pem: it is not the key of that',
    ],
    ['{ cert: web.pem, key: web.pem }', 'web.pem cannot be used with web.pem: it holds no private'],
  ])('%s', async (tls, message) => {
    const file = await rulesFile('wrong.yaml', { shop: { port: asking, tls } });
    const gateway = cli(['serve', '-f', file]);
    expect(await gateway.exited()).toBe(2);
    expect(gateway.output()).toContain(message);
    expect(gateway.output()).not.toContain('BEGIN PRIVATE');
  });
});
