import { describe, expect, test } from 'vitest';
import { access } from '../../src/gateway/access-policies.ts';
import { decisionLine } from '../../src/gateway/decision-log.ts';
import { governance } from '../../src/gateway/governance.ts';
import { inbound, rejectionOf } from '../../src/index.ts';
import { file, good, guardedGateway, token } from '../support/guarded-gateway.ts';
import { rulesFrom } from '../support/rules.ts';
import { forge, hmac } from '../support/tokens.ts';

describe('auth of a route', () => {
  test('takes good tokens, and tells the upstream what they say, and no more', async () => {
    const { ask, sent } = guardedGateway(file('  - { path: /**, to: web, auth: main }'));
    expect((await ask('/')).status).toBe(401);
    expect((await ask('/', 'nonsense')).status).toBe(401);
    expect((await ask('/', await token({ aud: 'bank' }))).status).toBe(403);
    expect((await ask('/', await token(), { 'x-user': 'root' })).status).toBe(200);
    expect(sent).toHaveLength(1);
    expect(sent[0]?.headers.get('x-user')).toBe('ada');
    expect(sent[0]?.headers.has('authorization')).toBe(false);
  });

  test('can be optional, and switched off where the defaults have one', async () => {
    const { ask, sent } = guardedGateway(
      file(
        `  - { path: /open, to: web, auth: off }
  - { path: /maybe, to: web, auth: { jwt: main, optional: true } }
  - { path: /**, to: web }`,
        'defaults: { auth: main }\n',
      ),
    );
    expect((await ask('/open')).status).toBe(200);
    expect((await ask('/maybe', undefined, { 'x-user': 'root' })).status).toBe(200);
    expect(sent[1]?.headers.has('x-user')).toBe(false);
    expect((await ask('/maybe', 'nonsense')).status).toBe(401);
    expect((await ask('/else')).status).toBe(401);
  });

  test('comes before a redirect and an answer of the route itself', async () => {
    const { ask } = guardedGateway(
      file(`  - { path: /old, redirect: { path: /new }, auth: main }
  - { path: /fixed, respond: { body: secret }, auth: { jwt: main, allow: { claims: { role: boss } } } }`),
    );
    expect((await ask('/old')).status).toBe(401);
    expect((await ask('/old', await token())).status).toBe(302);
    expect((await ask('/fixed', await token())).status).toBe(403);
    expect(await (await ask('/fixed', await token({ role: 'boss' }))).text()).toBe('secret');
  });
});

describe('allow', () => {
  test('lets in whom one entry fits as a whole', async () => {
    const { ask } = guardedGateway(
      file(`  - path: /**
    to: web
    auth:
      jwt: main
      allow:
        - { claims: { scope: orders.read }, methods: GET }
        - { subjects: [eve, bob] }
        - { claims: { realm.roles: [boss, chief*] }, headers: { x-env: test } }`),
    );
    expect((await ask('/', await token())).status).toBe(403);
    expect((await ask('/', await token({ scope: 'a orders.read' }))).status).toBe(200);
    expect((await ask('/', await token({ sub: 'bob' }))).status).toBe(200);
    const boss = await token({ realm: { roles: ['chief-of-all'] } });
    expect((await ask('/', boss)).status).toBe(403);
    expect((await ask('/', boss, { 'x-env': 'test' })).status).toBe(200);
  });

  test('stands without auth where it asks for no claims, by the address of the peer and not of a header', async () => {
    const { ask } = guardedGateway(
      file('  - { path: /**, to: web, allow: [{ ips: [10.0.0.0/8] }] }'),
    );
    const from = (hostname: string) => ({ remoteAddr: { hostname } });
    expect((await ask('/', undefined, {}, from('10.1.1.1'))).status).toBe(200);
    expect(
      (await ask('/', undefined, { 'x-forwarded-for': '10.1.1.1' }, from('192.0.2.1'))).status,
    ).toBe(403);
    // Nobody could tell.
    expect((await ask('/')).status).toBe(403);
  });

  test('says why in a record, and not in the answer', async () => {
    const lines: string[] = [];
    const { ask } = guardedGateway(
      file(
        '  - { path: /**, name: orders, to: web, auth: { jwt: main, allow: { claims: { role: boss } } } }',
      ),
      { onAccessDecision: (...decided) => lines.push(decisionLine(...decided, 0)) },
    );
    const response = await ask('/%61?token=secret', await token());
    expect(rejectionOf(response)?.reason).toBe('access_denied');
    expect(await response.text()).not.toMatch(/orders|boss|role/);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        time: '1970-01-01T00:00:00.000Z',
        event: 'access_decision',
        outcome: 'denied',
        dry_run: false,
        action: 'allow',
        policy: 'orders',
        rule: 0,
        failed: 'when request.auth.claims[role]',
        method: 'GET',
        path: '/a',
        issuer: 'https://id.test/',
        subject: 'ada',
      },
    ]);
    expect(lines[0]).not.toMatch(/secret|eyJ/);
  });
});

