import { type ContextManager, context, createContextKey } from '@opentelemetry/api';
import { afterEach, describe, expect, test } from 'vitest';
import { asyncContextManager } from '../../src/telemetry/context-manager.ts';
import type { ExportResult, ReadableSpan, SpanExporter } from '../../src/telemetry/sdk.ts';
import { SpanBuffer, type SpanBufferOptions } from '../../src/telemetry/span-buffer.ts';
import type { SpanProcessor } from '../support/opentelemetry.ts';
import { endedSpan, endedSpans } from '../support/spans.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

/** What an exporter does with one batch. */
type Behaviour = (done: (result: ExportResult) => void) => void;

const succeed: Behaviour = (done) => done({ code: 0 });
const fail: Behaviour = (done) => done({ code: 1, error: new Error('refused') });
const hang: Behaviour = () => {};
const throwUp: Behaviour = () => {
  throw new Error('broken exporter');
};

/** A buffer whose exporter keeps what it gets. */
function setup(options: Partial<SpanBufferOptions> = {}, behaviour: Behaviour = succeed) {
  const clock = new VirtualClock();
  const batches: ReadableSpan[][] = [];
  let shutdowns = 0;
  const exporter: SpanExporter = {
    export(spans, done) {
      batches.push(spans);
      behaviour(done);
    },
    async shutdown() {
      shutdowns += 1;
    },
  };
  const buffer = new SpanBuffer({ exporter, clock, ...options });
  return {
    clock,
    buffer,
    batches,
    end(count: number): void {
      for (const span of endedSpans(count)) buffer.onEnd(span);
    },
    sizes: (): number[] => batches.map(({ length }) => length),
    shutdowns: (): number => shutdowns,
  };
}

afterEach(() => context.disable());

describe('on a server', () => {
  test('nothing is scheduled before the first span', () => {
    expect(setup().clock.delays).toEqual([]);
  });

  test('spans go out together, 5 s after the first', async () => {
    const { buffer, end, clock, sizes } = setup();
    end(1);
    await clock.advance(3_000);
    end(2);
    await clock.advance(1_999);
    expect(sizes()).toEqual([]);
    expect(buffer.statistics).toMatchObject({ buffered: 3, exported: 0 });
    await clock.advance(1);
    expect(sizes()).toEqual([3]);
    expect(buffer.statistics).toEqual({
      ...{ buffered: 0, inFlight: 0, exported: 3, failed: 0, dropped: 0 },
    });
    expect(clock.pending).toBe(0);
  });

  test('later spans get a time of their own', async () => {
    const { end, clock, sizes } = setup({ flushAfterMs: 1_000 });
    end(1);
    await clock.advance(1_000);
    end(1);
    await clock.advance(999);
    expect(sizes()).toEqual([1]);
    await clock.advance(1);
    expect(sizes()).toEqual([1, 1]);
  });

  test('a full batch goes out at once, but not within the request that filled it', async () => {
    const { end, clock, sizes } = setup();
    end(512);
    expect(sizes()).toEqual([]);
    await clock.advance(0);
    expect(sizes()).toEqual([512]);
  });

  test('what is beyond the batch waits its time', async () => {
    const { end, clock, sizes } = setup();
    end(600);
    await clock.advance(0);
    expect(sizes()).toEqual([512]);
    await clock.advance(5_000);
    expect(sizes()).toEqual([512, 88]);
  });

  test('batches of one go out one by one', async () => {
    const { end, clock, sizes } = setup({ maxExportBatchSize: 1 });
    end(3);
    await clock.advance(0);
    expect(sizes()).toEqual([1, 1, 1]);
  });

  test('forceFlush waits for all exports, also those that began before', async () => {
    const done: ((result: ExportResult) => void)[] = [];
    const { buffer, end, clock, sizes } = setup({}, (callback) => done.push(callback));
    end(512);
    await clock.advance(0);
    end(1);
    let flushed = false;
    buffer.forceFlush().then(() => {
      flushed = true;
    });
    await settled();
    expect(sizes()).toEqual([512, 1]);
    done[1]?.({ code: 0 });
    await settled();
    expect(flushed).toBe(false);
    done[0]?.({ code: 0 });
    await settled();
    expect(flushed).toBe(true);
  });
});

