import { describe, expect, test } from 'vitest';
import { exchange } from '../../src/core/exchange.ts';
import { contextOf, inbound, type Middleware, outbound, reject } from '../../src/index.ts';
import { fallback } from '../../src/policies/fallback.ts';
import { fault } from '../../src/policies/fault.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { retry } from '../../src/policies/retry.ts';
import { retryBudget } from '../../src/policies/retry-budget.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { authorize } from '../../src/security/authorize/authorize.ts';
import { trustedProxies } from '../../src/security/trusted-proxies.ts';
import type { Store } from '../../src/stores/contract.ts';
import {
  type AccessLogEntry,
  type AccessLogOptions,
  accessLog,
} from '../../src/telemetry/access-log.ts';
import { tracing } from '../../src/telemetry/tracing.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type App = (request: Request) => Response | Promise<Response>;

function logged(app: App, options: Partial<AccessLogOptions> = {}, ...around: Middleware[]) {
  const entries: AccessLogEntry[] = [];
  const write = (entry: AccessLogEntry) => void entries.push(entry);
  const clock = new VirtualClock();
  const serve = inbound(
    app,
    ...around,
    tracing({ kind: 'server' }),
    accessLog({ service: 'shop', write, clock, ...options }),
  );
  return {
    entries,
    clock,
    serve,
    get: (path = '/a', init?: RequestInit) =>
      serve(new Request(`http://shop.example${path}`, init)),
  };
}

const ok: App = () => new Response();