describe('deny', () => {
  const from = (hostname: string) => ({ remoteAddr: { hostname } });

  test('AZ-15 comes before allow, whatever that says', async () => {
    const { ask } = guardedGateway(
      file(`  - path: /**
    to: web
    auth: main
    allow: [{ claims: { role: staff } }, { methods: GET }]
    deny: [{ claims: { status: suspended } }, { subjects: eve }]`),
    );
    const statusOf = async (claims: object) => (await ask('/', await token(claims))).status;
    expect(await statusOf({})).toBe(200);
    expect(await statusOf({ role: 'staff' })).toBe(200);
    expect(await statusOf({ role: 'staff', status: 'suspended' })).toBe(403);
    expect(await statusOf({ role: 'staff', sub: 'eve' })).toBe(403);
  });

  test('AZ-15 alone lets all others in; of an entry all has to fit, and nothing under `not`', async () => {
    const { gateway, ask } = guardedGateway(
      file(
        '  - { path: /**, to: web, deny: { methods: [PUT, DELETE], not: { ips: 10.0.0.0/8, headers: { x-plan: gold } } } }',
      ),
    );
    const statusOf = async (method: string, address: string, headers = {}) => {
      const request = new Request('http://shop.example/', { method, headers });
      return (await gateway.fetch(request, from(address))).status;
    };
    expect(await statusOf('GET', '192.0.2.1')).toBe(200);
    expect(await statusOf('DELETE', '192.0.2.1')).toBe(403);
    expect(await statusOf('DELETE', '10.0.0.1')).toBe(200);
    expect(await statusOf('DELETE', '192.0.2.1', { 'x-plan': 'gold' })).toBe(200);
    expect(await statusOf('DELETE', '192.0.2.1', { 'x-plan': 'tin' })).toBe(403);
    expect((await ask('/')).status).toBe(200);
  });

  test('AZ-07 keeps out whose address nobody can tell', async () => {
    const { ask } = guardedGateway(file('  - { path: /**, to: web, deny: { ips: 192.0.2.0/24 } }'));
    expect((await ask('/', undefined, {}, from('192.0.2.7'))).status).toBe(403);
    expect((await ask('/', undefined, {}, from('10.0.0.1'))).status).toBe(200);
    expect((await ask('/')).status).toBe(403);
  });

  test('of the defaults is for all routes, also those that answer by themselves, and goes with `off`', async () => {
    const { ask } = guardedGateway(
      file(
        `  - { path: /a, to: web }
  - { path: /b, respond: { status: 204 } }
  - { path: /c, to: web, deny: off }`,
        'defaults: { deny: { headers: { x-bot: "*" } } }\n',
      ),
    );
    const bot = { 'x-bot': '1' };
    for (const [path, status] of [
      ['/a', 403],
      ['/b', 403],
      ['/c', 200],
    ] as const) {
      expect((await ask(path, undefined, bot)).status, path).toBe(status);
    }
    expect((await ask('/b')).status).toBe(204);
  });

  test('AZ-12 names itself in the record, and not in the answer', async () => {
    const decisions: unknown[] = [];
    const { ask } = guardedGateway(
      file(
        '  - { name: orders, path: /**, to: web, deny: [{ methods: PUT }, { headers: { x-a: b } }] }',
      ),
      { onAccessDecision: (decision) => decisions.push(decision) },
    );
    const response = await ask('/', undefined, { 'x-a': 'b' });
    expect(await response.json()).toEqual({
      title: 'Forbidden',
      status: 403,
      detail: 'Access is denied.',
      reason: 'access_denied',
    });
    expect(decisions).toEqual([
      {
        ...{ outcome: 'denied', action: 'deny', policy: 'orders', rule: 1 },
        ...{ dryRun: false, failed: undefined },
      },
    ]);
  });
});

