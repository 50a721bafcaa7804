import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import { hostAttacks } from '../security/attacks/hosts.ts';
import { pathAttacks } from '../security/attacks/paths.ts';
import { endAll, type Runtime, type Serving, serve } from '../support/serving.ts';

/** Answers the path that it was asked for, byte by byte as it came. */
const upstream = createServer(({ url, headers }, response) => {
  response.setHeader('x-scheme', headers['x-forwarded-proto'] ?? '').end(url);
});

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-paths-'));

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
afterAll(() => {
  endAll();
  upstream.close();
  upstream.closeAllConnections();
  rmSync(directory, { recursive: true });
});

/** Lets nobody to /admin and to admin.example, and everybody to all else. */
function rulesFile(): string {
  const { port } = upstream.address() as AddressInfo;
  const file = join(directory, 'rules.yaml');
  writeFileSync(
    file,
    `services: { app: "http://127.0.0.1:${port}" }
auth: { main: { issuer: id, secret: { env: FETCHMESH_NO_SUCH_SECRET } } }
routes:
  - { path: /admin/**, to: app, auth: main }
  - { hosts: admin.example, path: /**, to: app, auth: main }
  - { path: /**, to: app }
`,
  );
  return file;
}

interface Answer {
  readonly status: number;
  /** The path that the upstream saw, where it was asked. */
  readonly seen: string | undefined;
}

/** Writes to a socket what no client library would. */
async function write({ url }: Serving, line: string, host: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.setEncoding('latin1');
  socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, 'latin1');
  let text = '';
  try {
    for await (const chunk of socket) text += chunk;
  } catch {
    // Reset after the answer: what came counts.
  }
  return text;
}

async function ask(gateway: Serving, target: string): Promise<Answer> {
  const text = await write(gateway, `GET ${target}`, 'shop.example');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  const [, body = ''] = text.split('\r\n\r\n', 2);
  const chunked = /transfer-encoding: chunked/i.test(text);
  const seen = chunked ? body.replace(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '').trim() : body;
  return { status, seen: status === 200 ? seen : undefined };
}

/** Out of which paths are made. */
const piece = fc.constantFrom(
  ...[
    '/',
    '//',
    '.',
    '..',
    '%2f',
    '%2F',
    '%5c',
    '%2e',
    '%2E',
    '%25',
    '%61',
    '%41',
    ';',
    '~',
    '%7e',
  ],
  ...['a', 'admin', 'x', '%61dmin', '%c0%af', '%252e', '%C3%A9', '%20', '?', '%3f', '%23'],
);
const targets = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`);

describe.each<Runtime>(['node', 'bun', 'deno'])('over a socket, served by %s', (runtime) => {
  let gateway: Serving;
  beforeAll(async () => {
    gateway = await serve(['-f', rulesFile()], runtime);
  });

  test.each(pathAttacks)('$name', async ({ input, expected }) => {
    const { status, seen } = await ask(gateway, input);
    if (expected !== 'not /admin') {
      expect({ status, seen }).toEqual({ seen: undefined, ...expected });
      return;
    }
    if (seen === undefined) return;
    expect(seen).toBe(canonicalPath(seen));
    expect(seen).not.toMatch(/^\/admin(?:\/|$)/);
  });

  test.each(hostAttacks)('host: $name', async ({ input: { line, host }, expected }) => {
    const text = await write(gateway, line, host);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
    expect([expected].flat()).toContain(status);
    // By which scheme a request came no client decides.
    if (status === 200) expect(text).toMatch(/^x-scheme: http\r$/im);
  });

  test('whatever the target, the upstream sees a canonical path that is not under /admin', async () => {
    await fc.assert(
      fc.asyncProperty(targets, async (target) => {
        const { status, seen } = await ask(gateway, target);
        const path = canonicalPath(new URL(`http://shop.example${target}`).pathname);
        const isAdmin = path !== undefined && /^\/admin(?:\/|$)/.test(path);
        expect(status).toBe(path === undefined ? 400 : isAdmin ? 401 : 200);
        if (seen === undefined) return;
        const [reached = ''] = seen.split('?', 1);
        expect(reached).toBe(path);
        expect(canonicalPath(reached)).toBe(reached);
      }),
      { numRuns: 150 },
    );
  });
});
