import {
  type Attributes,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeTraces } from '../../src/telemetry/otlp-encoder.ts';
import {
  InMemorySpanExporter,
  JsonTraceSerializer,
  processorFor,
  type ReadableSpan,
  TracerProvider,
} from '../support/opentelemetry.ts';

/** What goes over the wire, read back. */
function ours(spans: readonly ReadableSpan[]): unknown {
  return JSON.parse(JSON.stringify(encodeTraces(spans)));
}

function official(spans: readonly ReadableSpan[]): unknown {
  const bytes = JsonTraceSerializer.serializeRequest([...spans]);
  return JSON.parse(new TextDecoder().decode(bytes));
}

type Tracing = ReturnType<typeof recorder>;

/** A provider that keeps what it records. */
function recorder(config: ConstructorParameters<typeof TracerProvider>[0] = {}) {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [processorFor(exporter)];
  const provider = new TracerProvider({ ...config, spanProcessors });
  return {
    tracer: (name = 'test', version?: string, schemaUrl?: string) =>
      provider.getTracer(name, version, schemaUrl === undefined ? {} : { schemaUrl }),
    get spans(): ReadableSpan[] {
      return exporter.getFinishedSpans();
    },
  };
}

/** A span with one attribute that the SDK would not let through. */
function withAttribute(value: unknown): ReadableSpan {
  const { tracer, spans } = recorder();
  tracer().startSpan('span').end();
  return Object.create(spans[0] as ReadableSpan, {
    attributes: { value: { value } },
  }) as ReadableSpan;
}

/** The encoded value of that attribute. */
function encoded(value: unknown): unknown {
  const { resourceSpans } = encodeTraces([withAttribute(value)]);
  return resourceSpans[0]?.scopeSpans[0]?.spans[0]?.attributes[0]?.value;
}

const remote = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
  traceState: createTraceState('vendor=one,other=two'),
};