describe('an authorizer', () => {
  const text = `services: { web: "http://web.test", gate: { versions: { v1: "http://gate.test:4180/base" } } }
defaults: { authorizer: { to: gate, path: /check, headers: cookie, forward: [x-user] } }
trusted_proxies: 10.0.0.0/8
routes:
  - { path: /public, to: web, authorizer: off }
  - { path: /gone, respond: { status: 410 } }
  - { path: /api/**, to: web, rewrite: { prefix: / }, deny: { headers: { x-user: eve } }, retries: 2 }
`;

  /** The gateway, with a gate that takes whom the cookie names for that user. */
  function guarded(gate?: (headers: Headers) => Response) {
    const sent: { url: string; method: string | undefined; headers: Headers }[] = [];
    const { ask } = guardedGateway(text, {
      transport: async (url, init) => {
        const headers = new Headers(init.headers);
        sent.push({ url, method: init.method, headers });
        if (!url.startsWith('http://gate.test')) return new Response('in');
        if (gate !== undefined) return gate(headers);
        const user = headers.get('cookie');
        return user === null
          ? new Response(null, { status: 302, headers: { location: 'https://id.test/' } })
          : new Response(null, { status: 200, headers: { 'x-user': user } });
      },
    });
    return { ask, sent };
  }
  const from = { remoteAddr: { hostname: '10.0.0.1' } };

  test('AZ-17 is a service of the rules, and asked about the request as routing sees it', async () => {
    const { ask, sent } = guarded();
    const headers = { cookie: 'ada', 'x-user': 'root', 'x-forwarded-for': '198.51.100.7' };
    expect((await ask('/x/../api/%61?q=1', undefined, headers, from)).status).toBe(200);
    expect(sent.map(({ url, method }) => [method, url])).toEqual([
      ['GET', 'http://gate.test:4180/base/check'],
      ['GET', 'http://web.test/a?q=1'],
    ]);
    const [question, request] = sent.map((each) => each.headers);
    expect(question?.get('x-forwarded-uri')).toBe('/api/a?q=1');
    expect(question?.get('x-forwarded-host')).toBe('shop.example');
    expect(question?.get('x-forwarded-for')).toBe('198.51.100.7, 10.0.0.1');
    expect(question?.has('x-user')).toBe(false);
    expect(request?.get('x-user')).toBe('ada');
  });

  test('AZ-18 sends to where one signs in, also in place of what a route answers itself', async () => {
    const { ask, sent } = guarded();
    for (const path of ['/api/a', '/gone']) {
      const response = await ask(path);
      expect([response.status, response.headers.get('location')]).toEqual([
        302,
        'https://id.test/',
      ]);
    }
    expect((await ask('/gone', undefined, { cookie: 'ada' })).status).toBe(410);
    expect((await ask('/public')).status).toBe(200);
    expect(sent.filter(({ url }) => url.startsWith('http://web.test'))).toHaveLength(1);
  });

  test('AZ-18 denies when it is out, once and without a word', async () => {
    const { ask, sent } = guarded(() => new Response('a stack', { status: 500 }));
    const response = await ask('/api/a', undefined, { cookie: 'ada' });
    expect([response.status, sent.length]).toEqual([403, 1]);
    expect(await response.text()).not.toContain('stack');
  });

  test('AZ-20 what it says of the caller is what `deny` sees', async () => {
    const { ask } = guarded();
    expect((await ask('/api/a', undefined, { cookie: 'eve', 'x-user': 'ada' })).status).toBe(403);
    expect((await ask('/api/a', undefined, { cookie: 'ada', 'x-user': 'eve' })).status).toBe(200);
  });
});

