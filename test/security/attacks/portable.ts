/** Attacks on a gateway in this process, on all four runtimes. */

import { parseBaggage } from '../../../src/core/baggage.ts';
import { parseCookies } from '../../../src/core/cookies.ts';
import { createGateway, type GatewayOptions } from '../../../src/gateway/gateway.ts';
import { parseRules } from '../../../src/rules/parse.ts';
import { parseCompiledRules } from '../../../src/rules/sources/compiled.ts';
import { memoryStore } from '../../../src/stores/memory.ts';
import { expose } from '../../../src/telemetry/exposition.ts';
import { rulesFrom } from '../../support/rules.ts';
import { forge, signer } from '../../support/tokens.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { type Attack, attacks } from './attack.ts';

const ec = await signer('ES256');
const clock = new VirtualClock();
const claims = { iss: 'id', sub: 'ada', exp: clock.now() / 1_000 + 600 };

/** A gateway that hands back what its upstream would have seen. */
function gatewayFor(text: string, options: GatewayOptions = {}) {
  const fetched: string[] = [];
  const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }), {
    clock,
    random: () => 0.5,
    transport: async (url, init) => {
      const { headers, body } = init;
      // As an upstream does, so that a body that is too large shows.
      const reader = (body as ReadableStream<Uint8Array> | undefined)?.getReader();
      while (reader !== undefined && !(await reader.read()).done);
      return Response.json({ url, headers: Object.fromEntries(new Headers(headers)) });
    },
    keysFetch: async (url) => {
      fetched.push(url);
      return Response.json({ keys: [ec.jwk] });
    },
    ...options,
  });
  return { gateway, fetched };
}

const auth =
  'auth: { main: { issuer: id, jwks: "https://id.test/jwks", claim_headers: { x-user: sub } } }';

function at(path: string, headers: HeadersInit = {}, init: RequestInit = {}): Request {
  return new Request(`http://shop.example${path}`, { headers, ...init });
}

/** Header injection: what gets into a header through something else. */

const injectable = gatewayFor(`${auth}
services: { web: "http://web.test" }
routes:
  - { path: /old/**, redirect: { prefix: /new } }
  - { path: /user, to: web, auth: main }
  - { path: /sticky, to: web, sticky: { by: "cookie:sid" } }
  - { path: /cors, to: web, cors: { origins: "https://shop.example", credentials: true } }
  - { path: /**, to: web }
`);

/** All headers of the answer and of the request that the upstream saw, as `name: value`. */
export async function headersSeen(request: Request): Promise<readonly string[]> {
  const response = await injectable.gateway.fetch(request);
  const lines = Array.from(response.headers, ([name, value]) => `${name}: ${value}`);
  const text = await response.text();
  if (response.status !== 200) return lines;
  const { headers } = JSON.parse(text) as { headers: Record<string, string> };
  return [...lines, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
}

export const withSubject = async (sub: string): Promise<Request> => {
  const signed = await ec.token({ ...claims, sub });
  return at('/user', { authorization: `Bearer ${signed}` });
};

/** Expected: no header called `x-injected`, and none with a line break in it. */
export const injections: readonly Attack<() => Request | Promise<Request>, 'nothing'>[] = attacks<
  () => Request | Promise<Request>,
  'nothing'
>('header injection', [
  ['in a path that a redirect sends on', () => at('/old/a%0d%0ax-injected:%201'), 'nothing'],
  ['in a query that a redirect sends on', () => at('/old/a?b=%0d%0ax-injected:%201'), 'nothing'],
  ['in the subject of a token', () => withSubject('ada\r\nx-injected: 1'), 'nothing'],
  ['in the subject of a token, a line feed', () => withSubject('ada\nx-injected: 1'), 'nothing'],
  ['in the subject of a token, a zero', () => withSubject('ada\0x-injected: 1'), 'nothing'],
  ['in a sticky cookie', () => at('/sticky', { cookie: 'sid="%0d%0ax-injected: 1"' }), 'nothing'],
  [
    'in an origin',
    () => at('/cors', { origin: 'https://shop.example%0d%0ax-injected: 1' }),
    'nothing',
  ],
  ['nominated by Connection', () => at('/', { connection: 'x-forwarded-host' }), 'nothing'],
]);

/** Oversized everything. */

export const limited = gatewayFor(`${auth}
limits: { url: 1KB, headers: 2KB, header_count: 20, body: 1KB }
services: { web: "http://web.test" }
routes:
  - { path: /token, to: web, auth: main }
  - { path: /**, to: web, rate_limit: { limit: 1000, per: 1s, by: "baggage:tenant" }, match: { cookies: { sid: "!v*" } } }
`);

function streamed(bytes: number): RequestInit {
  let left = bytes;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left <= 0) return controller.close();
      left -= 512;
      controller.enqueue(new Uint8Array(512));
    },
  });
  return { method: 'POST', body, duplex: 'half' } as RequestInit;
}

