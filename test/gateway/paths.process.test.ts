import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import { endAll, type Runtime, type Serving, serve } from '../support/serving.ts';

/** Answers the path that it was asked for, byte by byte as it came. */
const upstream = createServer((request, response) => response.end(request.url));

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
afterAll(() => {
  endAll();
  upstream.close();
  upstream.closeAllConnections();
});

/** Lets nobody to /admin, and everybody to all else. */
function rulesFile(): string {
  const { port } = upstream.address() as AddressInfo;
  const file = join(mkdtempSync(join(tmpdir(), 'fetchmesh-paths-')), 'rules.yaml');
  writeFileSync(
    file,
    `services: { app: "http://127.0.0.1:${port}" }
auth: { main: { issuer: id, secret: { env: FETCHMESH_NO_SUCH_SECRET } } }
routes:
  - { path: /admin/**, to: app, auth: main }
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

/** Asks for a target as no client library would let one. */
async function ask(gateway: Serving, target: string): Promise<Answer> {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.setEncoding('latin1');
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`,
    'latin1',
  );
  let text = '';
  try {
    for await (const chunk of socket) text += chunk;
  } catch {
    // Reset after the answer: what came counts.
  }
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  const [, body = ''] = text.split('\r\n\r\n', 2);
  const chunked = /transfer-encoding: chunked/i.test(text);
  const seen = chunked ? body.replace(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '').trim() : body;
  return { status, seen: status === 200 ? seen : undefined };
}

/** Ways to write /admin: none of them gets there. */
const denied: readonly string[] = [
  '/admin',
  '/admin/',
  '/admin/users',
  '/admin?x=1',
  '/%61dmin',
  '/%61%64%6d%69%6e',
  '/%61%64%6D%69%6E/users',
  '//admin',
  '///admin',
  '/./admin',
  '/.//admin',
  '/x/../admin',
  '/x/%2e%2e/admin',
  '/x/%2E%2e/admin',
  '/x/.%2e/admin',
  '/x/y/../../admin',
  '/../admin',
  '/../../../admin',
  '/%2e/admin',
  '/%2e%2e/admin',
  '/admin/../admin',
  '/admin/x/..',
  '/admin//',
  '/x/..//admin',
  '/admin/.',
  '/%2e%2e/%61dmin',
  '/admin/%2e%2e/admin',
  '/admin%3F/../../admin',
  '/%00/../admin',
];

/** Malformed: nobody gets to see it. */
const malformed: readonly string[] = [
  '/admin%00',
  '/admin%',
  '/admin%6',
  '/%zzadmin',
  '/%u0061dmin',
  '/%%61dmin',
];

/** Other paths: what the upstream sees. */
const passed: readonly (readonly [target: string, seen: string])[] = [
  ['/', '/'],
  ['//evil.example/admin', '/evil.example/admin'],
  ['/Admin', '/Admin'],
  ['/administrator', '/administrator'],
  ['/admin%2Fusers', '/admin%2Fusers'],
  ['/admin%2fusers', '/admin%2Fusers'],
  ['/x%2f..%2fadmin', '/x%2F..%2Fadmin'],
  ['/x%5cadmin', '/x%5Cadmin'],
  ['/%2561dmin', '/%2561dmin'],
  ['/%252e%252e/admin', '/%252e%252e/admin'],
  ['/x/%252e%252e/admin', '/x/%252e%252e/admin'],
  ['/..;/admin', '/..;/admin'],
  ['/x/..;/admin', '/x/..;/admin'],
  ['/admin;v=1', '/admin;v=1'],
  ['/%c0%af/admin', '/%C0%AF/admin'],
  ['/%c0%ae%c0%ae/admin', '/%C0%AE%C0%AE/admin'],
  ['/%e0%80%ae/admin', '/%E0%80%AE/admin'],
  ['/%ef%bc%8fadmin', '/%EF%BC%8Fadmin'],
  ['/adm%69n.', '/admin.'],
  ['/.admin', '/.admin'],
  ['/...//admin', '/.../admin'],
  ['/admin%20', '/admin%20'],
  ['/%20admin', '/%20admin'],
  ['/admin%09', '/admin%09'],
  ['/admin%0a', '/admin%0A'],
  ['/a/admin', '/a/admin'],
  ['/x?/../admin', '/x?/../admin'],
  ['/x?y=%61&z=%2f', '/x?y=%61&z=%2f'],
];

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

  test.each(denied)('%s is /admin', async (target) => {
    expect(await ask(gateway, target)).toEqual({ status: 401, seen: undefined });
  });

  test.each(malformed)('%s is a 400', async (target) => {
    expect(await ask(gateway, target)).toEqual({ status: 400, seen: undefined });
  });

  test.each(passed)('%s reaches the upstream as %s', async (target, seen) => {
    expect(await ask(gateway, target)).toEqual({ status: 200, seen });
  });

  test.each([
    '/\\admin',
    '\\admin',
    '/x\\..\\admin',
    '/\\/admin',
    'http://evil.example/admin',
    'http://shop.example/%61dmin',
    'admin',
    '/adm\u00efn',
    '/a b',
    '/ /../admin',
    '/admin\u0000',
    '/x#/../admin',
  ])('%j, which is no target, is refused or as good as any', async (target) => {
    const { seen } = await ask(gateway, target);
    if (seen === undefined) return;
    expect(seen).toBe(canonicalPath(seen));
    expect(seen).not.toMatch(/^\/admin(?:\/|$)/);
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