describe('AZ-16 a dry run', () => {
  test('tells whom it would keep out, and keeps out nobody', async () => {
    const told: unknown[] = [];
    const { ask } = guardedGateway(
      file(`  - path: /**
    to: web
    allow: [{ methods: GET }, { headers: { x-plan: gold }, dry_run: true }]
    deny: { headers: { x-bot: "*" }, dry_run: true }`),
      {
        onAccessDecision: ({ dryRun, action, outcome }) => told.push([dryRun, action, outcome]),
      },
    );
    const statusOf = async (headers = {}) => (await ask('/', undefined, headers)).status;
    expect(await statusOf({ 'x-plan': 'gold' })).toBe(200);
    expect(told).toEqual([]);
    expect(await statusOf()).toBe(200);
    expect(told).toEqual([[true, 'allow', 'denied']]);
    expect(await statusOf({ 'x-plan': 'gold', 'x-bot': '1' })).toBe(200);
    expect(told.slice(1)).toEqual([[true, 'deny', 'denied']]);
  });

  test('is no list in force', async () => {
    const { ask } = guardedGateway(
      file('  - { path: /**, to: web, allow: { methods: PUT, dry_run: true } }'),
    );
    expect((await ask('/')).status).toBe(200);
  });
});

test('AZ-09 ports are those of the server that the request came in at', async () => {
  const { ask } = guardedGateway(
    file(`  - { path: /ops/**, to: web, allow: { ports: [9443, 9444] } }
  - { path: /**, to: web, deny: { ports: 9443 } }`),
  );
  // As srvx and Bun pass it.
  const at = (port: number) => ({ requestIP: () => null, port });
  expect((await ask('/ops/a', undefined, {}, at(9443))).status).toBe(200);
  expect((await ask('/ops/a', undefined, {}, at(8080))).status).toBe(403);
  expect((await ask('/ops/a', undefined, { host: 'shop.example:9443' }, at(8080))).status).toBe(
    403,
  );
  expect((await ask('/a', undefined, {}, at(9443))).status).toBe(403);
  expect((await ask('/a', undefined, {}, at(8080))).status).toBe(200);
  expect((await ask('/a')).status, 'nobody can tell').toBe(403);
});

describe('roles', () => {
  const text = `services: { web: "http://web.test" }
roles: { header: X-User-Role, trusted_ips: 10.0.0.0/8 }
routes:
  - { path: /admin/**, to: web, allow: { roles: [admin, boss] } }
  - { path: /**, to: web }`;
  const from = (hostname: string) => ({ remoteAddr: { hostname } });
  const admin = { 'x-user-role': 'admin' };

  test('of a header count from trusted peers, and reach the upstream from no others', async () => {
    const { ask, sent } = guardedGateway(text);
    expect((await ask('/admin/a', undefined, admin, from('10.0.0.7'))).status).toBe(200);
    expect((await ask('/admin/a', undefined, {}, from('10.0.0.7'))).status).toBe(403);
    expect((await ask('/admin/a', undefined, admin, from('192.0.2.1'))).status).toBe(403);
    expect((await ask('/else', undefined, admin, from('192.0.2.1'))).status).toBe(200);
    expect((await ask('/else', undefined, { x_user_role: 'admin' }, from('10.0.0.7'))).status).toBe(
      200,
    );
    expect(sent.map(({ headers }) => headers.get('x-user-role'))).toEqual(['admin', null, null]);
    expect(sent.some(({ headers }) => headers.has('x_user_role'))).toBe(false);
  });

  test('can be claims', async () => {
    const { ask } = guardedGateway(
      file(
        '  - { path: /**, to: web, auth: main, allow: { roles: admin } }',
        'roles: { claim: realm.roles }\n',
      ),
    );
    expect((await ask('/', await token({ realm: { roles: ['admin'] } }))).status).toBe(200);
    expect((await ask('/', await token(), admin)).status).toBe(403);
  });
});

