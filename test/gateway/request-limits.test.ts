import { describe, expect, test } from 'vitest';
import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { inbound } from '../../src/index.ts';
import type { Rules } from '../../src/rules/model.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { parseCompiledRules } from '../../src/rules/sources/compiled.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

function rulesOf(text: string) {
  const { rules, diagnostics } = parseRules(text);
  if (rules === undefined) throw new Error(JSON.stringify(diagnostics));
  // As they come to a Worker.
  return parseCompiledRules(JSON.stringify(rules));
}

const yaml = `
limits: { url: 20B, headers: 100B, header_count: 3, concurrent: 2, body: 5B }
services: { shop: http://10.0.0.1 }
routes:
  - { path: /uploads, to: shop, limits: { body: 10B, body_rate: 100B, body_grace: 1s } }
  - { path: /any, to: shop, limits: off }
  - { path: /guarded, to: shop, breaker: { failures: 1 } }
  - { path: /**, to: shop }
`;

/** Reads what it is sent, as an upstream does. */
async function upstream(_: string, { body }: RequestInit): Promise<Response> {
  const reader = (body as ReadableStream<Uint8Array> | undefined)?.getReader();
  while (reader !== undefined && !(await reader.read()).done);
  return new Response('ok');
}

function gatewayOf(options: GatewayOptions = {}) {
  return createGateway(rulesOf(yaml), { transport: upstream, ...options });
}

const at = (path: string, init?: RequestInit): Request =>
  new Request(`http://shop.example${path}`, init);
const post = (path: string, bytes: number): Request =>
  at(path, { method: 'POST', body: 'x'.repeat(bytes) });

describe('the block of the file', () => {
  test.each<[what: string, request: () => Request, status: number]>([
    ['LI-01 a URL that fits', () => at('/aaaaaaaaaaaaaaaaaaa'), 200],
    ['LI-01 a longer one', () => at('/aaaaaaaaaaaaaaaaaaaa'), 414],
    ['LI-01 a longer one that no route takes', () => at('/uploads/aaaaaaaaaaaaaaaaaaaa'), 414],
    ['LI-02 too many headers', () => at('/', { headers: { a: '1', b: '2', c: '3', d: '4' } }), 431],
    ['LI-02 headers that are too large', () => at('/', { headers: { a: 'b'.repeat(100) } }), 431],
    ['LI-03 a body that fits', () => post('/', 5), 200],
    ['LI-03 a larger one', () => post('/', 6), 413],
    ['LI-03 one that fits the route', () => post('/uploads', 10), 200],
    ['LI-03 one that does not fit the route', () => post('/uploads', 11), 413],
    ['LI-03 any, where it is off', () => post('/any', 1_000), 200],
  ])('%s: %i', async (_, request, status) => {
    expect((await gatewayOf().fetch(request())).status).toBe(status);
  });

  test('LI-04 a body that does not come is a 408', async () => {
    const clock = new VirtualClock();
    const body = new ReadableStream<Uint8Array>();
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    const answer = gatewayOf({ clock }).fetch(at('/uploads', init));
    await settled();
    await clock.advance(1_000);
    expect((await answer).status).toBe(408);
  });

  test('LI-05 requests beyond those at once are a 503, over a reload too', async () => {
    const held: (() => void)[] = [];
    const gateway = gatewayOf({
      transport: () => new Promise((resolve) => held.push(() => resolve(new Response()))),
    });
    const first = [gateway.fetch(at('/a')), gateway.fetch(at('/b'))];
    await settled();
    gateway.replace(rulesOf(yaml), '2');
    expect((await gateway.fetch(at('/c'))).status).toBe(503);
    for (const release of held) release();
    for (const answer of first) expect((await answer).status).toBe(200);
  });

  test('LI-06 a body beyond its limit opens no breaker, and is counted as the answer that it got', async () => {
    const gateway = gatewayOf();
    for (let index = 0; index < 3; index++) {
      expect((await gateway.fetch(post('/guarded', 6))).status).toBe(413);
    }
    const chunked = at('/guarded', {
      method: 'POST',
      body: new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(3)),
      }),
      duplex: 'half',
    } as RequestInit);
    expect((await gateway.fetch(chunked)).status).toBe(413);
    expect((await gateway.fetch(post('/guarded', 5))).status).toBe(200);
    expect(expose(gateway.registry, 'text')).toContain('413');
  });
});

test('without the part that carries them out, governance refuses rules with limits', () => {
  const around = (rules: Rules) => () => inbound(() => new Response(), governance(rules));
  expect(around(rulesOf(yaml))).toThrow(
    "route '/uploads' needs { traffic } from 'fetchmesh/traffic'",
  );
  const file = rulesOf('limits: {}\nroutes: [{ path: /** }]');
  expect(around(file)).toThrow('the file needs { traffic }');
});
