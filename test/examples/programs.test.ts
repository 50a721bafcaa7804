import { inbound } from 'fetchmesh';
import { describe, expect, test } from 'vitest';
import anywhere from '../../examples/anywhere/main.ts';
import { inventoryWith, stockOf, unknownStock } from '../../examples/faults-in-tests/main.ts';
import { flakyUpstream, inventory, successes } from '../../examples/flaky-upstream/main.ts';
import { shop } from '../../examples/hono-app/main.ts';
import { model, words } from '../../examples/language-model/main.ts';
import { comparing, type Difference } from '../../examples/mirror-and-compare/main.ts';
import { calls } from '../../examples/outgoing-calls/main.ts';
import { app, serverTiming } from '../../examples/own-middleware/main.ts';

describe('own-middleware', () => {
  test('measures what is inside of it', async () => {
    let now = 0;
    const slow = inbound(
      () => {
        now += 12.5;
        return new Response();
      },
      serverTiming(() => now),
    );
    const response = await slow(new Request('http://shop.example/'));
    expect(response.headers.get('server-timing')).toBe('app;dur=12.5');
  });

  test('answers', async () => {
    const response = await app(new Request('http://shop.example/world'));
    expect(await response.text()).toBe('hello /world');
    expect(response.headers.get('server-timing')).toMatch(/^app;dur=\d/);
  });
});

describe('flaky-upstream', () => {
  test('with help nearly all calls end well; an upstream that is down is left in peace', async () => {
    // Every third call fails.
    let call = 0;
    const { upstream, state } = flakyUpstream(() => (call++ % 3 === 0 ? 0 : 1));
    expect(await successes((url) => upstream(new Request(url)), 30)).toBe(20);
    const governed = inventory(upstream);
    expect(await successes(governed, 30)).toBe(30);
    state.isDown = true;
    state.calls = 0;
    expect(await successes(governed, 30)).toBe(0);
    expect(state.calls).toBe(5);
  });
});

test('mirror-and-compare tells what the next version answers otherwise', async () => {
  const differences: Difference[] = [];
  const told = Promise.withResolvers<void>();
  const call = comparing(
    async () => new Response('10'),
    async ({ url }) => new Response(url.endsWith('/2') ? '12' : '10'),
    (difference) => {
      differences.push(difference);
      told.resolve();
    },
  );
  for (const sku of [1, 2, 3]) {
    const response = await call(`http://prices.internal/${sku}`);
    expect(await response.text()).toBe('10');
  }
  await told.promise;
  expect(differences).toEqual([{ path: '/2', stable: '10', next: '12' }]);
});

test('faults-in-tests shows what a cart makes of them', async () => {
  const stock = (faults: Parameters<typeof inventoryWith>[0]) =>
    stockOf('sku-1', inventoryWith(faults));
  expect(await stock({ abort: { status: 503, percent: 0 } })).toBe('42 left');
  expect(await stock({ abort: { status: 503, percent: 100 } })).toBe(unknownStock);
  expect(await stock({ delay: { fixed: '1s', percent: 100 } })).toBe(unknownStock);
});

describe('hono-app', () => {
  const serving = () =>
    shop(async ({ url }) =>
      url.endsWith('/down')
        ? new Response('{}', { status: 503 })
        : Response.json({ id: new URL(url).pathname.slice(1) }),
    );
  const at = (path: string, init?: RequestInit) => new Request(`http://shop.example${path}`, init);

  test('answers, and calls', async () => {
    const app = serving();
    expect(await (await app(at('/users/ada'))).json()).toEqual({ user: { id: 'ada' } });
    expect((await app(at('/users/down'))).status).toBe(502);
    expect((await app(at('/nowhere'))).status).toBe(404);
    expect(await (await app(at('/metrics'))).text()).toContain('shop_request_total');
  });

  test('takes what it may', async () => {
    const post = (body: string) =>
      at('/users', { method: 'POST', body, headers: { 'content-length': `${body.length}` } });
    expect((await serving()(post('{ "name": "ada" }'))).status).toBe(201);
    expect((await serving()(post(`"${'a'.repeat(200_000)}"`))).status).toBe(413);
  });
});