describe('a secret', () => {
  const text = `services: { web: "http://web.test" }
auth: { own: { issuer: id, secret: { env: FETCHMESH_TEST_SECRET } } }
routes: [{ path: /**, to: web, auth: own }]`;

  test('is taken from a binding by its name, and is no part of the rules', async () => {
    const secret = 'x'.repeat(40);
    const signed = await forge({ alg: 'HS256' }, { ...good, iss: 'id' }, await hmac(secret));
    const { ask } = guardedGateway(text);
    expect((await ask('/', signed, {}, { FETCHMESH_TEST_SECRET: secret })).status).toBe(200);
    expect((await ask('/', signed, {}, { FETCHMESH_TEST_SECRET: 'y'.repeat(40) })).status).toBe(
      401,
    );
    expect((await ask('/', signed, {}, {})).status).toBe(401);
    expect(JSON.stringify(rulesFrom(text))).toContain('"secret":{"env":"FETCHMESH_TEST_SECRET"}');
  });
});

describe('a route that asks for claims', () => {
  const { ask, sent, fetched } = guardedGateway(
    file(`  - { path: /**, to: users@v2, match: { claims: { groups: beta, level: "!0" } }, auth: main }
  - { path: /**, to: users@v1, match: { claims: { sub: "!*" } }, auth: { jwt: main, optional: true } }
  - { path: /**, to: web, auth: main }`),
  );
  const reached = async (bearer?: string): Promise<string> => await (await ask('/', bearer)).text();

  test('gets the requests whose verified token has them', async () => {
    expect(await reached(await token({ groups: ['alpha', 'beta'] }))).toBe('u2.test');
    expect(await reached(await token({ groups: 'beta', level: 0 }))).toBe('web.test');
    expect(await reached(await token({ groups: 'alpha' }))).toBe('web.test');
    expect(sent[0]?.headers.get('x-user')).toBe('ada');
  });

  test('sees the words of a claim that is a list of them, as `allow` does', async () => {
    const { ask } = guardedGateway(
      file(`  - { path: /**, to: users@v2, match: { claims: { groups: beta } }, auth: main }
  - { path: /**, to: users@v1, match: { claims: { groups: "!gamma" } }, auth: main }
  - { path: /**, to: web, auth: main }`).replace(
        'claim_headers:',
        'space_delimited_claims: groups, claim_headers:',
      ),
    );
    const reached = async (groups: string): Promise<string> =>
      await (await ask('/', await token({ groups }))).text();
    expect(await reached('alpha beta')).toBe('u2.test');
    expect(await reached('alpha gamma')).toBe('web.test');
    expect(await reached('alpha')).toBe('u1.test');
  });

  test('gets none with a token that only says so, and those without one where it asks for none', async () => {
    const forged = await forge({ alg: 'none' }, { ...good, groups: 'beta' });
    expect((await ask('/', forged)).status).toBe(401);
    expect(await reached()).toBe('u1.test');
    expect(fetched).toEqual(['https://id.test/jwks']);
  });
});

describe('keys by claim', () => {
  test('keep callers with their version', async () => {
    const { ask } = guardedGateway(
      file(
        '  - { path: /**, to: { users@v1: 50, users@v2: 50 }, sticky: { by: "jwt:sub" }, auth: main }',
      ),
    );
    const versions = new Map<string, Set<string>>();
    for (const sub of ['a', 'b', 'c', 'd', 'e', 'f', 'a', 'b', 'c', 'd', 'e', 'f']) {
      const response = await ask('/', await token({ sub }));
      expect(response.headers.has('set-cookie')).toBe(false);
      versions.set(sub, (versions.get(sub) ?? new Set()).add(await response.text()));
    }
    expect([...versions.values()].every(({ size }) => size === 1)).toBe(true);
    expect(new Set([...versions.values()].flatMap((all) => [...all])).size).toBe(2);
  });

  test('count callers apart', async () => {
    const { ask } = guardedGateway(
      file(
        '  - { path: /**, to: web, rate_limit: { limit: 1, per: 1h, by: "jwt:sub" }, auth: main }',
      ),
    );
    expect((await ask('/', await token())).status).toBe(200);
    expect((await ask('/', await token())).status).toBe(429);
    expect((await ask('/', await token({ sub: 'eve' }))).status).toBe(200);
    expect((await ask('/')).status).toBe(401);
  });
});

