import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, describe, expect, test } from 'vitest';
import {
  OTLPTraceExporter,
  type OTLPTraceExporterOptions,
  resolveTracesUrl,
} from '../../src/telemetry/exporter-trace-otlp-fetch.ts';
import { encodeTraces } from '../../src/telemetry/otlp-encoder.ts';
import type { ExportResult } from '../../src/telemetry/sdk.ts';
import { tracedBody } from '../support/bodies.ts';
import type { SpanExporter } from '../support/opentelemetry.ts';
import { endedSpan, endedSpans } from '../support/spans.ts';
import { connectionReset } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

/** What a collector does with one request. */
type Answer = (init: RequestInit) => Response | Promise<Response>;

const accept: Answer = () => new Response('{"partialSuccess":{}}');
const hang: Answer = ({ signal }) =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
/** As a `fetch` of somebody's own might. */
const hangDeaf: Answer = () => new Promise(() => {});

function status(code: number, headers: Record<string, string> = {}): Answer {
  return () => new Response(null, { status: code, headers });
}

/** An exporter, a collector that answers from a script (its last answer for ever), and virtual time. */
function setup(answers: readonly Answer[], options: OTLPTraceExporterOptions = {}) {
  const clock = new VirtualClock();
  const requests: { url: string; init: RequestInit; atMs: number }[] = [];
  const diagnostics: string[] = [];
  const began = clock.monotonic();
  const exporter = new OTLPTraceExporter({
    url: 'http://collector.example:4318/v1/traces',
    async fetch(url, init) {
      requests.push({ url, init, atMs: clock.monotonic() - began });
      const answer = answers[Math.min(requests.length, answers.length) - 1] as Answer;
      // Awaited at once: workerd reports a rejection that nobody awaits by the end of the tick.
      return await answer(init);
    },
    clock,
    random: () => 0.5,
    onDiagnostic: (message) => diagnostics.push(message),
    ...options,
  });
  const results: ExportResult[] = [];
  return {
    clock,
    requests,
    diagnostics,
    exporter,
    results,
    /** Hands over so many spans, and lets everything happen that needs no time. */
    async export(spans = 1): Promise<void> {
      exporter.export(endedSpans(spans), (result) => results.push(result));
      await settled();
    },
    /** When the requests were made, in milliseconds. */
    times: (): number[] => requests.map(({ atMs }) => atMs),
    /** What the first request was made of. */
    request(): { headers: Headers; body: BodyInit | null | undefined } {
      const { headers, body } = requests[0]?.init ?? {};
      return { headers: new Headers(headers), body };
    },
  };
}

afterEach(() => diag.disable());

describe('a request', () => {
  test('is a POST of OTLP/JSON to the URL as it was given', async () => {
    const { export: send, requests, request, results, exporter } = setup([accept]);
    await send(2);
    expect(results).toEqual([{ code: 0 }]);
    expect(requests[0]).toMatchObject({
      url: 'http://collector.example:4318/v1/traces',
      init: { method: 'POST', body: JSON.stringify(encodeTraces(endedSpans(2))) },
    });
    expect(request().headers.get('content-type')).toBe('application/json');
    expect(exporter.statistics).toMatchObject({ exported: 2, failed: 0, inFlight: 0 });
  });

  test('goes to localhost:4318 where nothing else is said', async () => {
    const urls: string[] = [];
    const exporter = new OTLPTraceExporter({
      fetch: async (url) => {
        urls.push(url);
        return new Response();
      },
    });
    await new Promise((resolve) => exporter.export([endedSpan()], resolve));
    expect(urls).toEqual(['http://localhost:4318/v1/traces']);
  });

  test('bears the given headers', async () => {
    const { export: send, request } = setup([accept], { headers: { authorization: 'Bearer x' } });
    await send();
    expect(request().headers.get('authorization')).toBe('Bearer x');
  });

  test('asks a function for its headers, for each export anew', async () => {
    let token = 0;
    const headers = async () => ({ authorization: `Bearer ${++token}` });
    const { export: send, requests } = setup([accept], { headers });
    await send();
    await send();
    const sent = requests.map(({ init }) => new Headers(init.headers).get('authorization'));
    expect(sent).toEqual(['Bearer 1', 'Bearer 2']);
  });

  test('fails where the headers cannot be had, and says nothing of what they hold', async () => {
    const headers = () => Promise.reject(new Error('secret'));
    const { export: send, results, diagnostics, exporter } = setup([accept], { headers });
    await send(3);
    expect(results[0]?.code).toBe(1);
    expect(exporter.statistics.failed).toBe(3);
    expect(diagnostics.join()).not.toContain('secret');
  });

  test('is not made for no spans', async () => {
    const { export: send, requests, results } = setup([accept]);
    await send(0);
    expect(results).toEqual([{ code: 0 }]);
    expect(requests).toEqual([]);
  });
});