describe('language-model', () => {
  const all = async (call: ReturnType<typeof model>): Promise<string> => {
    let text = '';
    for await (const word of words(call, 'why?')) text += word;
    return text;
  };
  const second = async (request: Request) => new Response(`second: ${await request.text()}`);

  test('asks the second provider what the first one would not answer', async () => {
    let asked = 0;
    const call = model(async () => {
      asked += 1;
      return new Response('overloaded', { status: 503 });
    }, second);
    expect(await all(call)).toBe('second: why?');
    expect(await all(call)).toBe('second: why?');
    const before = asked;
    expect(await all(call)).toBe('second: why?');
    expect(asked, 'the circuit is open').toBe(before);
  });

  test('leaves the first one its stream', async () => {
    const call = model(async (request) => new Response(`first: ${await request.text()}`), second);
    expect(await all(call)).toBe('first: why?');
  });
});

test('outgoing-calls go by rules, and others as they are', async () => {
  const sent: Request[] = [];
  let status = 200;
  let draw = 0;
  const call = calls(
    async (request) => {
      sent.push(request);
      return new Response(request.url, { status });
    },
    () => (draw++ % 10) / 10,
  );
  const hosts = new Set<string>();
  for (let charge = 0; charge < 20; charge++) {
    hosts.add(new URL(await (await call('http://payments.internal/charge')).text()).host);
  }
  expect(hosts).toEqual(new Set(['payments.internal', 'payments-next.internal']));
  expect(sent.every(({ headers }) => headers.get('x-caller') === 'checkout')).toBe(true);

  sent.length = 0;
  expect(await (await call('http://elsewhere.example/a')).text()).toBe(
    'http://elsewhere.example/a',
  );
  expect(sent[0]?.headers.get('x-caller')).toBeNull();

  status = 503;
  for (let charge = 0; charge < 20; charge++) await call('http://payments.internal/charge');
  sent.length = 0;
  const refused = await call('http://payments.internal/charge');
  expect([refused.status, sent.length]).toEqual([503, 0]);
});

/** What is used of the servers of Bun and Deno: each is there on its own platform alone. */
interface Servers {
  readonly Bun?: {
    serve(options: object): { readonly url: URL; stop(force: boolean): Promise<void> };
  };
  readonly Deno?: {
    serve(options: object): { readonly addr: { port: number }; shutdown(): Promise<void> };
  };
}

/** Serves what a file exports as the platform itself does that; where no server can be had, it is called. */
async function served(file: { fetch: typeof anywhere.fetch }, use: (call: Call) => Promise<void>) {
  const { Bun, Deno } = globalThis as Servers;
  if (Bun !== undefined) {
    const server = Bun.serve({ ...file, port: 0, hostname: '127.0.0.1' });
    await use((path) => fetch(new URL(path, server.url)));
    await server.stop(true);
  } else if (Deno !== undefined) {
    const server = Deno.serve({
      port: 0,
      hostname: '127.0.0.1',
      onListen() {},
      handler: file.fetch,
    });
    await use((path) => fetch(`http://127.0.0.1:${server.addr.port}${path}`));
    await server.shutdown();
  } else {
    await use((path) => file.fetch(new Request(`http://hello.example${path}`)));
  }
}

type Call = (path: string) => Promise<Response>;

test('anywhere answers, counts, and limits', async () => {
  await served(anywhere, async (call) => {
    expect(await (await call('/ada')).text()).toBe('hello ada');
    const statuses = [];
    for (let time = 0; time < 5; time++) {
      const response = await call('/metrics');
      statuses.push(response.status);
      const text = await response.text();
      if (response.ok) expect(text).toContain('hello_request_total');
    }
    expect(statuses).toEqual([200, 200, 200, 200, 429]);
  });
});
