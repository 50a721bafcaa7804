/** A gateway that knows every kind of secret, in good times and bad: none of them is to be read anywhere. */

import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { folder, run } from '../support/command-line.ts';
import { rulesFrom } from '../support/rules.ts';
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
  rulesToken: 'token-of-the-rules-hunter2',
  keyOfSet: 'a2V5LW9mLWEtc2V0LWh1bnRlcjI',
  brokenSet: 'broken-set-hunter2',
  upstreamsCookie: 'cookie-of-the-upstream-hunter2',
  gate: 'word-of-the-gate-hunter2',
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
  expect(
    secretsIn(text, ...tokens).filter((name) => where !== 'answers' || !isForClient(name)),
    where,
  ).toEqual([]);
}

const isForClient = (name: string): boolean => (toClient as readonly string[]).includes(name);

function secretsIn(text: string, ...tokens: string[]): readonly string[] {
  const signatures = tokens.map((token): [string, string] => ['token', token.split('.')[2] ?? '']);
  return [...Object.entries(secrets), ...signatures]
    .filter(([, secret]) => text.includes(secret))
    .map(([name]) => name);
}

test('are found where they are', () => {
  for (const [name, secret] of Object.entries(secrets)) {
    expect(secretsIn(`{"authorization":"Bearer ${secret}"}`)).toEqual([name]);
  }
  expect(secretsIn('nothing.of.these', 'a.b.signature')).toEqual([]);
  expect(secretsIn('the signature of it', 'a.b.signature')).toEqual(['token']);
});

/** The parts of these that the client itself was sent. */
const toClient: readonly (keyof typeof secrets)[] = ['upstreamsCookie'];

const rulesFor = (upstream: string): string => `telemetry: { logs: {} }
services:
  web: ${upstream}
  dead: http://127.0.0.1:2
auth:
  main:
    issuer: id
    secret: { env: FETCHMESH_AUDIT_KEY }
    from: { headers: { authorization: "Bearer " }, query: access_token, cookies: signed }
  fetched: { issuer: id, jwks: ${upstream}/jwks }
  broken: { issuer: id, jwks: ${upstream}/jwks/broken }
routes:
  - { path: /fetched/**, to: web, auth: fetched }
  - { path: /broken/**, to: web, auth: broken }
  - { path: /gated/**, to: web, authorizer: { to: web, path: /gate } }
  - { path: /kept-out/**, to: web, deny: { headers: { x-api-key: "*" } } }
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
  const keySets: string[] = [];
  const upstream = await listening((request, response) => {
    const { url = '' } = request;
    if (url.startsWith('/cut')) return request.socket.destroy();
    if (url === '/gate') return response.writeHead(500).end(secrets.gate);
    if (url.startsWith('/jwks')) {
      keySets.push(url);
      const shared = { kty: 'oct', k: secrets.keyOfSet, kid: secrets.keyOfSet, alg: 'HS256' };
      const keys = [shared, { kty: 'RSA', d: secrets.keyOfSet, n: 'AQAB', e: 'AQAB' }];
      const isBroken = url.endsWith('/broken');
      return response.end(isBroken ? `{ ${secrets.brokenSet}` : JSON.stringify({ keys }));
    }
    response.setHeader('set-cookie', `session=${secrets.upstreamsCookie}`).end('ok');
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
  async function ask(path: string, authorization: string, signed = ''): Promise<number> {
    const headers = {
      authorization,
      'x-api-key': secrets.apiKey,
      cookie: `session=${secrets.cookie}; signed=${signed}`,
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
  // Tokens in cookies.
  expect(await ask('/a', basic, good)).toBe(200);
  expect(await ask('/a', basic, forged)).toBe(401);
  expect(await ask('/staff/a', basic, good)).toBe(403);
  // A set that cannot be read, and one with keys that nobody should publish.
  expect(await ask('/broken/a', `Bearer ${good}`)).toBe(401);
  expect(await ask('/fetched/a', `Bearer ${good}`)).toBe(401);
  expect(keySets).toEqual(['/jwks/broken', '/jwks']);
  expect(await ask(`/gated/a${query}`, basic)).toBe(403);
  expect(await ask(`/kept-out/a${query}`, basic)).toBe(403);
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
  expect(gateway.output()).toContain('"/fetched/**"');
  expect(secretsIn(answers.join(''))).toEqual(['upstreamsCookie']);
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

test('in what is said where rules are asked for with a token, and of an answer that repeats it', async () => {
  process.env['FETCHMESH_RULES_TOKEN'] = secrets.rulesToken;
  onTestFinished(() => void delete process.env['FETCHMESH_RULES_TOKEN']);
  const asked: string[] = [];
  let answer: RequestListener = (_, response) => response.end(rules);
  const rules = JSON.stringify(
    rulesFrom('routes: [{ path: /**, respond: { status: 204, body: "" } }]'),
  );
  const origin = await listening((request, response) => {
    asked.push(request.headers.authorization ?? '');
    answer(request, response);
  });
  const cwd = await folder();
  const cache = join(cwd, 'cache.json');
  const gateway = await serve(['-f', `${origin}/rules.json`, '--rules-cache', cache]);
  expect(asked).toEqual([`Bearer ${secrets.rulesToken}`]);

  const answers: readonly (readonly [listener: RequestListener, said: RegExp])[] = [
    [(_, response) => response.writeHead(401).end(secrets.rulesToken), /the answer is 401/],
    [
      (_, response) => response.writeHead(302, { location: `/?${secrets.rulesToken}` }).end(),
      /the answer is 302/,
    ],
    [(_, response) => response.end(`{ "${secrets.rulesToken}`), /refused: /],
    [(request) => request.socket.destroy(), /stays? in force(?:[\s\S]*stays? in force){3}/],
  ];
  for (const [listener, said] of answers) {
    answer = listener;
    gateway.process.kill('SIGHUP');
    await gateway.said(said);
  }
  const texts = [await (await fetch(gateway.url)).text(), await readFile(cache, 'utf8')];
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text();
  gateway.process.kill('SIGTERM');
  await gateway.exited();

  expect(asked.length).toBeGreaterThanOrEqual(5);
  expectNoSecret('what the gateway said', gateway.output());
  expectNoSecret('its answer, and the file that it keeps', texts.join('\n'));
  expectNoSecret('metrics', metrics);
});