describe('on Workers (flushAfterMs: 0)', () => {
  test('nothing is ever scheduled by a span, and nothing goes out by itself', async () => {
    const { end, clock, sizes } = setup({ flushAfterMs: 0 });
    end(2_000);
    expect(clock.delays).toEqual([]);
    await clock.advance(60_000);
    expect(sizes()).toEqual([]);
  });

  test('forceFlush exports everything, in batches', async () => {
    const { buffer, end, batches } = setup({ flushAfterMs: 0 });
    end(1_100);
    await buffer.forceFlush();
    expect(batches.map(({ length }) => length)).toEqual([512, 512, 76]);
    expect(batches.flat().map(({ name }) => name)).toEqual(
      endedSpans(1_100).map(({ name }) => name),
    );
  });

  test('forceFlush does not wait for the exports of another request', async () => {
    const behaviours = [hang, succeed];
    const { buffer, end } = setup({ flushAfterMs: 0 }, (done) => behaviours.shift()?.(done));
    end(1);
    buffer.forceFlush();
    end(1);
    await buffer.forceFlush();
    expect(buffer.statistics).toMatchObject({ inFlight: 1, exported: 1 });
  });
});

describe('memory is bounded', () => {
  test('spans beyond 2048 are dropped and counted', async () => {
    const { buffer, end } = setup({ flushAfterMs: 0 });
    end(2_100);
    expect(buffer.statistics).toMatchObject({ buffered: 2_048, dropped: 52 });
    await buffer.forceFlush();
    expect(buffer.statistics).toMatchObject({ buffered: 0, exported: 2_048, dropped: 52 });
  });

  test('spans that are being exported take up room', async () => {
    const { buffer, end, clock, sizes } = setup({ maxQueueSize: 10, maxExportBatchSize: 4 }, hang);
    end(8);
    await clock.advance(0);
    expect(sizes()).toEqual([4, 4]);
    end(5);
    expect(buffer.statistics).toMatchObject({ buffered: 2, inFlight: 8, dropped: 3 });
  });

  test('an export that hangs counts as failed after 30 s, and gives up its room', async () => {
    const { buffer, end, clock } = setup({ maxQueueSize: 4, maxExportBatchSize: 4 }, hang);
    end(4);
    await clock.advance(0);
    await clock.advance(30_000);
    expect(buffer.statistics).toMatchObject({ inFlight: 0, failed: 4 });
    end(1);
    expect(buffer.statistics).toMatchObject({ buffered: 1, dropped: 0 });
  });

  test('so does one whose timer died with its request, when room is needed', async () => {
    const clock = new VirtualClock();
    const timeless = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      schedule: () => () => {},
    };
    const { buffer, end } = setup({ clock: timeless, flushAfterMs: 0, maxQueueSize: 4 }, hang);
    end(4);
    buffer.forceFlush();
    end(1);
    expect(buffer.statistics).toMatchObject({ inFlight: 4, dropped: 1 });
    await clock.advance(30_000);
    end(1);
    expect(buffer.statistics).toMatchObject({ buffered: 1, inFlight: 0, failed: 4, dropped: 1 });
  });

  test('an answer that comes after all changes nothing any more', async () => {
    const done: ((result: ExportResult) => void)[] = [];
    const { buffer, end, clock } = setup({}, (callback) => done.push(callback));
    end(1);
    await clock.advance(60_000);
    expect(buffer.statistics).toMatchObject({ failed: 1, exported: 0 });
    done[0]?.({ code: 0 });
    expect(buffer.statistics).toMatchObject({ failed: 1, exported: 0 });
  });
});