const many = (count: number, name = 'x-h'): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}-${index}`, '1']));

export const oversized: readonly Attack<() => Request | Promise<Request>, number>[] = attacks<
  () => Request | Promise<Request>,
  number
>('oversized', [
  ['a path', () => at(`/${'a'.repeat(2_000)}`), 414],
  ['a query', () => at(`/?${'a'.repeat(2_000)}`), 414],
  ['a path of slashes', () => at('/'.repeat(2_000)), 414],
  ['a path of escapes', () => at(`/${'%61'.repeat(700)}`), 414],
  ['a header', () => at('/', { 'x-a': 'a'.repeat(3_000) }), 431],
  ['headers, all small', () => at('/', many(30)), 431],
  ['a name of a header', () => at('/', { [`x-${'a'.repeat(3_000)}`]: '1' }), 431],
  ['cookies', () => at('/', { cookie: 'a=1; '.repeat(1_000) }), 431],
  ['baggage', () => at('/', { baggage: 'tenant=a,'.repeat(400) }), 431],
  ['addresses of proxies', () => at('/', { 'x-forwarded-for': '1.1.1.1, '.repeat(400) }), 431],
  ['a token', () => at('/token', { authorization: `Bearer ${'a'.repeat(1_900)}` }), 401],
  ['a body that says so', () => at('/', {}, { method: 'POST', body: 'x'.repeat(2_000) }), 413],
  ['a body that does not end', () => at('/', {}, streamed(1_000_000)), 413],
]);

/** Prototype pollution: `refused`, or kept as what it is, under its own name. */

const verdictOf = (text: string): string =>
  parseRules(text).rules === undefined ? 'refused' : 'kept';
const compiled = (text: string): string => {
  try {
    parseCompiledRules(text);
    return 'kept';
  } catch {
    return 'refused';
  }
};
const whole = JSON.stringify(
  rulesFrom('services: { a: "http://a" }\nroutes: [{ path: /a, to: a }]'),
);
const polluting = '"__proto__":{"polluted":true}';

const asked = gatewayFor(`${auth}
services: { web: "http://web.test" }
routes:
  - { path: /a, to: web, auth: main, allow: { claims: { constructor.prototype.polluted: "*" } } }
  - { path: /b, to: web, auth: main, allow: { claims: { polluted: "*" } } }