/** Counts nothing: every question fails. */
const deadStore: Store = {
  name: 'dead',
  capabilities: { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
  get: () => null,
  set: () => '1',
  take: () => Promise.reject(new Error('the store is down')),
};

describe('a record', () => {
  test('AL-02: of a service without versions names none', async () => {
    const { get, entries } = logged((request) => {
      const record = contextOf(request)?.get(exchange);
      if (record) Object.assign(record, { service: 'users', version: '' });
      return new Response();
    });
    await get();
    expect(entries[0]).toMatchObject({ 'fetchmesh.destination.service': 'users' });
    expect(entries[0]).not.toHaveProperty(['fetchmesh.destination.version']);
  });

  test('names the client that trusted proxies told, else the peer', async () => {
    const { entries, serve } = logged(ok, {}, trustedProxies({ networks: ['10.0.0.0/8'] }));
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    for (const hostname of ['10.0.0.1', '203.0.113.9']) {
      await serve(new Request('http://shop.example/', { headers }), { remoteAddr: { hostname } });
    }
    expect(entries.map((entry) => entry['client.address'])).toEqual([
      '198.51.100.7',
      '203.0.113.9',
    ]);
  });

  test('AL-02: has the names of the server span, its ids, and nothing that is not known', async () => {
    const clock = new VirtualClock();
    const { get, entries } = logged(
      async (request) => {
        const record = contextOf(request)?.get(exchange);
        if (record) {
          Object.assign(record, { route: '/users/:id', service: 'users', version: 'v2' });
        }
        await clock.advance(12.5);
        return new Response(null, { status: 201 });
      },
      { clock },
    );
    const time = new Date(clock.now()).toISOString();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await get('/users/7', { method: 'POST', headers: { traceparent } });
    expect(entries).toEqual([
      {
        time,
        'service.name': 'shop',
        'http.request.method': 'POST',
        'url.scheme': 'http',
        'url.path': '/users/7',
        'server.address': 'shop.example',
        'http.response.status_code': 201,
        'http.route': '/users/:id',
        'fetchmesh.destination.service': 'users',
        'fetchmesh.destination.version': 'v2',
        duration_ms: 12.5,
        trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      },
    ]);
  });

  test('AL-02: says why the governance answered, and with which of the flags of Envoy', async () => {
    const { get, entries } = logged(() => reject('timeout'));
    await get();
    expect(entries[0]).toMatchObject({
      'http.response.status_code': 504,
      'fetchmesh.response_flags': 'UT',
      'error.type': 'timeout',
    });
  });

  test('AL-07: has one line, whatever a client sends, and a length', async () => {
    const { get, entries } = logged(ok, { query: true, headers: ['user-agent'] });
    await get(`/${'%0A'.repeat(2_000)}?${'a'.repeat(9_000)}`, {
      headers: { 'user-agent': 'x'.repeat(9_000) },
    });
    const line = JSON.stringify(entries[0]);
    expect(line).not.toContain('\n');
    expect(line.length).toBeLessThan(5_000);
  });

  test('AL-07: takes no method that the conventions do not know', async () => {
    const { get, entries } = logged(ok);
    await get('/', { method: 'PROPFIND' });
    expect(entries[0]?.['http.request.method']).toBe('_OTHER');
  });
});

describe('once for each request', () => {
  test('AL-01: with the error', async () => {
    const { get, entries } = logged(() => Promise.reject(new TypeError('secret-host.internal')));
    await expect(get()).rejects.toThrow();
    expect(entries).toHaveLength(1);
    expect(entries[0]).not.toHaveProperty(['http.response.status_code']);
    expect(entries[0]?.['error.type']).toBeDefined();
    expect(JSON.stringify(entries)).not.toContain('secret-host');
  });

  test('AL-01: with the client that leaves, at once and as 499', async () => {
    const client = new AbortController();
    let answer: (response: Response) => void = () => {};
    const { get, entries } = logged(() => new Promise((resolve) => (answer = resolve)));
    const call = get('/', { signal: client.signal });
    await Promise.resolve();
    client.abort();
    expect(entries.map((entry) => entry['http.response.status_code'])).toEqual([499]);
    answer(new Response());
    await call;
    expect(entries).toHaveLength(1);
  });

  test('AL-01: around a fetch as well', async () => {
    const entries: AccessLogEntry[] = [];
    const write = (entry: AccessLogEntry) => void entries.push(entry);
    const call = outbound(async () => new Response(), accessLog({ service: 'shop', write }));
    await call('http://users.example/7');
    expect(entries).toMatchObject([{ 'server.address': 'users.example', 'url.path': '/7' }]);
  });
});

describe('secrets', () => {
  test('AL-03: without being asked there is neither a query nor a header', async () => {
    const { get, entries } = logged(ok);
    await get('/a?q=tea', { headers: { authorization: 'Bearer hush', 'x-plan': 'gold' } });
    expect(JSON.stringify(entries)).not.toMatch(/tea|hush|gold/);
  });

  test('AL-03: credentials are held back even where they are asked for', async () => {
    const headers = ['Authorization', 'cookie', 'x-auth-token', 'x-plan', 'x-customer', 'x-absent'];
    const { get, entries } = logged(ok, { query: true, headers, redact: ['X-Customer', 'Card'] });
    await get('/a?q=tea&to%6ben=hush&card=plum&Password=hush&flag&q=2', {
      headers: {
        authorization: 'Bearer hush',
        cookie: 'sid=hush',
        'x-auth-token': 'hush',
        'x-plan': 'gold',
        'x-customer': 'plum',
      },
    });
    expect(JSON.stringify(entries)).not.toMatch(/hush|plum/);
    expect(entries[0]).toMatchObject({
      'url.query': 'q=tea&to%6ben=REDACTED&card=REDACTED&Password=REDACTED&flag&q=2',
      'http.request.header.authorization': 'REDACTED',
      'http.request.header.x-plan': 'gold',
    });
    expect(entries[0]).not.toHaveProperty(['http.request.header.x-absent']);
  });
});

describe('samples', () => {
  test.each([
    [0, 0],
    [0.5, 50],
    [1, 100],
  ])('AL-04: %s of what went well', async (sample, expected) => {
    let drawn = 0;
    const random = () => (drawn++ % 100) / 100;
    const { get, entries } = logged(ok, { sample, random });
    for (let index = 0; index < 100; index++) await get();
    expect(entries).toHaveLength(expected);
  });

  test('AL-04: all of what did not', async () => {
    const { get, entries } = logged(() => new Response(null, { status: 503 }), { sample: 0 });
    await get();
    expect(entries).toMatchObject([{ 'error.type': '503' }]);
  });

  test('AL-04: a share that is none is refused', () => {
    expect(() => accessLog({ service: 'shop', sample: 10 })).toThrow(
      new RangeError('accessLog.sample: 10 is not a number from 0 to 1'),
    );
  });
});

describe('AL-08: flags', () => {
  const clock = new VirtualClock();
  const unavailable: App = () => new Response(null, { status: 503 });
  const delayed = fault({ delay: '1s', percent: 100, clock });
  const refused = () =>
    Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }));
  const untrusted = () =>
    Promise.reject(new TypeError('fetch failed', { cause: { code: 'CERT_HAS_EXPIRED' } }));
  const asked = (authorizer: () => Promise<false>) =>
    authorize([{ name: 'ask', action: 'custom', authorizer, rules: [{}] }]);

  const table: readonly (readonly [string, string | undefined, App, readonly Middleware[]])[] = [
    ['nothing happened', undefined, ok, []],
    ['a delay was injected', 'DI', ok, [delayed]],
    [
      'a delay and a failure were',
      'DI,FI',
      ok,
      [fault({ delay: '1s', abort: 500, percent: 100, clock })],
    ],
    [
      'a failure was, and a fallback answered',
      'FI',
      ok,
      [fallback({}), fault({ abort: 503, percent: 100, clock })],
    ],
    ['a delay was, beyond the time limit', 'UT,DI', ok, [timeout('500ms', { clock }), delayed]],
    ['no connection came about', 'UF', refused, []],
    ['no secure connection did', 'UF', untrusted, []],
    ['none did, and the retries are used up', 'UF,URX', refused, [retry({ max: 1, clock })]],
    ['the last retry failed as well', 'URX', unavailable, [retry({ max: 1, clock })]],
    [
      'what was answered is worth no retry',
      undefined,
      () => new Response(null, { status: 501 }),
      [retry({ max: 1, clock })],
    ],
    ['retries are switched off', undefined, unavailable, [retry({ max: 0, clock })]],
    [
      'the budget allowed no retry',
      'UO',
      unavailable,
      [retry({ budget: retryBudget({ ratio: 0, minPerSecond: 0, clock }), clock })],
    ],
    ['an authorizer refused', 'UAEX', ok, [asked(async () => false)]],
    [
      'the store of a limit failed',
      'RLSE',
      ok,
      [rateLimit({ limit: 1, per: '1s', onStoreError: 'closed' }, { store: deadStore, clock })],
    ],
  ];

  test.each(table)('%s: %s', async (_, flags, app, around) => {
    const entries: AccessLogEntry[] = [];
    const write = (entry: AccessLogEntry) => void entries.push(entry);
    const serve = inbound(app, accessLog({ service: 'shop', write, clock }), ...around);
    const answer = serve(new Request('http://shop.example/a'));
    answer.catch(() => {});
    await clock.advance(10_000);
    expect(entries.map((entry) => entry['fetchmesh.response_flags'])).toEqual([flags]);
  });

  test('are not those of the calls that an app makes', async () => {
    const call = outbound(async () => new Response(), delayed);
    const { get, entries } = logged((request) =>
      call('http://users.example/', {}, contextOf(request)),
    );
    const answer = get();
    await clock.advance(1_000);
    await answer;
    expect(entries[0]).not.toHaveProperty(['fetchmesh.response_flags']);
  });
});

test('AL-05: a log that fails fails no request', async () => {
  const { get } = logged(() => new Response('served'), {
    write() {
      throw new Error('the disk is full');
    },
  });
  expect(await (await get()).text()).toBe('served');
});
