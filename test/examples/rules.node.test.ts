import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';
import { forge, hmac } from '../support/tokens.ts';

function rulesOf(example: string) {
  const file = `examples/${example}/rules.yaml`;
  const text = readFileSync(file, 'utf8');
  const { rules, diagnostics } = parseRules(text, { file, mode: 'gateway' });
  expect(renderDiagnostics(diagnostics, text)).toBe('');
  if (rules === undefined) throw new Error(`${file} is wrong`);
  return rules;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Answers where a request was sent. */
const echo = async (url: string): Promise<Response> => new Response(url);

test('testers are sent to the next version, and everybody else stays', async () => {
  const gateway = createGateway(rulesOf('testers'), { transport: echo, random: () => 0.5 });
  const sentTo = async (path: string, headers: Record<string, string> = {}) => {
    const request = new Request(`https://shop.example${path}`, { headers });
    return (await gateway.fetch(request)).text();
  };
  const stable = 'http://10.0.0.11:8080/cart';
  expect(await sentTo('/cart')).toBe(stable);
  expect(await sentTo('/cart', { cookie: 'beta=0' })).toBe(stable);
  expect(await sentTo('/cart', { cookie: 'beta=1' })).toBe('http://10.0.0.21:8080/cart');
  expect(await sentTo('/cart', { 'x-tester': 'yes' })).toBe('http://10.0.0.21:8080/cart');
  expect(await sentTo('/cart', { baggage: 'tester=yes' })).toBe('http://10.0.0.21:8080/cart');
  expect(await sentTo('/cart', { baggage: 'tester=no' })).toBe(stable);
  const searches = new Set<string>();
  for (let sid = 0; sid < 200; sid++) {
    const answer = await sentTo('/search', { cookie: `sid=${sid}` });
    expect(await sentTo('/search', { cookie: `sid=${sid}` })).toBe(answer);
    searches.add(answer);
  }
  expect(searches.size).toBe(2);
});

test('tokens, roles and limits are asked for', async () => {
  const key = 'a key of at least thirty-two bytes, for this test';
  vi.stubEnv('SHOP_TOKEN_KEY', key);
  const gateway = createGateway(rulesOf('limit-per-user'), { transport: echo });
  const statusOf = async (path: string, claims?: Record<string, unknown>) => {
    const headers: Record<string, string> =
      claims === undefined
        ? {}
        : { authorization: `Bearer ${await forge({ alg: 'HS256' }, claims, await hmac(key))}` };
    return (await gateway.fetch(new Request(`https://shop.example${path}`, { headers }))).status;
  };
  const exp = Math.floor(Date.now() / 1_000) + 60;
  const ada = { iss: 'shop', sub: 'ada', exp };
  expect(await statusOf('/health')).toBe(200);
  expect(await statusOf('/orders/1')).toBe(401);
  expect(await statusOf('/orders/1', { ...ada, iss: 'bank' })).toBe(401);
  expect(await statusOf('/admin/users', ada)).toBe(403);
  expect(await statusOf('/admin/users', { ...ada, roles: ['admin'] })).toBe(200);
  const orders = [];
  for (let order = 0; order < 4; order++) orders.push(await statusOf(`/orders/${order}`, ada));
  expect(orders).toEqual([200, 200, 200, 429]);
  expect(await statusOf('/orders/1', { ...ada, sub: 'grace' })).toBe(200);
});

describe('the gallery', () => {
  const folders = readdirSync('examples', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const tests = readdirSync('test/examples')
    .map((file) => readFileSync(`test/examples/${file}`, 'utf8'))
    .join('\n');
  const index = readFileSync('examples/README.md', 'utf8');

  test.each(folders)('%s is in the index, has a short README, and is tested', (name) => {
    expect(index).toContain(`[${name}](${name})`);
    const readme = readFileSync(`examples/${name}/README.md`, 'utf8');
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(14);
    expect(tests).toMatch(new RegExp(`examples\\}?/${name}\\b|rulesOf\\('${name}'\\)`));
  });
});
