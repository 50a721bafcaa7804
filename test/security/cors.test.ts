import { describe, expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { inbound } from '../../src/index.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { type CorsOptions, cors } from '../../src/security/cors.ts';

const shop = 'https://shop.example';

function ask(options: CorsOptions, init: RequestInit, app = () => new Response('hello')) {
  return inbound(app, cors(options))(new Request('http://api.example/', init));
}

const from = (origin: string): RequestInit => ({ headers: { origin } });

const preflight = (origin: string, headers: Record<string, string> = {}): RequestInit => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': 'PUT', ...headers },
});

describe('whose pages may read', () => {
  test.each<[origins: readonly string[], origin: string, allowed: boolean]>([
    [[shop], shop, true],
    [[shop], 'http://shop.example', false],
    [[shop], 'https://shop.example:8443', false],
    [[shop], 'https://shop.example.evil.test', false],
    [[shop], 'https://evil.test?https://shop.example', false],
    [['https://*.shop.example'], 'https://a.shop.example', true],
    [['https://*.shop.example'], 'https://a.b.shop.example', true],
    [['https://*.shop.example'], shop, false],
    [['https://*.shop.example'], 'https://evilshop.example', false],
    [['https://*.shop.example'], 'https://evil.test/.shop.example', false],
    [['https://*.shop.example'], 'https://evil.test@a.shop.example', false],
    [['https://*.shop.example:8443'], 'https://a.shop.example:8443', true],
    [['*'], 'https://anybody.test', true],
    [[shop], 'null', false],
  ])('%j, %s: %s', async (origins, origin, allowed) => {
    const answer = await ask({ origins }, from(origin));
    const said = answer.headers.get('access-control-allow-origin');
    expect(said !== null).toBe(allowed);
    if (allowed) expect(said).toBe(origins[0] === '*' ? '*' : origin);
    expect(await answer.text()).toBe('hello');
  });

  test('Vary says that the answer depends on the origin, with and without one', async () => {
    for (const init of [from(shop), from('https://other.test'), {}]) {
      expect((await ask({ origins: [shop] }, init)).headers.get('vary')).toBe('Origin');
    }
    expect((await ask({ origins: ['*'] }, from(shop))).headers.get('vary')).toBeNull();
  });

  test('Vary of the app is kept, and not doubled', async () => {
    const app = (vary: string) => () => new Response(null, { headers: { vary } });
    const vary = async (written: string) =>
      (await ask({ origins: [shop] }, from(shop), app(written))).headers.get('vary');
    expect(await vary('Accept')).toBe('Accept, Origin');
    expect(await vary('accept, origin')).toBe('accept, origin');
    expect(await vary('*')).toBe('*');
  });

  test('what the app says of it itself is replaced', async () => {
    const app = () =>
      new Response(null, {
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': 'x-secret',
        },
      });
    const refused = await ask({ origins: [shop] }, from('https://other.test'), app);
    expect([...refused.headers.keys()]).toEqual(['vary']);
    const { headers } = await ask({ origins: [shop], expose: ['x-trace'] }, from(shop), app);
    expect(headers.get('access-control-allow-origin')).toBe(shop);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('access-control-expose-headers')).toBe('x-trace');
  });
});

describe('preflights', () => {
  test('are answered here, with what the options say', async () => {
    let asked = 0;
    const options = { origins: [shop], methods: ['PUT'], headers: ['x-a'], maxAge: '10m' } as const;
    const answer = await ask({ ...options, credentials: true }, preflight(shop), () => {
      asked += 1;
      return new Response();
    });
    expect(asked).toBe(0);
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toEqual({
      'access-control-allow-origin': shop,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-a',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
  });

  test('allow the headers that they ask for, where none are named', async () => {
    const asked = { 'access-control-request-headers': 'content-type,x-a' };
    const { headers } = await ask({ origins: [shop] }, preflight(shop, asked));
    expect(headers.get('access-control-allow-headers')).toBe('content-type,x-a');
    expect(headers.get('vary')).toBe('Origin, Access-Control-Request-Headers');
  });

  test.each(['a b', 'x-a,', '<script>', `${'a,'.repeat(600)}a`])(
    '%j is no list of headers',
    async (list) => {
      const asked = { 'access-control-request-headers': list };
      const { headers } = await ask({ origins: [shop] }, preflight(shop, asked));
      expect(headers.get('access-control-allow-headers')).toBeNull();
    },
  );

  test('of an origin that is not allowed get nothing that would allow it', async () => {
    const answer = await ask(
      { origins: [shop], headers: ['x-a'] },
      preflight('https://other.test'),
    );
    expect(answer.status).toBe(204);
    expect([...answer.headers.keys()]).toEqual(['vary']);
  });

  test('are no OPTIONS that asks for no method, or has no origin', async () => {
    for (const headers of [{ origin: shop }, { 'access-control-request-method': 'PUT' }]) {
      const answer = await ask({ origins: [shop] }, { method: 'OPTIONS', headers });
      expect(await answer.text()).toBe('hello');
    }
  });
});

describe('in the rules', () => {
  const text = `services: { api: "http://api.internal" }
auth: { main: { issuer: "https://id.example", jwks: "https://id.example/keys" } }
defaults: { cors: { origins: ["${shop}"], credentials: true, max_age: 10m } }
routes:
  - { path: /private/**, to: api, auth: { jwt: main } }
  - { path: /open/**, to: api, cors: { origins: "*" } }
  - { path: /own/**, to: api, cors: off }
`;
  const { rules } = parseRules(text, { mode: 'gateway' });
  const gateway = createGateway(rules as NonNullable<typeof rules>, {
    transport: async () => new Response('hello'),
  });
  const at = (path: string, init: RequestInit) =>
    gateway.fetch(new Request(`http://edge.example${path}`, init));

  test('a preflight is answered before a token is asked for', async () => {
    const answer = await at('/private/a', preflight(shop));
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-max-age')).toBe('600');
  });

  test('a page may read why it was not let in', async () => {
    const answer = await at('/private/a', from(shop));
    expect(answer.status).toBe(401);
    expect(answer.headers.get('access-control-allow-origin')).toBe(shop);
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
  });

  test("a route's own block takes the place of the default's; off leaves it to the upstream", async () => {
    const open = await at('/open/a', from('https://anybody.test'));
    expect(open.headers.get('access-control-allow-origin')).toBe('*');
    const own = await at('/own/a', preflight(shop));
    expect(await own.text()).toBe('hello');
  });
});
