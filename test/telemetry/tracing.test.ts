import {
  context as openTelemetry,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { endpoint } from '../../src/core/endpoint.ts';
import { exchange } from '../../src/core/exchange.ts';
import { Context, contextOf, inbound, outbound, reject } from '../../src/index.ts';
import { fault } from '../../src/policies/fault.ts';
import { mirror } from '../../src/policies/mirror.ts';
import { retry } from '../../src/policies/retry.ts';
import { b3, compositePropagator, w3c } from '../../src/telemetry/propagation/propagator.ts';
import { tracing } from '../../src/telemetry/tracing.ts';
import {
  InMemorySpanExporter,
  processorFor,
  type ReadableSpan,
  TracerProvider,
} from '../support/opentelemetry.ts';
import { settled } from '../support/virtual-clock.ts';

const spans = new InMemorySpanExporter();
const tracerProvider = new TracerProvider({
  spanProcessors: [processorFor(spans)],
});
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${parentId}-01`;

beforeEach(() => spans.reset());

function onlySpan(): ReadableSpan {
  const finished = spans.getFinishedSpans();
  expect(finished).toHaveLength(1);
  return finished[0] as ReadableSpan;
}

function incoming(headers: Record<string, string> = {}, init: RequestInit = {}): Request {
  return new Request('http://shop.example:8080/users/42?token=x', { headers, ...init });
}

describe('a server span', () => {
  test('M3: is a child of the caller, named by method and route, with the conventional attributes', async () => {
    const app = inbound((request) => {
      const record = contextOf(request)?.get(exchange);
      if (record) record.route = '/users/:id';
      return new Response('ok', { status: 201 });
    }, tracing({ tracerProvider }));
    await app(incoming({ traceparent, 'user-agent': 'test' }));
    const span = onlySpan();
    expect(span.name).toBe('GET /users/:id');
    expect(span.kind).toBe(SpanKind.SERVER);
    expect(span.spanContext().traceId).toBe(traceId);
    expect(span.parentSpanContext?.spanId).toBe(parentId);
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 201,
      'http.route': '/users/:id',
      'server.address': 'shop.example',
      'server.port': 8080,
      'url.path': '/users/42',
      'url.scheme': 'http',
      'user_agent.original': 'test',
    });
    expect(span.attributes).not.toHaveProperty('error.type');
  });

  test('names the version of its destination, where it has a name', async () => {
    for (const version of ['v2', '']) {
      const app = inbound((request) => {
        const record = contextOf(request)?.get(exchange);
        if (record) Object.assign(record, { service: 'users', version });
        return new Response();
      }, tracing({ tracerProvider }));
      await app(incoming());
    }
    const [named, nameless] = spans.getFinishedSpans() as [ReadableSpan, ReadableSpan];
    expect(named.attributes['fetchmesh.destination.version']).toBe('v2');
    expect(nameless.attributes['fetchmesh.destination.service']).toBe('users');
    expect(nameless.attributes).not.toHaveProperty(['fetchmesh.destination.version']);
  });

  test('a path is never part of its name, and a method that the conventions do not know is _OTHER', async () => {
    const app = inbound(() => new Response(), tracing({ tracerProvider }));
    await app(incoming({}, { method: 'PROPFIND' }));
    const span = onlySpan();
    expect(span.name).toBe('HTTP');
    expect(span.attributes['http.request.method']).toBe('_OTHER');
    expect(span.attributes['http.request.method_original']).toBe('PROPFIND');
  });

  test.each([
    [200, SpanStatusCode.UNSET, undefined],
    [404, SpanStatusCode.UNSET, undefined],
    [500, SpanStatusCode.ERROR, '500'],
    [503, SpanStatusCode.ERROR, '503'],
  ])('a status of %i has span status %i and error.type %s', async (status, code, errorType) => {
    const app = inbound(() => new Response(null, { status }), tracing({ tracerProvider }));
    await app(incoming());
    expect(onlySpan().status.code).toBe(code);
    expect(onlySpan().attributes['error.type']).toBe(errorType);
  });

  test('M3: ends when the handler throws, and says what was thrown', async () => {
    const app = inbound(() => {
      throw new RangeError('no such thing');
    }, tracing({ tracerProvider }));
    await expect(app(incoming())).rejects.toThrow('no such thing');
    const span = onlySpan();
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
    expect(span.attributes['error.type']).toBe('RangeError');
    expect(span.events.map(({ name }) => name)).toEqual(['exception']);
  });

  test('ends when the client goes away, in that moment, and says so', async () => {
    const client = new AbortController();
    const app = inbound(() => new Promise<Response>(() => {}), tracing({ tracerProvider }));
    void app(incoming({}, { signal: client.signal }));
    await Promise.resolve();
    expect(spans.getFinishedSpans()).toHaveLength(0);
    client.abort();
    const span = onlySpan();
    expect(span.attributes['error.type']).toBe('client_closed');
    expect(span.attributes['fetchmesh.response_flags']).toBe('DC');
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
  });

  test('bears the response flag where the governance answered', async () => {
    const app = inbound(() => reject('timeout'), tracing({ tracerProvider }));
    await app(incoming());
    expect(onlySpan().attributes).toMatchObject({
      'error.type': 'timeout',
      'fetchmesh.response_flags': 'UT',
      'http.response.status_code': 504,
    });
  });

  test('AL-08: bears the flags of what happened on the way as well', async () => {
    const app = inbound(
      () => reject('timeout'),
      tracing({ tracerProvider }),
      fault({ delay: '1ms', percent: 100 }),
    );
    await app(incoming());
    expect(onlySpan().attributes['fetchmesh.response_flags']).toBe('UT,DI');
  });

  test('M14: baggage on the list becomes attributes, cut to 64 characters, and no other does', async () => {
    const app = inbound(
      () => new Response(),
      tracing({ tracerProvider, baggage: ['user_tier', 'long', 'absent'] }),
    );
    await app(incoming({ baggage: `user_tier=gold,secret=x,long=${'y'.repeat(100)}` }));
    const { attributes } = onlySpan();
    expect(attributes['user_tier']).toBe('gold');
    expect(attributes['long']).toBe('y'.repeat(64));
    expect(attributes).not.toHaveProperty('secret');
    expect(attributes).not.toHaveProperty('absent');
  });

  test('a broken traceparent begins a trace of its own', async () => {
    const app = inbound(() => new Response(), tracing({ tracerProvider }));
    await app(incoming({ traceparent: `${traceparent}-junk` }));
    expect(onlySpan().parentSpanContext).toBeUndefined();
    expect(onlySpan().spanContext().traceId).not.toBe(traceId);
  });
});

describe('a client span', () => {
  test('MI-06: of a copy is a child of the same span, and says that it is a copy', async () => {
    const once = tracing({ tracerProvider, kind: 'client' });
    const app = inbound(
      async () => new Response(),
      tracing({ tracerProvider }),
      mirror({ send: once(async () => new Response()) }),
      once,
    );
    await app(incoming());
    await settled();
    const finished = spans.getFinishedSpans();
    expect(finished).toHaveLength(3);
    const server = finished.find(({ kind }) => kind === SpanKind.SERVER);
    const clients = finished.filter(({ kind }) => kind === SpanKind.CLIENT);
    const parents = clients.map(({ parentSpanContext }) => parentSpanContext?.spanId);
    expect(new Set(parents)).toEqual(new Set([server?.spanContext().spanId]));
    const marks = clients.map(({ attributes }) => attributes['fetchmesh.mirror']);
    expect(marks).toEqual(expect.arrayContaining([true, undefined]));
  });

  test('is a child of the request being served, and goes along in the headers', async () => {
    let sent = new Headers();
    const call = outbound(async (_: Request, init?: RequestInit) => {
      sent = new Headers(init?.headers);
      return new Response();
    }, tracing({ tracerProvider }));
    const app = inbound(
      (request) => call('http://users.internal/list?token=s3cret&page=2', {}, contextOf(request)),
      tracing({ tracerProvider }),
    );
    await app(incoming({ traceparent, tracestate: 'vendor=1' }));
    const [client, server] = spans.getFinishedSpans() as [ReadableSpan, ReadableSpan];
    expect(client.kind).toBe(SpanKind.CLIENT);
    expect(client.name).toBe('GET');
    expect(client.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
    expect(sent.get('traceparent')).toBe(`00-${traceId}-${client.spanContext().spanId}-01`);
    expect(sent.get('tracestate')).toBe('vendor=1');
    expect(client.attributes).toMatchObject({
      'server.address': 'users.internal',
      'server.port': 80,
      'url.full': 'http://users.internal/list?token=REDACTED&page=2',
    });
  });

  test.each([
    ['http://10.0.0.1', 'http://10.0.0.1/list'],
    ['http://ada:s3cret@10.0.0.1', 'http://10.0.0.1/list'],
    ['http://ada@10.0.0.1:8080/base', 'http://10.0.0.1:8080/base/list'],
  ])('names the endpoint %s without its credentials', async (url, full) => {
    const call = tracing({ tracerProvider })(async () => new Response());
    const chosen = { url, service: 'users', version: '' };
    const context = Context.background().with(endpoint, chosen);
    await call(new Request('http://users.internal/list'), context);
    expect(onlySpan().attributes['url.full']).toBe(full);
  });

  test('holds no parameter that is a secret, however its name is written', async () => {
    const call = outbound(async () => new Response(), tracing({ tracerProvider, redact: ['T'] }));
    await call(
      'http://users.internal/list?to%6ben=s3cret&t=s3cret&a=1&access_token=s3cret#a&code=s3cret',
    );
    expect(onlySpan().attributes['url.full']).toBe(
      'http://users.internal/list?to%6ben=REDACTED&t=REDACTED&a=1&access_token=REDACTED#a&code=REDACTED',
    );
  });

  test('shows a URL with an empty query or fragment as it is', async () => {
    const call = outbound(async () => new Response(), tracing({ tracerProvider }));
    const urls = ['http://users.internal/list?page=2#', 'http://users.internal/list?#a=1'];
    for (const url of urls) await call(url);
    expect(spans.getFinishedSpans().map(({ attributes }) => attributes['url.full'])).toEqual(urls);
  });

  test('inside retry there is one for each try, counted', async () => {
    const statuses = [503, 200];
    const call = outbound(
      async (_: Request) => new Response(null, { status: statuses.shift() ?? 500 }),
      retry({ max: 1, baseDelay: '0ms' }),
      tracing({ tracerProvider }),
    );
    await call('http://users.internal/');
    const finished = spans.getFinishedSpans();
    expect(finished.map((span) => span.attributes['http.request.resend_count'])).toEqual([
      undefined,
      1,
    ]);
    expect(finished.map((span) => span.status.code)).toEqual([
      SpanStatusCode.ERROR,
      SpanStatusCode.UNSET,
    ]);
  });

  test('a network failure is named by its kind, a 4xx is an error of the client', async () => {
    const refused = Object.assign(new TypeError('fetch failed'), {
      cause: { code: 'ECONNREFUSED' },
    });
    const failing = outbound(() => Promise.reject(refused), tracing({ tracerProvider }));
    await expect(failing('http://users.internal/')).rejects.toBe(refused);
    expect(onlySpan().attributes['error.type']).toBe('connect');
    spans.reset();
    const notFound = outbound(
      async (_: Request) => new Response(null, { status: 404 }),
      tracing({ tracerProvider }),
    );
    await notFound('http://users.internal/');
    expect(onlySpan().status.code).toBe(SpanStatusCode.ERROR);
  });

  test('what policies do is told as events of the span around them', async () => {
    const statuses = [503, 200];
    const call = outbound(
      async (_: Request) => new Response(null, { status: statuses.shift() ?? 500 }),
      tracing({ tracerProvider }),
      retry({ max: 1, baseDelay: '0ms' }),
    );
    await call('http://users.internal/');
    expect(onlySpan().events.map(({ name }) => name)).toEqual(['retry']);
  });
});

describe('propagation', () => {
  function echo(options: Parameters<typeof tracing>[0]) {
    let sent = new Headers();
    const call = outbound(async (_: Request, init?: RequestInit) => {
      sent = new Headers(init?.headers);
      return new Response();
    }, tracing(options));
    const app = inbound(
      (request) => call('http://users.internal/', undefined, contextOf(request)),
      tracing(options),
    );
    return async (headers: Record<string, string>): Promise<Headers> => {
      await app(incoming(headers));
      return sent;
    };
  }

  test('without an SDK ids are made at the ingress and passed on', async () => {
    const sent = await echo({})({});
    expect(sent.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/);
  });

  test('without an SDK the trace of a caller goes on as it came, with the same parent', async () => {
    const sent = await echo({})({ traceparent, tracestate: 'vendor=1' });
    expect(sent.get('traceparent')).toBe(traceparent);
    expect(sent.get('tracestate')).toBe('vendor=1');
  });

  test.each([
    ['whose traceparent is invalid', { traceparent: '00-0-0-0', tracestate: 'vendor=1' }],
    ['without a traceparent', { tracestate: 'vendor=1' }],
    ['that is invalid itself', { traceparent, tracestate: 'vendor=1,VENDOR=2' }],
  ])('a tracestate %s does not go on with the request', async (_, headers) => {
    let sent = new Headers();
    const gateway = inbound(
      outbound(async (_: Request, init?: RequestInit) => {
        sent = new Headers(init?.headers);
        return new Response();
      }, tracing()),
      tracing(),
    );
    await gateway(incoming(headers));
    expect(sent.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0\d$/);
    expect(sent.get('tracestate')).toBeNull();
  });

  test('the parent and the flags of B3 that came in do not go on with ids of another span', async () => {
    let sent = new Headers();
    const propagator = b3({ encoding: 'multi' });
    const gateway = inbound(
      outbound(async (_: Request, init?: RequestInit) => {
        sent = new Headers(init?.headers);
        return new Response();
      }, tracing({ propagator, tracerProvider })),
      tracing({ propagator, tracerProvider }),
    );
    const parent = '00f067aa0ba902b7';
    const ids = { 'x-b3-traceid': '4bf92f3577b34da6a3ce929d0e0e4736', 'x-b3-spanid': parent };
    await gateway(incoming({ ...ids, 'x-b3-parentspanid': parent, 'x-b3-flags': '1' }));
    expect(sent.get('x-b3-traceid')).toBe(ids['x-b3-traceid']);
    expect(sent.get('x-b3-spanid')).not.toBe(parent);
    expect(sent.get('x-b3-sampled')).toBe('1');
    expect(sent.get('x-b3-parentspanid')).toBeNull();
    expect(sent.get('x-b3-flags')).toBeNull();
  });

  test('an SDK that is registered after the first request is used from then on', async () => {
    const call = echo({});
    await call({});
    trace.setGlobalTracerProvider(tracerProvider);
    try {
      await call({});
    } finally {
      trace.disable();
    }
    expect(spans.getFinishedSpans()).toHaveLength(2);
  });

  test('without an SDK a span that somebody else made goes along, and is left to them', async () => {
    const span = tracerProvider.getTracer('app').startSpan('work');
    vi.spyOn(openTelemetry, 'active').mockReturnValue(trace.setSpan(ROOT_CONTEXT, span));
    let sent = new Headers();
    const call = outbound(async (_: Request, init?: RequestInit) => {
      sent = new Headers(init?.headers);
      return new Response();
    }, tracing());
    await call('http://users.internal/');
    vi.restoreAllMocks();
    expect(sent.get('traceparent')).toContain(span.spanContext().spanId);
    expect(span.isRecording()).toBe(true);
  });

  test('the random flag of Trace Context level 2 goes on as it came, also past an SDK', async () => {
    const call = echo({ tracerProvider });
    expect(
      (await call({ traceparent: `00-${traceId}-${parentId}-03` })).get('traceparent'),
    ).toMatch(/-03$/);
    expect((await call({ traceparent })).get('traceparent')).toMatch(/-01$/);
  });

  test('M4: B3 in, W3C and B3 out', async () => {
    const call = echo({
      tracerProvider,
      propagator: compositePropagator(w3c(), b3({ encoding: 'multi' })),
    });
    const sent = await call({
      'x-b3-traceid': 'a1b2c3d4e5f67890',
      'x-b3-spanid': parentId,
      'x-b3-sampled': '1',
    });
    expect(sent.get('x-b3-traceid')).toBe('0000000000000000a1b2c3d4e5f67890');
    expect(sent.get('x-b3-sampled')).toBe('1');
    expect(sent.get('traceparent')).toContain('0000000000000000a1b2c3d4e5f67890');
  });

  test('baggage of the request being served goes along only where that was asked for', async () => {
    const baggage = 'user_tier=gold';
    expect((await echo({})({ baggage })).get('baggage')).toBeNull();
    expect((await echo({ propagateBaggage: true })({ baggage })).get('baggage')).toBe(baggage);
  });
});