describe('equal to the official serializer', () => {
  const cases: Record<string, (tracing: Tracing) => void> = {
    'no spans': () => {},
    'a bare span': ({ tracer }) => tracer().startSpan('bare').end(),
    'every kind of span': ({ tracer }) => {
      for (const kind of [0, 1, 2, 3, 4] satisfies SpanKind[]) {
        tracer().startSpan(`kind ${kind}`, { kind }).end();
      }
    },
    'every type of attribute': ({ tracer }) => {
      const attributes: Attributes = {
        text: 'plain',
        empty: '',
        unicode: 'Grüße 🚀 "quoted" \\ \n\u0000',
        yes: true,
        no: false,
        zero: 0,
        negative: -7,
        large: 2 ** 53,
        fraction: 1.5,
        tiny: 1e-300,
        texts: ['a', '', 'c'],
        numbers: [1, 2.5, -3],
        flags: [true, false],
        holes: ['a', null, undefined],
        none: [],
      };
      tracer().startSpan('attributes', { attributes }).end();
    },
    events: ({ tracer }) => {
      const span = tracer().startSpan('events');
      span.addEvent('bare');
      span.addEvent('with attributes', { retry: 1, why: 'reset' }, [1_700_000_000, 5]);
      span.recordException(new Error('broken'));
      span.end();
    },
    links: ({ tracer }) => {
      const links = [
        { context: remote, attributes: { relation: 'follows' } },
        { context: { ...remote, isRemote: false, traceFlags: 0 } },
      ];
      tracer().startSpan('links', { links }).end();
    },
    statuses: ({ tracer }) => {
      const statuses = [
        { code: SpanStatusCode.OK },
        { code: SpanStatusCode.ERROR },
        { code: SpanStatusCode.ERROR, message: 'no answer' },
      ];
      for (const status of statuses) tracer().startSpan('status').setStatus(status).end();
    },
    'a remote parent with a trace state, and a local child': ({ tracer }) => {
      const context = trace.setSpanContext(ROOT_CONTEXT, remote);
      const parent = tracer().startSpan('server', { kind: SpanKind.SERVER }, context);
      tracer().startSpan('client', {}, trace.setSpan(context, parent)).end();
      parent.end();
    },
    'several instrumentation scopes': ({ tracer }) => {
      tracer('one').startSpan('a').end();
      tracer('two', '1.0.0').startSpan('b').end();
      tracer('two', '2.0.0', 'https://opentelemetry.io/schemas/1.44.0').startSpan('c').end();
      tracer('one').startSpan('d').end();
    },
    'times with and without nanoseconds': ({ tracer }) => {
      tracer()
        .startSpan('times', { startTime: [1_700_000_000, 1] })
        .end([1_700_000_001, 999_999_999]);
      tracer()
        .startSpan('epoch', { startTime: [0, 5] })
        .end([0, 6]);
    },
  };

  test.each(Object.entries(cases))('%s', (_, record) => {
    const tracing = recorder();
    record(tracing);
    const { spans } = tracing;
    expect(ours(spans)).toEqual(official(spans));
  });

  test('what the limits of the SDK dropped', () => {
    const tracing = recorder({
      spanLimits: {
        attributeCountLimit: 1,
        eventCountLimit: 1,
        linkCountLimit: 1,
        attributePerEventCountLimit: 1,
        attributePerLinkCountLimit: 1,
      },
    });
    const span = tracing.tracer().startSpan('limits', {
      attributes: { a: 1, b: 2 },
      links: [{ context: remote }, { context: remote, attributes: { a: 1, b: 2 } }],
    });
    span.addEvent('first');
    span.addEvent('second', { a: 1, b: 2, c: 3 });
    span.end();
    const { spans } = tracing;
    expect(spans[0]).toMatchObject({
      droppedAttributesCount: 1,
      droppedEventsCount: 1,
      droppedLinksCount: 1,
    });
    expect(ours(spans)).toEqual(official(spans));
  });

  test('512 spans of two resources', () => {
    const one = recorder();
    const other = recorder();
    for (let index = 0; index < 512; index++) {
      const { tracer } = index % 3 === 0 ? other : one;
      const context = trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: index % 2 === 0 });
      const span = tracer(`scope ${index % 4}`).startSpan(
        `span ${index}`,
        { kind: index % 5 },
        context,
      );
      span.setAttributes({ index, 'http.route': '/orders/:id', ratio: index / 7 });
      span.addEvent('retry', { attempt: index });
      if (index % 5 === 0) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    }
    const spans = [...one.spans, ...other.spans];
    expect(ours(spans)).toEqual(official(spans));
  });

  test('values that only SDK 3 lets through: bytes, maps, nothing', () => {
    const value = {
      bytes: new Uint8Array([0, 1, 254, 255]),
      map: { list: [{ deep: true }, null, [1, [2]]], nothing: null },
      unknown: undefined,
    };
    const spans = [withAttribute(value)];
    expect(ours(spans)).toEqual(official(spans));
  });

  test('any value that JSON can hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium' }), (value) => {
        // But whole numbers beyond 64 bit: see below.
        fc.pre(!/\d{19}|e\+/.test(JSON.stringify(value)));
        const spans = [withAttribute(value)];
        expect(ours(spans)).toEqual(official(spans));
      }),
    );
  });

  test('a scope with attributes', () => {
    const { tracer, spans } = recorder();
    tracer().startSpan('span').end();
    const instrumentationScope = {
      name: 'scope',
      attributes: { 'scope.attribute': 'x' },
      droppedAttributesCount: 2,
    };
    const scoped = Object.create(spans[0] as ReadableSpan, {
      instrumentationScope: { value: instrumentationScope },
    }) as ReadableSpan;
    expect(ours([scoped])).toEqual(official([scoped]));
  });
});

describe('where the official serializer is not OTLP', () => {
  test('numbers that JSON cannot hold are written as protobuf says, and not as null', () => {
    expect(encoded(Number.NaN)).toEqual({ doubleValue: 'NaN' });
    expect(encoded(Number.POSITIVE_INFINITY)).toEqual({ doubleValue: 'Infinity' });
    expect(encoded(Number.NEGATIVE_INFINITY)).toEqual({ doubleValue: '-Infinity' });
  });

  test('whole numbers that 64 bit cannot hold are doubles', () => {
    expect(encoded(2 ** 63)).toEqual({ doubleValue: 2 ** 63 });
    expect(encoded(-(2 ** 63))).toEqual({ intValue: -(2 ** 63) });
    expect(encoded(1e21)).toEqual({ doubleValue: 1e21 });
  });

  test('the schema URL of a resource stands beside it, since the resource has no such field', () => {
    const schemaUrl = 'https://opentelemetry.io/schemas/1.44.0';
    const { tracer, spans } = recorder();
    tracer().startSpan('span').end();
    const span = Object.create(spans[0] as ReadableSpan, {
      resource: { value: { attributes: { 'service.name': 'shop' }, schemaUrl } },
    }) as ReadableSpan;
    const [resourceSpans] = encodeTraces([span]).resourceSpans;
    expect(resourceSpans).toMatchObject({ schemaUrl });
    expect(Object.keys(resourceSpans?.resource ?? {})).toEqual([
      'attributes',
      'droppedAttributesCount',
    ]);
  });
});