test('keys that were fetched live on over a reload, as long as their auth stays as it is', async () => {
  const text = file('  - { path: /**, to: web, auth: main }');
  const { ask, fetched, replace } = guardedGateway(text);
  await ask('/', await token());
  replace(text.replace('to: web', 'to: users@v1'));
  expect((await ask('/', await token())).status).toBe(200);
  expect(fetched).toHaveLength(1);
  replace(text.replace('audience: shop', 'audience: [shop, post]'));
  expect((await ask('/', await token())).status).toBe(200);
  expect(fetched).toHaveLength(2);
});

describe('around an app', () => {
  test('rules that say who is let in are refused without the part that carries them out', () => {
    for (const route of [
      'auth: own',
      'allow: { ips: 10.0.0.1 }',
      'deny: { ips: 10.0.0.1 }',
      'deny: { ips: 10.0.0.1, dry_run: true }',
      'authorizer: { to: web }',
    ]) {
      const rules = rulesFrom(
        `services: { web: "http://web.test" }
auth: { own: { issuer: id, secret: { env: KEY } } }
routes: [{ path: /a, ${route} }]`,
      );
      expect(() => governance(rules)(async () => new Response())).toThrow(
        "governance: route '/a' needs { access } from 'fetchmesh/access'",
      );
    }
  });

  test('they hold with it', async () => {
    const rules = rulesFrom(
      'auth: { own: { issuer: id, secret: { env: KEY } } }\nroutes: [{ path: /a, auth: own }]',
    );
    const app = inbound(() => new Response('in'), governance(rules, { access }));
    expect((await app(new Request('http://shop.example/a'))).status).toBe(401);
    expect((await app(new Request('http://shop.example/b'))).status).toBe(200);
  });
});

test('the access log shows no token, whatever the rules call the places where tokens are', async () => {
  const entries: object[] = [];
  const { ask } = guardedGateway(
    `telemetry: { logs: { query: true, headers: [x-job, x-other] } }
services: { web: "http://web.test" }
auth: { jobs: { issuer: id, secret: { env: KEY }, from: { headers: { X-Job: "" }, query: ticket } } }
routes: [{ path: /**, to: web, auth: jobs }]`,
    { onAccessLog: (entry) => entries.push(entry) },
  );
  await ask('/a?a=1&ticket=hush', undefined, { 'x-job': 'hush', 'x-other': 'seen' });
  expect(entries).toMatchObject([
    {
      'url.query': 'a=1&ticket=REDACTED',
      'http.request.header.x-job': 'REDACTED',
      'http.request.header.x-other': 'seen',
    },
  ]);
});

test('what paths are made like can be chosen, for routing, access and upstream alike', async () => {
  const routes =
    '  - { path: /admin/**, to: web, allow: { claims: { role: boss } }, auth: main }\n  - { path: /**, to: web }';
  const strict = guardedGateway(file(routes), { pathNormalization: 'decode_and_merge_slashes' });
  expect((await strict.ask('/x%2f..%2fadmin%2Fusers')).status).toBe(401);
  expect((await strict.ask('/x%2Fy')).status).toBe(200);
  expect(strict.sent[0]?.url).toBe('http://web.test/x/y');
  const base = guardedGateway(file(routes), { pathNormalization: 'base' });
  expect((await base.ask('/x//y')).status).toBe(200);
  expect(base.sent[0]?.url).toBe('http://web.test/x//y');
});
