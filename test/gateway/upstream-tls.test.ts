/** What gateways do with services that ask for certificates. */

import { describe, expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import type { Rules } from '../../src/rules/model.ts';
import { parseRules } from '../../src/rules/parse.ts';

function rulesWith(service: string, target?: 'worker'): { rules: Rules; said: readonly string[] } {
  const text = `services: { shop: { url: "https://shop.internal", ${service} } }\nroutes: [{ path: /** }]`;
  const { rules, diagnostics } = parseRules(text, { mode: 'gateway', ...(target && { target }) });
  const said = diagnostics.map(
    ({ code, range, message }) => `${range.line}:${range.column} ${code} ${message}`,
  );
  return { rules: rules as Rules, said };
}

const request = (): Request => new Request('http://gateway.example/a');

describe('services that ask for TLS', () => {
  test('are sent to by what is made for them; others are not', async () => {
    const text = `services: { shop: { url: "https://shop.internal", tls: { ca: ca.pem } }, web: "https://web.internal" }
routes: [{ path: /a, to: shop }, { path: /b, to: web }]`;
    const { rules } = parseRules(text, { mode: 'gateway' });
    const gateway = createGateway(rules as Rules, {
      transport: async (url) => new Response(`plain ${url}`),
      transportOf: ({ name, tls }) =>
        tls && (async (url) => new Response(`${name} ${tls.ca} ${url}`)),
    });
    const bodyOf = async (path: string): Promise<string> =>
      (await gateway.fetch(new Request(`http://gateway.example${path}`))).text();
    expect(await bodyOf('/a')).toBe('shop ca.pem https://shop.internal/a');
    expect(await bodyOf('/b')).toBe('plain https://web.internal/b');
  });

  test('are sent to by another one as soon as their rules say something else', async () => {
    const gateway = createGateway(rulesWith('tls: { ca: a.pem }').rules, {
      transportOf:
        ({ tls }) =>
        async () =>
          new Response(tls?.ca),
    });
    expect(await (await gateway.fetch(request())).text()).toBe('a.pem');
    gateway.replace(rulesWith('tls: { ca: b.pem }').rules, '2');
    expect(await (await gateway.fetch(request())).text()).toBe('b.pem');
  });

  test('UT-07 are refused where nothing carries that out', () => {
    const { rules } = rulesWith('tls: { ca: ca.pem }');
    expect(() => createGateway(rules)).toThrow('services.shop.tls: nothing here carries it out');
    expect(() => governance(rules)).toThrow('services.shop.tls: nothing here carries it out');
  });

  test('UT-07 are reached through their binding, and through nothing else', async () => {
    const { rules } = rulesWith('binding: SHOP, tls: { ca: ca.pem }');
    const errors: unknown[] = [];
    const gateway = createGateway(rules, {
      transport: async () => new Response('without a certificate'),
      onError: (error) => errors.push(error),
    });
    const env = { SHOP: { fetch: async (url: string) => new Response(`bound ${url}`) } };
    expect(await (await gateway.fetch(request(), env)).text()).toBe(
      'bound https://shop.internal/a',
    );
    expect((await gateway.fetch(request(), {})).status).toBe(500);
    expect(String(errors[0])).toContain('services.shop: its binding is not there');
  });

  test('UT-07 are warned of where a Worker is to carry them out without a binding', () => {
    expect(rulesWith('tls: { ca: ca.pem }', 'worker').said).toEqual([
      '1:51 FM046 a Worker cannot carry out `tls` of `shop`, and refuses these rules',
    ]);
    expect(rulesWith('tls: { ca: ca.pem }').said).toEqual([]);
    expect(rulesWith('binding: SHOP, tls: { ca: ca.pem }', 'worker').said).toEqual([]);
  });
});