`);

async function statusWith(path: string, payload: string): Promise<string> {
  const bearer = await forge({ alg: 'ES256', kid: ec.jwk.kid }, payload, ec.sign);
  const request = at(path, { authorization: `Bearer ${bearer}` });
  return String((await asked.gateway.fetch(request)).status);
}

export const pollutions: readonly Attack<() => string | Promise<string>, string>[] = attacks<
  () => string | Promise<string>,
  string
>('prototype pollution', [
  [
    'rules, as a key of the file',
    () => verdictOf('__proto__: { polluted: true }\nroutes: [{ path: /a }]'),
    'refused',
  ],
  [
    'rules, as a key of a route',
    () => verdictOf('routes: [{ path: /a, __proto__: { polluted: true } }]'),
    'refused',
  ],
  [
    'rules, as a service',
    () => verdictOf('services: { __proto__: { polluted: true } }\nroutes: [{ path: /a }]'),
    'refused',
  ],
  [
    'rules, as `constructor`',
    () => verdictOf('constructor: { prototype: { polluted: true } }\nroutes: [{ path: /a }]'),
    'refused',
  ],
  ['rules in JSON', () => verdictOf(`{${polluting},"routes":[{"path":"/a"}]}`), 'refused'],
  [
    'rules, by a merge key',
    () => verdictOf('x-a: &a { __proto__: { polluted: true } }\nroutes: [{ path: /a, <<: *a }]'),
    'refused',
  ],
  [
    'rules, in names of headers',
    () => verdictOf('routes: [{ path: /a, match: { headers: { __proto__: "1" } } }]'),
    'refused',
  ],
  [
    'an overlay',
    () => {
      const overlay = { file: 'b.yaml', text: '__proto__: { polluted: true }' };
      const { rules } = parseRules('routes: [{ path: /a }]', { overlays: [overlay] });
      return rules === undefined ? 'refused' : 'kept';
    },
    'refused',
  ],
  ['compiled rules', () => compiled(whole.replace('{', `{${polluting},`)), 'refused'],
  [
    'compiled rules, in a route',
    () => compiled(whole.replace('"routes":[{', `"routes":[{${polluting},`)),
    'refused',
  ],
  [
    'claims of a token',
    () => statusWith('/b', `{${polluting},${JSON.stringify(claims).slice(1)}`),
    '403',
  ],
  ['a path of claims', () => statusWith('/a', JSON.stringify(claims)), '403'],
  ['baggage', () => parseBaggage('__proto__=1,polluted=2').get('__proto__')?.value ?? 'lost', '1'],
  ['cookies', () => parseCookies('__proto__=1; constructor=2').get('__proto__') ?? 'lost', '1'],
]);

/** Regular expressions of rules that a request could make slow. */

export const slowExpressions: readonly Attack<string, 'refused'>[] = attacks<string, 'refused'>(
  'slow expressions',
  [
    ['a repetition in a repetition', '^(a+)+$', 'refused'],
    ['one that may be empty', '(a*)*', 'refused'],
    ['alternatives that are the same', '(a|a)*', 'refused'],
    ['alternatives that begin alike', '(?:a|ab)+', 'refused'],
    ['two repetitions in a row', '.*.*', 'refused'],
    ['three that share a text', '^(.*a){3}$', 'refused'],
    ['counted repetitions', '(a{1,20}){1,20}', 'refused'],
    ['words and spaces', '(\\w+\\s?)*$', 'refused'],
    [
      'an address of mail',
      '^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+$',
      'refused',
    ],
    ['looking ahead', '(?=a)b', 'refused'],
    ['looking back', '(?<!a)b', 'refused'],
    ['a reference to a group', '(a)\\1', 'refused'],
    ['very many groups', `${'('.repeat(40)}a${')'.repeat(40)}`, 'refused'],
    ['a very long one', 'a'.repeat(1_001), 'refused'],
  ],
);

/** Whether rules with the expression are refused. */
export function expressionOutcome(expression: string): 'refused' | 'taken' {
  const routes = (match: object) => JSON.stringify({ routes: [{ path: '/a', match }] });
  const taken = [
    parseRules(routes({ headers: { 'x-a': `~${expression}` } })),
    parseRules(JSON.stringify({ routes: [{ path: `~/${expression}` }] })),
  ].some(({ rules }) => rules !== undefined);
  return taken ? 'taken' : 'refused';
}

/** Floods of keys that a client makes up: what is kept of them, at most. */

const counted = `services: { web: "http://web.test" }
routes: [{ path: /**, to: web, rate_limit: { limit: 10, per: 1h, by: "header:x-key" } }]`;

/** Those that all runtimes let a request have. */
const unusual: readonly string[] = [
  ...['COPY', 'LOCK', 'MKCOL', 'MOVE', 'PROPFIND', 'PROPPATCH', 'SEARCH', 'UNLOCK', 'ACL'],
  ...['REPORT', 'MKACTIVITY', 'CHECKOUT', 'MERGE', 'NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE', 'PURGE'],
];

async function seriesAfter(requestOf: (index: number) => Request): Promise<number> {
  const { gateway } = gatewayFor(
    'services: { web: "http://web.test" }\nroutes: [{ path: /**, to: web }]',
  );
  await gateway.fetch(at('/'));
  const before = expose(gateway.registry, 'text').split('\n').length;
  for (let index = 0; index < 300; index++) await gateway.fetch(requestOf(index));
  return expose(gateway.registry, 'text').split('\n').length - before;
}

export const floods: readonly Attack<() => number | Promise<number>, number>[] = attacks<
  () => number | Promise<number>,
  number
>('floods', [
  [
    'keys of a limit',
    async () => {
      const store = memoryStore({ capacity: 100, clock });
      const { gateway } = gatewayFor(counted, { store });
      for (let index = 0; index < 1_000; index++) {
        await gateway.fetch(at('/', { 'x-key': `k${index}` }));
      }
      return store.size;
    },
    100,
  ],
  [
    'long keys of a limit, in characters that the store keeps',
    async () => {
      let longest = 0;
      const inner = memoryStore({ clock });
      const store = {
        ...inner,
        take: (...args: Parameters<typeof inner.take>) => {
          longest = Math.max(longest, args[0].length);
          return inner.take(...args);
        },
      };
      const { gateway } = gatewayFor(counted, { store: store as never });
      await gateway.fetch(at('/', { 'x-key': 'k'.repeat(50_000) }));
      return longest;
    },
    1_000,
  ],
  [
    'key ids of tokens, in questions to the issuer',
    async () => {
      const { gateway, fetched } = gatewayFor(
        `${auth}\nservices: { web: "http://web.test" }\nroutes: [{ path: /**, to: web, auth: main }]`,
      );
      for (let index = 0; index < 200; index++) {
        const bearer = await forge({ alg: 'ES256', kid: `made-up-${index}` }, claims, ec.sign);
        await gateway.fetch(at('/', { authorization: `Bearer ${bearer}` }));
      }
      return fetched.length;
    },
    2,
  ],
  ['paths, in series of metrics', () => seriesAfter((index) => at(`/${index}`)), 0],
  [
    'hosts, in series of metrics',
    () => seriesAfter((index) => new Request(`http://h${index}.example/`)),
    0,
  ],
  [
    'methods, in lines of metrics',
    () =>
      seriesAfter((index) => at('/', {}, { method: unusual[index % unusual.length] as string })),
    60,
  ],
  [
    'members of baggage',
    () => parseBaggage(Array.from({ length: 5_000 }, (_, index) => `k${index}=v`).join(',')).size,
    180,
  ],
]);

/** Forged forwarding headers: the status, and who the upstream is told the client is. */

const forwarding = (trusted: string) =>
  gatewayFor(`${trusted}services: { web: "http://web.test" }
roles: { header: x-user-role, trusted_ips: 10.0.0.0/8 }
routes:
  - { path: /office, to: web, allow: { client_ips: 198.51.100.7 } }
  - { path: /peer, to: web, allow: { ips: 198.51.100.7 } }
  - { path: /mesh, to: web, allow: { principals: "cluster.local/ns/shop/*" } }
  - { path: /boss, to: web, allow: { roles: boss } }
  - { path: /**, to: web }
`).gateway;
const gateways = {
  alone: forwarding(''),
  behind: forwarding('trusted_proxies: 10.0.0.0/8\n'),
};

/** What is forged, and from where. */
export interface Forwarding {
  readonly gateway: keyof typeof gateways;
  readonly peer: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @returns The status and, where the upstream was asked, the value of `x-forwarded-for` there. */
export async function forwardingOutcome(attack: Forwarding): Promise<readonly unknown[]> {
  const platform = { remoteAddr: { hostname: attack.peer } };
  const response = await gateways[attack.gateway].fetch(at(attack.path, attack.headers), platform);
  if (response.status !== 200) return [response.status];
  const { headers } = (await response.json()) as { headers: Record<string, string> };
  return [200, headers['x-forwarded-for']];
}

const office = '198.51.100.7';
const alone = (path: string, headers: Record<string, string>): Forwarding => ({
  ...{ gateway: 'alone', peer: '203.0.113.9', path, headers },
});
const behind = (path: string, headers: Record<string, string>, peer = '10.0.0.1'): Forwarding => ({
  ...{ gateway: 'behind', peer, path, headers },
});
const spiffe = 'URI=spiffe://cluster.local/ns/shop/sa/web';

export const forwardings: readonly Attack<Forwarding, readonly unknown[]>[] = attacks<
  Forwarding,
  readonly unknown[]
>('forged forwarding', [
  ['x-forwarded-for', alone('/office', { 'x-forwarded-for': office }), [403]],
  [
    'x-forwarded-for, and the peer is asked for',
    alone('/peer', { 'x-forwarded-for': office }),
    [403],
  ],
  ['forwarded', alone('/office', { forwarded: `for=${office}` }), [403]],
  ['x-real-ip', alone('/office', { 'x-real-ip': office }), [403]],
  ['cf-connecting-ip', alone('/office', { 'cf-connecting-ip': office }), [403]],
  ['true-client-ip', alone('/office', { 'true-client-ip': office }), [403]],
  ['x-client-ip', alone('/office', { 'x-client-ip': office }), [403]],
  ['x-envoy-external-address', alone('/office', { 'x-envoy-external-address': office }), [403]],
  ['past the proxies', behind('/office', { 'x-forwarded-for': office }, '203.0.113.9'), [403]],
  [
    'before what the proxy wrote',
    behind('/office', { 'x-forwarded-for': `${office}, 203.0.113.9` }),
    [403],
  ],
  [
    'before it, and the proxy twice',
    behind('/office', { 'x-forwarded-for': `${office}, 203.0.113.9, 10.0.0.2` }),
    [403],
  ],
  [
    'as one of the proxies',
    behind('/office', { 'x-forwarded-for': `${office}, 10.0.0.2, 203.0.113.9` }),
    [403],
  ],
  ['without a comma', behind('/office', { 'x-forwarded-for': `${office} 203.0.113.9` }), [403]],
  ['with an underscore', behind('/office', { x_forwarded_for: office }), [403]],
  [
    'in IPv6 form',
    behind('/office', { 'x-forwarded-for': `::ffff:${office}, 203.0.113.9` }),
    [403],
  ],
  [
    'who the proxy says it is: let in',
    behind('/office', { 'x-forwarded-for': `203.0.113.9, ${office}` }),
    [200, `203.0.113.9, ${office}, 10.0.0.1`],
  ],
  [
    'towards the upstream, past the proxies',
    behind('/a', { 'x-forwarded-for': office }, '203.0.113.9'),
    [200, '203.0.113.9'],
  ],
  ['a certificate', alone('/mesh', { 'x-forwarded-client-cert': spiffe }), [403]],
  [
    'a certificate, of a proxy that is not asked for them',
    behind('/mesh', { 'x-forwarded-client-cert': spiffe }),
    [403],
  ],
  ['a role', alone('/boss', { 'x-user-role': 'boss' }), [403]],
  ['a role with an underscore', behind('/boss', { x_user_role: 'boss' }), [403]],
]);

/** Forged cookies of sticky routes. */

const sticky = gatewayFor(`services:
  users: { versions: { v1: "http://v1.test", v2: "http://v2.test" } }
routes:
  - { name: users, path: /users, to: { users@v2: 0, users@v1: 100 }, sticky: { by: "cookie:sid" } }
`).gateway;

/** @returns Which version answered, and whether a cookie that is one line was set, or none. */
export async function stickyOutcome(cookie: string): Promise<string> {
  const response = await sticky.fetch(at('/users', { cookie }));
  const set = response.headers.getSetCookie();
  const isSound = set.every((each) => /^fm_users=[\w-]{16,64}; [\w=; /-]+$/.test(each));
  const { url } = (await response.json()) as { url: string };
  return isSound ? new URL(url).hostname : `sets ${set.join(' and ')}`;
}

export const forgedCookies: readonly Attack<string, string>[] = attacks('forged cookies', [
  ['the name of a version', 'sid=v2', 'v1.test'],
  ['a destination', 'sid=users@v2', 'v1.test'],
  ['our own cookie with a version', 'fm_users=v2', 'v1.test'],
  ['our own cookie with a destination', 'fm_users=users@v2', 'v1.test'],
  ['our own cookie with attributes', 'fm_users="; Domain=evil.example; x="', 'v1.test'],
  ['our own cookie, empty', 'fm_users=', 'v1.test'],
  ['our own cookie twice', 'fm_users=a; fm_users=b', 'v1.test'],
  ['the same cookie twice', 'sid=a; sid=v2', 'v1.test'],
  ['a very long one', `sid=${'v2'.repeat(4_000)}`, 'v1.test'],
  ['`__proto__`', 'sid=__proto__; __proto__=v2', 'v1.test'],
  ['an encoded line break', 'sid=%0d%0aset-cookie:%20admin=1', 'v1.test'],
  ['a number', 'sid=9999999999999999999999', 'v1.test'],
  ['no value', 'sid', 'v1.test'],
  ['no name', '=v2', 'v1.test'],
  ['quotes that do not end', 'sid="v2', 'v1.test'],
]);
