/** A gateway that knows every kind of secret, in good times and bad: none of them is to be read anywhere. */

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { folder, run } from '../support/command-line.ts';
import { endAll, serve } from '../support/serving.ts';
import { forge, hmac } from '../support/tokens.ts';

/** What may not be seen; each in the place of its name. */
const secrets = {
  signingKey: 'signing-key-hunter2-0123456789-0123456789',
  storePassword: 'store-password-hunter2',
  apiKey: 'api-key-hunter2',
  basic: 'YmFzaWM6aHVudGVyMg==',
  cookie: 'session-cookie-hunter2',
  query: 'query-token-hunter2',
  inFile: 'in-the-file-hunter2',
  inUrl: 'in-the-url-hunter2',
} as const;

const environment = {
  FETCHMESH_AUDIT_KEY: secrets.signingKey,
};

afterEach(endAll);

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Fails with the name of the secret that is in a text, not with all of the text. */
function expectNoSecret(where: string, text: string, ...tokens: string[]): void {
  const signatures = tokens.map((token): [string, string] => ['token', token.split('.')[2] ?? '']);
  const found = [...Object.entries(secrets), ...signatures].filter(([, secret]) =>
    text.includes(secret),
  );
  expect(
    found.map(([name]) => name),
    where,
  ).toEqual([]);
}

const rulesFor = (upstream: string): string => `services:
  web: ${upstream}
  dead: http://127.0.0.1:2
auth:
  main:
    issuer: id
    secret: { env: FETCHMESH_AUDIT_KEY }
    from: { headers: { authorization: "Bearer " }, query: access_token }
routes:
  - { path: /open/**, to: web, retries: 1, rate_limit: { limit: 100, per: 1s, by: "header:x-api-key" } }
  - { path: /dead/**, to: dead }
  - { path: /cut/**, to: web }
  - { path: /staff/**, to: web, auth: main, allow: { claims: { role: staff } } }
  - { path: /**, to: web, auth: main }
`;

test('in answers, logs, spans, metrics and diagnostics of a gateway, whatever happens to it', async () => {
  for (const [name, value] of Object.entries(environment)) {
    process.env[name] = value;
    onTestFinished(() => void delete process.env[name]);
  }
  const spans: string[] = [];
  const collector = await listening((request, response) => {
    request.setEncoding('utf8').on('data', (text) => spans.push(text));
    request.on('end', () => response.end('{}'));
  });
  const upstream = await listening((request, response) => {
    if (request.url?.startsWith('/cut')) request.socket.destroy();
    else response.end('ok');
  });
  const cwd = await folder({ 'rules.yaml': rulesFor(upstream) });
  const file = join(cwd, 'rules.yaml');
  const store = `redis://audit:${secrets.storePassword}@127.0.0.1:1`;
  const gateway = await serve([
    '-f',
    file,
    '--watch',
    '--store',
    store,
    '--otlp-endpoint',
    collector,
  ]);

  const claims = { iss: 'id', sub: 'ada', exp: Math.floor(Date.now() / 1_000) + 600 };
  const good = await forge({ alg: 'HS256' }, claims, await hmac(secrets.signingKey));
  const forged = await forge(
    { alg: 'HS256' },
    claims,
    await hmac('of another issuer, 32 bytes long!'),
  );
  const answers: string[] = [];
  async function ask(path: string, authorization: string): Promise<number> {
    const headers = {
      authorization,
      'x-api-key': secrets.apiKey,
      cookie: `session=${secrets.cookie}`,
    };
    const response = await fetch(`${gateway.url}${path}`, { headers });
    answers.push(JSON.stringify([...response.headers]), await response.text());
    return response.status;
  }
  const basic = `Basic ${secrets.basic}`;
  const query = `?access_token=${secrets.query}`;
  expect(await ask('/open/a', basic)).toBe(200);
  expect(await ask(`/open/a${query}`, basic)).toBe(200);
  expect(await ask('/a', `Bearer ${good}`)).toBe(200);
  expect(await ask('/a', `Bearer ${forged}`)).toBe(401);
  expect(await ask(`/a${query}`, basic)).toBe(401);
  expect(await ask('/staff/a', `Bearer ${good}`)).toBe(403);
  expect(await ask(`/dead/a${query}`, basic)).toBe(502);
  expect(await ask(`/cut/a${query}`, basic)).toBeGreaterThanOrEqual(502);

  await writeFile(file, `${rulesFor(upstream)}client_secret: ${secrets.inFile}\n`);
  await gateway.said(/rules not loaded/);
  const withCredentials = upstream.replace('//', `//ada:${secrets.inUrl}@`);
  await writeFile(file, rulesFor(withCredentials));
  await gateway.said(/carries credentials/);

  const admin = await Promise.all(
    ['/metrics', '/healthz', '/readyz', '/'].map(async (path) =>
      (await fetch(`${gateway.admin}${path}`)).text(),
    ),
  );
  gateway.process.kill('SIGTERM');
  await gateway.exited();

  expect(spans.join('')).toContain('/open/a');
  expect(gateway.output()).toContain('access_decision');
  expect(gateway.output()).toMatch(/store redis:\/\/127\.0\.0\.1:1 is out/);
  expectNoSecret('answers', answers.join('\n'), good, forged);
  expectNoSecret('what the gateway said', gateway.output(), good, forged);
  expectNoSecret('spans', spans.join(''), good, forged);
  expectNoSecret('the admin port', admin.join('\n'), good, forged);
});

test.each<[name: string, rules: string]>([
  ['good rules', rulesFor('http://127.0.0.1:2')],
  ['a secret in the file', `${rulesFor('http://127.0.0.1:2')}client_secret: ${secrets.inFile}\n`],
  ['credentials in a URL', rulesFor(`http://ada:${secrets.inUrl}@127.0.0.1:2`)],
  [
    'the key instead of its name',
    rulesFor('http://127.0.0.1:2').replace('{ env: FETCHMESH_AUDIT_KEY }', secrets.signingKey),
  ],
])('in what the command line says of %s', async (_, rules) => {
  const cwd = await folder({ 'rules.yaml': rules });
  const of = ['-f', 'rules.yaml'];
  const commands = [
    ['check', ...of],
    ['check', ...of, '--json'],
    ['routes', ...of],
    ['explain', ...of, 'GET', '/staff/a', '--json'],
    ['explain', ...of, '--', 'curl', '-H', `authorization: Basic ${secrets.basic}`, 'http://a/a'],
    ['build', ...of],
    ['publish', ...of, '--to', `http://ada:${secrets.storePassword}@127.0.0.1:1`],
    ['serve', ...of, '--store', `http://ada:${secrets.storePassword}@127.0.0.1:1`],
    ['serve', '-f', `http://ada:${secrets.inUrl}@127.0.0.1:1`],
  ];
  for (const args of commands) {
    const { stdout, stderr } = await run(args, { cwd, env: environment });
    expect(stdout + stderr, args.join(' ')).not.toBe('');
    expectNoSecret(args.join(' '), stdout + stderr);
  }
});
