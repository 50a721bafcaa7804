/** HTTP/2, which Node's and Deno's servers speak over TLS: hosts and peers are known as over HTTP/1.1. */

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorityAttacks } from '../security/attacks/hosts.ts';
import { endAll, type Serving, serve } from '../support/serving.ts';

const fixture = (name: string): string =>
  new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;

const upstream = createServer(({ headers }, response) => {
  response.end(String(headers['x-forwarded-proto']));
});
const sessions: ClientHttp2Session[] = [];

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-http2-'));

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
afterAll(() => {
  for (const session of sessions) session.destroy();
  endAll();
  upstream.close();
  upstream.closeAllConnections();
  rmSync(directory, { recursive: true });
});

/** Lets nobody to admin.example and to /admin, the web to /web, and everybody to all else. */
function rulesFile(): string {
  const { port } = upstream.address() as AddressInfo;
  const file = join(directory, 'rules.yaml');
  writeFileSync(
    file,
    `services: { app: "http://127.0.0.1:${port}" }
auth: { main: { issuer: id, secret: { env: FETCHMESH_NO_SUCH_SECRET } } }
routes:
  - { hosts: admin.example, path: /**, to: app, auth: main }
  - { path: /admin/**, to: app, auth: main }
  - { path: /web, to: app, allow: { principals: cluster.local/ns/shop/sa/web } }
  - { path: /**, to: app }
`,
  );
  return file;
}

function sessionWith({ url }: Serving, who?: string): ClientHttp2Session {
  const session = connect(url, {
    ca: readFileSync(fixture('authority.pem')),
    ...(who && {
      cert: readFileSync(fixture(`${who}.pem`)),
      key: readFileSync(fixture(`${who}.key`)),
    }),
  });
  // What becomes of a stream is told there.
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

async function ask(
  session: ClientHttp2Session,
  fields: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: string }> {
  try {
    const stream = session.request({ ':path': '/', ...fields });
    const [headers] = await once(stream, 'response');
    return { status: Number(headers[':status']), body: await text(stream) };
  } catch {
    return { status: 0, body: '' };
  }
}

const server = ['--tls-cert', fixture('server.pem'), '--tls-key', fixture('server.key')];

describe.each(['node', 'deno'] as const)('on %s', (runtime) => {
  let gateway: Serving;
  beforeAll(async () => {
    gateway = await serve(['-f', rulesFile(), ...server], runtime);
  });

  test.each(authorityAttacks)('$name', async ({ input, expected }) => {
    const { status, body } = await ask(sessionWith(gateway), input);
    expect([expected].flat()).toContain(status);
    if (status === 200) expect(body).toBe('https');
  });
});

// With certificates of clients Deno listens with Node's server.
test.each(['node', 'deno'] as const)(
  'on %s a peer is known by its certificate',
  async (runtime) => {
    const clients = ['--tls-client-ca', fixture('authority.pem')];
    const gateway = await serve(['-f', rulesFile(), ...server, ...clients], runtime);
    const statusFor = async (who: string, host = 'shop.example'): Promise<number> =>
      (await ask(sessionWith(gateway, who), { ':path': '/web', ':authority': host })).status;
    expect(await statusFor('web')).toBe(200);
    expect(await statusFor('named')).toBe(403);
    expect(await statusFor('web', 'admin.example.')).toBe(401);
  },
);