describe('an exporter in trouble', () => {
  test.each([
    ['fails', fail],
    ['throws', throwUp],
    ['answers with nothing', (done) => (done as () => void)()],
  ] satisfies [string, Behaviour][])(
    'that %s costs the spans of its batch',
    async (_, behaviour) => {
      const { buffer, end } = setup({}, behaviour);
      end(3);
      await buffer.forceFlush();
      expect(buffer.statistics).toEqual({
        ...{ buffered: 0, inFlight: 0, exported: 0, failed: 3, dropped: 0 },
      });
    },
  );
});

describe('what is kept', () => {
  test('sampled spans only', async () => {
    const { buffer, sizes } = setup();
    const unsampled = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 2 };
    buffer.onEnd(endedSpan(0, { spanContext: () => unsampled }));
    await buffer.forceFlush();
    expect(sizes()).toEqual([]);
    expect(buffer.statistics.dropped).toBe(0);
  });

  test('spans whose resource is not complete wait until it is', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const resource = {
      attributes: {},
      asyncAttributesPending: true,
      waitForAsyncAttributes: () => promise,
    };
    const { buffer, sizes } = setup();
    buffer.onEnd(endedSpan(0, { resource }));
    const flushed = buffer.forceFlush();
    await settled();
    expect(sizes()).toEqual([]);
    resolve();
    await flushed;
    expect(sizes()).toEqual([1]);
  });

  test('exporting makes no spans of its own', async () => {
    context.setGlobalContextManager(asyncContextManager() as ContextManager);
    const suppressed: unknown[] = [];
    const suppress = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
    const { buffer, end } = setup({}, (done) => {
      suppressed.push(context.active().getValue(suppress));
      done({ code: 0 });
    });
    end(1);
    await buffer.forceFlush();
    expect(suppressed).toEqual([true]);
  });
});

describe('shutdown', () => {
  test('exports what is kept, shuts the exporter down once and drops what comes later', async () => {
    const { buffer, end, sizes, shutdowns, clock } = setup();
    end(2);
    await Promise.all([buffer.shutdown(), buffer.shutdown()]);
    expect(sizes()).toEqual([2]);
    expect(shutdowns()).toBe(1);
    end(1);
    expect(buffer.statistics).toMatchObject({ buffered: 0, exported: 2, dropped: 1 });
    expect(clock.pending).toBe(0);
  });

  test('resolves where the exporter cannot be shut down', async () => {
    const exporter: SpanExporter = {
      export: () => {},
      shutdown: () => Promise.reject(new Error('broken')),
    };
    await expect(new SpanBuffer({ exporter }).shutdown()).resolves.toBeUndefined();
  });
});

test('it is a SpanProcessor of the SDK', () => {
  const processor: SpanProcessor = setup().buffer;
  expect(processor.onStart).toBeTypeOf('function');
});

describe('options that make no sense are refused', () => {
  test.each([
    [{ maxQueueSize: 0 }, 'SpanBuffer.maxQueueSize: 0 is not a whole number from 1'],
    [{ maxExportBatchSize: 0 }, 'SpanBuffer.maxExportBatchSize: 0 is not a whole number from 1'],
    [{ maxQueueSize: 10, maxExportBatchSize: 11 }, '11 is not a whole number from 1 to 10'],
    [{ flushAfterMs: -1 }, 'SpanBuffer.flushAfterMs: -1 is not a whole number from 0'],
    [{ flushAfterMs: Number.NaN }, 'SpanBuffer.flushAfterMs: NaN is not a whole number from 0'],
    [{ exportTimeoutMs: 0 }, 'SpanBuffer.exportTimeoutMs: 0 is not a whole number from 1'],
  ] satisfies [Partial<SpanBufferOptions>, string][])('%j', (options, message) => {
    expect(() => setup(options)).toThrow(RangeError);
    expect(() => setup(options)).toThrow(message);
  });
});
