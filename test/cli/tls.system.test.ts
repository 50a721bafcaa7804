/** Mutual TLS with certificates that openssl has just made: what the fixtures hold, made anew by their own script. */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endAll, type Serving, serve } from '../support/serving.ts';

const upstream = createServer((_, response) => response.end('served'));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-openssl-'));
  const script = join(directory, 'make.sh');
  await copyFile(new URL('../fixtures/tls/make.sh', import.meta.url), script);
  execFileSync('sh', [script]);
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});

afterAll(async () => {
  endAll();
  upstream.closeAllConnections();
  upstream.close();
  await rm(directory, { recursive: true });
});

async function writeRules(file: string, principal: string): Promise<void> {
  const { port } = upstream.address() as AddressInfo;
  await writeFile(
    file,
    `services: { shop: "http://127.0.0.1:${port}" }
routes: [{ path: /**, to: shop, allow: { principals: ${principal} } }]
`,
  );
}

const pem = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');

/** A client that keeps its connection. */
async function agentOf(who?: string): Promise<Agent> {
  return new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: await pem('authority.pem'),
    ...(who && { cert: await pem(`${who}.pem`), key: await pem(`${who}.key`) }),
  });
}

/** The status, or the code of the failure; and whether the connection was one that had served before. */
async function ask({ url }: Serving, agent: Agent): Promise<[number | string, boolean]> {
  const sent = httpsRequest(`${url}/orders`, { agent });
  sent.end();
  try {
    const [response] = await once(sent, 'response');
    response.resume();
    await once(response, 'end');
    return [response.statusCode, sent.reusedSocket];
  } catch (error) {
    return [String((error as NodeJS.ErrnoException).code), sent.reusedSocket];
  }
}

describe.each(['node', 'deno'] as const)('on %s', (runtime) => {
  test('PI-01: the authority’s own get in; nobody, strangers and the expired do not', async () => {
    const file = join(directory, `${runtime}.yaml`);
    await writeRules(file, 'cluster.local/ns/shop/sa/web');
    const gateway = await serve(['-f', file, ...certificates()], runtime);
    expect(await ask(gateway, await agentOf('web'))).toEqual([200, false]);
    expect(await ask(gateway, await agentOf('named'))).toEqual([403, false]);
    for (const who of [undefined, 'foreign', 'expired']) {
      expect((await ask(gateway, await agentOf(who)))[0], who).toMatch(/^E/);
    }
  });

  test('a name that the rules no longer let in is out, on the connection that it has', async () => {
    const file = join(directory, `${runtime}-revoked.yaml`);
    await writeRules(file, 'cluster.local/ns/shop/sa/web');
    const gateway = await serve(['-f', file, ...certificates()], runtime);
    const agent = await agentOf('web');
    expect(await ask(gateway, agent)).toEqual([200, false]);
    await writeRules(file, 'cluster.local/ns/shop/sa/other');
    gateway.process.kill('SIGHUP');
    let answer = await ask(gateway, agent);
    while (answer[0] === 200) answer = await ask(gateway, agent);
    expect(answer).toEqual([403, true]);
  });
});

function certificates(): readonly string[] {
  return [
    ...['--tls-cert', join(directory, 'server.pem'), '--tls-key', join(directory, 'server.key')],
    ...['--tls-client-ca', join(directory, 'authority.pem')],
  ];
}