describe('compression', () => {
  test('gzip from 1 KB on', async () => {
    const { exporter, request } = setup([accept], { compression: 'gzip' });
    await new Promise((resolve) => exporter.export(endedSpans(20), resolve));
    const { headers, body } = request();
    expect(headers.get('content-encoding')).toBe('gzip');
    const gunzip = new DecompressionStream('gzip');
    const plain = new Response(body).body?.pipeThrough(gunzip) ?? null;
    expect(await new Response(plain).json()).toEqual(
      JSON.parse(JSON.stringify(encodeTraces(endedSpans(20)))),
    );
  });

  test('not below', async () => {
    const { export: send, request } = setup([accept], { compression: 'gzip' });
    await send(1);
    const { headers, body } = request();
    expect(headers.has('content-encoding')).toBe(false);
    expect(typeof body).toBe('string');
  });
});

describe('tries', () => {
  test.each([429, 502, 503, 504])('%i is tried again', async (code) => {
    const { export: send, clock, results, exporter } = setup([status(code), accept]);
    await send();
    await clock.advance(1_000);
    expect(results).toEqual([{ code: 0 }]);
    expect(exporter.statistics).toMatchObject({ exported: 1, retried: 1, failed: 0 });
  });

  test.each([
    ['Node', connectionReset()],
    ['workerd', new Error('Network connection lost.')],
    ['Bun', new TypeError('Unable to connect. Is the computer able to access the url?')],
    ['nobody knows', 'a string'],
  ])('a network error in the words of %s is tried again', async (_, error) => {
    const { export: send, clock, results } = setup([() => Promise.reject(error), accept]);
    await send();
    await clock.advance(1_000);
    expect(results).toEqual([{ code: 0 }]);
  });

  test.each([400, 401, 404, 413, 500, 501])('%i is not', async (code) => {
    const { export: send, clock, requests, results, exporter } = setup([status(code)]);
    await send(4);
    await clock.advance(20_000);
    expect(requests.length).toBe(1);
    expect(results[0]?.code).toBe(1);
    expect(exporter.statistics).toMatchObject({ failed: 4, retried: 0, inFlight: 0 });
  });

  test('five in all, 1 s apart and then 1.5 times as long each time', async () => {
    const { export: send, clock, times, results, exporter } = setup([status(503)]);
    await send();
    await clock.advance(10_000);
    expect(times()).toEqual([0, 1_000, 2_500, 4_750, 8_125]);
    expect(results[0]?.code).toBe(1);
    expect(exporter.statistics).toMatchObject({ failed: 1, retried: 4 });
  });

  test.each([
    [0, [800, 1_200, 1_800, 2_700]],
    [0.999_999, [1_200, 1_800, 2_700, 4_050]],
  ])('delays are spread by 20 % (random %d)', async (random, expected) => {
    const {
      export: send,
      clock,
      times,
    } = setup([status(503)], {
      random: () => random,
      timeoutMillis: 60_000,
    });
    await send();
    await clock.advance(60_000);
    const sent = times();
    const delays = sent.slice(1).map((time, index) => Math.round(time - (sent[index] ?? 0)));
    expect(delays).toEqual(expected);
  });

  test('Retry-After in seconds is what is waited', async () => {
    const {
      export: send,
      clock,
      requests,
      results,
    } = setup([status(429, { 'retry-after': '7' }), accept]);
    await send();
    await clock.advance(6_999);
    expect(requests.length).toBe(1);
    await clock.advance(1);
    expect(results).toEqual([{ code: 0 }]);
  });

  test('Retry-After as a date is waited for', async () => {
    const {
      export: send,
      clock,
      times,
    } = setup([
      // The virtual clock begins with this year.
      status(503, { 'retry-after': 'Wed, 01 Jan 2025 00:00:03 GMT' }),
      accept,
    ]);
    await send();
    await clock.advance(10_000);
    expect(times()).toEqual([0, 3_000]);
  });

  test('a Retry-After that nobody understands is none', async () => {
    const { export: send, clock, times } = setup([status(503, { 'retry-after': '1.5' }), accept]);
    await send();
    await clock.advance(10_000);
    expect(times()).toEqual([0, 1_000]);
  });

  test('nothing is waited for where the next try would come too late', async () => {
    const {
      export: send,
      requests,
      results,
      clock,
    } = setup([status(429, { 'retry-after': '11' })]);
    await send();
    expect(results[0]?.code).toBe(1);
    expect(requests.length).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

describe('the time limit', () => {
  test.each([
    ['a collector that hangs', hang],
    ['a fetch that hangs and ignores its signal', hangDeaf],
    ['an answer whose body hangs', () => new Response(tracedBody(['{'], { end: 'hang' }).stream)],
  ] satisfies [string, Answer][])('ends %s', async (_, answer) => {
    const { export: send, clock, results, exporter } = setup([answer]);
    await send(2);
    await clock.advance(9_999);
    expect(results).toEqual([]);
    expect(exporter.statistics.inFlight).toBe(1);
    await clock.advance(1);
    expect(results[0]).toMatchObject({ code: 1 });
    expect(results[0]?.error?.message).toContain('no answer within 10000 ms');
    expect(exporter.statistics).toMatchObject({ failed: 2, inFlight: 0 });
    expect(clock.pending).toBe(0);
  });

  test('covers all tries together', async () => {
    const { export: send, clock, times, results } = setup([status(503), hang]);
    await send();
    await clock.advance(10_000);
    expect(times()).toEqual([0, 1_000]);
    expect(results[0]?.code).toBe(1);
  });

  test('covers a function that is asked for headers', async () => {
    const headers = () => new Promise<Record<string, string>>(() => {});
    const { export: send, clock, results } = setup([accept], { headers });
    await send();
    await clock.advance(10_000);
    expect(results[0]?.code).toBe(1);
  });

  test('leaves no answer unread that comes after it', async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const { export: send, clock } = setup([() => promise]);
    await send();
    await clock.advance(10_000);
    const body = tracedBody(['late']);
    resolve(new Response(body.stream));
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('an export that never settles, as on Workers after its request, makes room when it is overdue', async () => {
    const timeless = new VirtualClock();
    const results: ExportResult[] = [];
    const exporter = new OTLPTraceExporter({
      fetch: (_, init) => Promise.resolve(hang(init)),
      concurrencyLimit: 1,
      onDiagnostic: () => {},
      clock: {
        now: () => timeless.now(),
        monotonic: () => timeless.monotonic(),
        schedule: () => () => {},
      },
    });
    exporter.export(endedSpans(3), (result) => results.push(result));
    exporter.export(endedSpans(1), (result) => results.push(result));
    await settled();
    expect(exporter.statistics).toMatchObject({ inFlight: 1, dropped: 1, failed: 0 });
    await timeless.advance(10_000);
    exporter.export(endedSpans(1), (result) => results.push(result));
    await settled();
    expect(exporter.statistics).toMatchObject({ inFlight: 1, dropped: 1, failed: 3 });
  });
});

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])('%i is refused', async (code) => {
    const location = 'http://elsewhere.example/v1/traces';
    const { export: send, requests, results, diagnostics } = setup([status(code, { location })]);
    await send();
    expect(requests.length).toBe(1);
    expect(requests[0]?.init.redirect).toBe('manual');
    expect(results[0]?.code).toBe(1);
    expect(diagnostics[0]).toContain('redirect');
  });
});

describe('partial success', () => {
  test.each(['3', 3])('the rejected spans are counted and told (%j)', async (rejectedSpans) => {
    const partialSuccess = { rejectedSpans, errorMessage: 'too\nold' };
    const {
      export: send,
      results,
      diagnostics,
      exporter,
    } = setup([() => Response.json({ partialSuccess })]);
    await send(5);
    expect(results).toEqual([{ code: 0 }]);
    expect(exporter.statistics).toMatchObject({ exported: 2, rejected: 3, failed: 0, retried: 0 });
    expect(diagnostics).toEqual([
      'OTLP exporter: http://collector.example:4318/v1/traces: 3 of 5 spans rejected: "too\\nold"',
    ]);
  });

  test('a message without rejected spans is told', async () => {
    const partialSuccess = { rejectedSpans: 0, errorMessage: 'slow down' };
    const {
      export: send,
      diagnostics,
      exporter,
    } = setup([() => Response.json({ partialSuccess })]);
    await send();
    expect(exporter.statistics).toMatchObject({ exported: 1, rejected: 0 });
    expect(diagnostics[0]).toContain('slow down');
  });

  test.each([
    ['nothing', ''],
    ['no JSON', '<html>'],
    ['null', 'null'],
    ['a string', '"ok"'],
    ['odd types', '{"partialSuccess":7}'],
    ['nonsense', '{"partialSuccess":{"rejectedSpans":"many","errorMessage":""}}'],
    ['a negative count', '{"partialSuccess":{"rejectedSpans":-4}}'],
    ['too much', `{"a":"${'x'.repeat(70_000)}","partialSuccess":{"rejectedSpans":1}}`],
  ])('a 200 with %s is a success', async (_, text) => {
    const { export: send, results, exporter } = setup([() => new Response(text)]);
    await send();
    expect(results).toEqual([{ code: 0 }]);
    expect(exporter.statistics).toMatchObject({ exported: 1, rejected: 0 });
  });

  test('more rejected spans than were sent are as many as were sent', async () => {
    const { export: send, exporter } = setup([
      () => Response.json({ partialSuccess: { rejectedSpans: '9007199254740993' } }),
    ]);
    await send(2);
    expect(exporter.statistics).toMatchObject({ exported: 0, rejected: 2 });
  });

  test('a 200 whose body breaks is a success: the spans have arrived', async () => {
    const { stream } = tracedBody(['{'], { end: connectionReset() });
    const { export: send, results, requests } = setup([() => new Response(stream)]);
    await send();
    expect(results).toEqual([{ code: 0 }]);
    expect(requests.length).toBe(1);
  });
});

describe('bodies of answers', () => {
  test('are cancelled where they are not read', async () => {
    const body = tracedBody(['no'], { end: 'hang' });
    const { export: send } = setup([() => new Response(body.stream, { status: 400 })]);
    await send();
    expect(body.cancels).toBe(1);
  });

  test('are read no further than 64 KB', async () => {
    const chunk = new Uint8Array(40_000);
    const body = tracedBody([chunk, chunk, chunk, chunk]);
    const { export: send, results } = setup([() => new Response(body.stream)]);
    await send();
    expect(results).toEqual([{ code: 0 }]);
    expect(body.pulls).toBe(2);
    expect(body.cancels).toBe(1);
  });
});

describe('overload', () => {
  test('exports beyond the limit are dropped and counted', async () => {
    const { export: send, clock, requests, results, exporter } = setup([hang]);
    for (let index = 0; index < 30; index++) await send();
    expect(requests.length).toBe(30);
    await send(7);
    expect(requests.length).toBe(30);
    expect(results[0]).toMatchObject({ code: 1 });
    expect(exporter.statistics).toMatchObject({ inFlight: 30, dropped: 7, failed: 0 });
    await clock.advance(10_000);
    expect(exporter.statistics).toMatchObject({ inFlight: 0, dropped: 7, failed: 30 });
  });

  test('the limit can be chosen', async () => {
    const { export: send, requests } = setup([hang], { concurrencyLimit: 1 });
    await send();
    await send();
    expect(requests.length).toBe(1);
  });

  test('each span that was handed over is counted once', async () => {
    const {
      export: send,
      clock,
      exporter,
    } = setup(
      [accept, status(400), hang, () => Response.json({ partialSuccess: { rejectedSpans: 1 } })],
      { concurrencyLimit: 2 },
    );
    for (let spans = 1; spans <= 6; spans++) await send(spans);
    await clock.advance(10_000);
    const { exported, rejected, failed, dropped } = exporter.statistics;
    expect(exported + rejected + failed + dropped).toBe(1 + 2 + 3 + 4 + 5 + 6);
  });
});

describe('diagnostics', () => {
  test('a 404 is told once, with the URL', async () => {
    const { export: send, diagnostics } = setup([status(404)]);
    for (let index = 0; index < 3; index++) await send();
    expect(diagnostics).toEqual([
      'OTLP exporter: http://collector.example:4318/v1/traces: spans are lost: status 404; is the path right? /v1/traces is usual',
    ]);
  });

  test('the same trouble is told again after a success in between', async () => {
    const { export: send, diagnostics } = setup([status(404), status(404), accept, status(404)]);
    for (let index = 0; index < 4; index++) await send();
    expect(diagnostics.length).toBe(2);
  });

  test('port 4317 is answered with "gRPC port, use 4318"', () => {
    const { diagnostics } = setup([accept], { url: 'http://localhost:4317' });
    expect(diagnostics).toEqual([
      'OTLP exporter: http://localhost:4317/: 4317 is the gRPC port, use 4318',
    ]);
  });

  test('a query, which may hold a key, is not shown, nor the message of an error', async () => {
    const url = 'http://collector.example/v1/traces?api-key=secret';
    const leak = () => Promise.reject(new TypeError(`error sending request for url (${url})`));
    const { export: send, diagnostics, clock, results } = setup([leak], { url });
    await send();
    await clock.advance(10_000);
    expect(diagnostics.length).toBe(1);
    expect(diagnostics.join()).not.toContain('secret');
    expect(results[0]?.error?.message).not.toContain('secret');
  });

  test('they go to the API where nobody else wants them', async () => {
    const warnings: unknown[] = [];
    const ignore = () => {};
    const logger = { error: ignore, info: ignore, debug: ignore, verbose: ignore };
    const warn = (...what: unknown[]) => warnings.push(...what);
    diag.setLogger({ ...logger, warn }, DiagLogLevel.WARN);
    const fetch = async () => new Response(null, { status: 404 });
    const exporter = new OTLPTraceExporter({ fetch });
    await new Promise((resolve) => exporter.export([endedSpan()], resolve));
    expect(warnings).toEqual([expect.stringContaining('http://localhost:4318/v1/traces')]);
  });
});

describe('the contract of a SpanExporter', () => {
  test('it is one', () => {
    const exporter: SpanExporter = new OTLPTraceExporter();
    expect(exporter).toBeDefined();
  });

  test('export does not throw, whatever it is given', async () => {
    const { exporter, results } = setup([accept]);
    const broken = endedSpan(0, { spanContext: () => fail() });
    exporter.export([broken], (result) => results.push(result));
    exporter.export([endedSpan()], () => fail());
    await settled();
    expect(results).toEqual([{ code: 1, error: expect.any(Error) }]);
    expect(exporter.statistics).toMatchObject({ failed: 1, exported: 1, inFlight: 0 });
  });

  test('forceFlush waits for the exports under way', async () => {
    const { export: send, exporter, clock } = setup([hang]);
    await send();
    let flushed = false;
    exporter.forceFlush().then(() => {
      flushed = true;
    });
    await settled();
    expect(flushed).toBe(false);
    await clock.advance(10_000);
    expect(flushed).toBe(true);
  });

  test('shutdown waits for them too, and further spans are dropped', async () => {
    const { export: send, exporter, clock, requests, results } = setup([status(503), accept]);
    await send();
    const shutdown = exporter.shutdown();
    await send(2);
    expect(results).toEqual([{ code: 1, error: expect.any(Error) }]);
    await clock.advance(1_000);
    await shutdown;
    expect(requests.length).toBe(2);
    expect(exporter.statistics).toMatchObject({ exported: 1, dropped: 2 });
  });

  test('nothing is scheduled before the first export', () => {
    expect(setup([accept]).clock.delays).toEqual([]);
  });
});

function fail(): never {
  throw new Error('broken');
}

describe('options that make no sense are refused', () => {
  test.each([
    [{ url: 'localhost:4318' }, 'url: "localhost:4318" is not an http:// or https:// URL'],
    [{ url: '' }, 'url: "" is not an http:// or https:// URL'],
    [{ url: 'http://me:secret@a.example/' }, 'url: the URL for a.example has a user name'],
    [{ timeoutMillis: 0 }, 'timeoutMillis: 0 is not milliseconds above 0'],
    [{ timeoutMillis: Number.NaN }, 'timeoutMillis: NaN is not'],
    [{ timeoutMillis: 2 ** 31 }, 'timeoutMillis: 2147483648 is not'],
    [{ compression: 'br' as 'gzip' }, "compression: 'br' is not 'none' or 'gzip'"],
    [{ concurrencyLimit: 0 }, 'concurrencyLimit: 0 is not a whole number above 0'],
    [{ concurrencyLimit: 1.5 }, 'concurrencyLimit: 1.5 is not a whole number above 0'],
    [{ headers: { 'a b': 'c' } }, "headers: HTTP does not allow 'a b'"],
    [{ headers: { token: 'a\nb' } }, "headers: HTTP does not allow 'token'"],
  ] satisfies [OTLPTraceExporterOptions, string][])('%j', (options, message) => {
    expect(() => new OTLPTraceExporter(options)).toThrow(RangeError);
    expect(() => new OTLPTraceExporter(options)).toThrow(message);
    expect(() => new OTLPTraceExporter(options)).not.toThrow('secret');
  });
});

describe('resolveTracesUrl', () => {
  test.each([
    ['http://localhost:4318', 'http://localhost:4318/v1/traces'],
    ['http://localhost:4318/', 'http://localhost:4318/v1/traces'],
    ['http://localhost:4318/v1/traces', 'http://localhost:4318/v1/traces'],
    ['https://collector.example?key=1', 'https://collector.example/v1/traces?key=1'],
    ['https://collector.example/otlp', 'https://collector.example/otlp'],
    ['https://collector.example/otlp/', 'https://collector.example/otlp/'],
  ])('%s is %s', (endpoint, url) => {
    expect(resolveTracesUrl(endpoint)).toBe(url);
  });

  test.each(['', 'localhost:4318', '/v1/traces', 'grpc://localhost:4317'])(
    '%j is refused',
    (endpoint) => {
      expect(() => resolveTracesUrl(endpoint)).toThrow(RangeError);
    },
  );
});
