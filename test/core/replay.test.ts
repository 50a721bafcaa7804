import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultReplayBytes, replay } from '../../src/core/replay.ts';
import { bytesOf, streamingPut, tracedBody } from '../support/bodies.ts';
import { settled } from '../support/virtual-clock.ts';

const large = 1_000_000;

async function read(request: Request, chunks: number): Promise<ReadableStreamDefaultReader> {
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  for (let count = 0; count < chunks; count++) await reader.read();
  return reader;
}

describe('a request without a body', () => {
  test('RT-07: is itself, each time', () => {
    const request = new Request('http://shop.example/');
    const body = replay(request, large);
    expect(body.attempt()).toBe(request);
    expect(body.attempt()).toBe(request);
    expect([body.possible, body.simultaneous]).toEqual([true, true]);
    body.commit();
  });
});

describe('a request with a body', () => {
  test('BR-02: may be sent by several at once as soon as all of it is recorded', async () => {
    const body = replay(streamingPut(tracedBody(['one', 'two']).stream), large);
    const first = await read(body.attempt(), 2);
    expect(body.simultaneous).toBe(false);
    await first.read();
    expect(body.simultaneous).toBe(true);
    const [second, third] = [body.attempt(), body.attempt()];
    expect(await Promise.all([third.text(), second.text()])).toEqual(['onetwo', 'onetwo']);
    body.commit();
    expect(body.simultaneous).toBe(false);
  });

  test('BR-02: streams it the first time and replays it the second', async () => {
    const body = replay(streamingPut(tracedBody(['one ', 'two ', 'three']).stream), large);
    expect(await body.attempt().text()).toBe('one two three');
    expect(body.possible).toBe(true);
    expect(await body.attempt().text()).toBe('one two three');
    expect(await body.attempt().text()).toBe('one two three');
  });

  test('BR-02: reads no more of it than the attempt asks for', async () => {
    const source = tracedBody(['one', 'two', 'three']);
    const body = replay(streamingPut(source.stream), large);
    const attempt = body.attempt();
    await settled();
    expect(source.pulls).toBe(0);
    await read(attempt, 1);
    await settled();
    expect(source.pulls).toBe(1);
  });

  test('BR-01: keeps method, URL and headers, the boundary of a form too', async () => {
    const form = new FormData();
    form.set('file', new Blob(['content']), 'name.txt');
    const request = new Request('http://shop.example/form?a=1', { method: 'PUT', body: form });
    const type = request.headers.get('content-type');
    const body = replay(request, large);
    const texts: string[] = [];
    for (let attempts = 0; attempts < 2; attempts++) {
      const attempt = body.attempt();
      expect(attempt.method).toBe('PUT');
      expect(attempt.url).toBe('http://shop.example/form?a=1');
      expect(attempt.headers.get('content-type')).toBe(type);
      texts.push(new TextDecoder().decode(await bytesOf(attempt)));
    }
    expect(type).toMatch(/^multipart\/form-data; ?boundary=/);
    expect(texts[0]).toContain('content');
    expect(texts[1]).toBe(texts[0]);
  });

  test.each([
    ['a string', () => 'grüße'],
    ['URLSearchParams', () => new URLSearchParams({ a: '1' })],
    ['bytes', () => new Uint8Array([0, 255, 128])],
    ['a buffer', () => new Uint8Array([1, 2]).buffer],
    ['a Blob', () => new Blob(['hello'], { type: 'text/x' })],
  ])('BR-01: %s is sent alike by every attempt, as it would be without replay', async (_, make) => {
    const init = () => ({ method: 'PUT', body: make() });
    const plain = new Request('http://shop.example/', init());
    const type = plain.headers.get('content-type');
    const bytes = await bytesOf(plain);
    const body = replay(new Request('http://shop.example/', init()), large);
    for (let attempts = 0; attempts < 3; attempts++) {
      const attempt = body.attempt();
      expect(attempt.headers.get('content-type')).toBe(type);
      expect(await bytesOf(attempt)).toEqual(bytes);
    }
  });

  test('BR-07: leaves the request of the caller as it was, but for its body', () => {
    const request = streamingPut(tracedBody(['a']).stream, { headers: { 'x-a': '1' } });
    replay(request, large).attempt().headers.set('x-a', '2');
    expect(request.headers.get('x-a')).toBe('1');
  });

  test('the signal of the caller reaches every attempt', () => {
    const caller = new AbortController();
    const request = streamingPut(tracedBody(['a']).stream, { signal: caller.signal });
    const body = replay(request, large);
    const attempts = [body.attempt(), body.attempt()];
    caller.abort('gone');
    for (const attempt of attempts) expect(attempt.signal.reason).toBe('gone');
  });

  test('a request with keepalive, which forbids streams, is replayed nevertheless', async () => {
    const request = new Request('http://shop.example/', {
      method: 'PUT',
      body: 'hello',
      keepalive: true,
    });
    const body = replay(request, large);
    expect(await body.attempt().text()).toBe('hello');
    expect(await body.attempt().text()).toBe('hello');
  });

  test('an attempt that changes or transfers its chunks changes no other attempt', async () => {
    const body = replay(streamingPut(tracedBody(['secret', 'second']).stream), large);
    const reader = (body.attempt().body as ReadableStream<Uint8Array>).getReader();
    (await reader.read()).value?.fill(0);
    const { value } = await reader.read();
    structuredClone(value, { transfer: [(value as Uint8Array<ArrayBuffer>).buffer] });
    expect(await body.attempt().text()).toBe('secretsecond');
  });
});

describe('BR-05: a body that was used before', () => {
  test('is refused when it was read', async () => {
    const request = new Request('http://shop.example/', { method: 'PUT', body: 'hello' });
    await request.text();
    expect(() => replay(request, large).attempt()).toThrow(TypeError);
  });

  test('is refused when it was read in part', async () => {
    const request = streamingPut(tracedBody(['one', 'two']).stream);
    (await read(request, 1)).releaseLock();
    expect(() => replay(request, large).attempt()).toThrow(TypeError);
  });

  test('is refused when somebody is reading it', () => {
    const request = streamingPut(tracedBody(['one', 'two']).stream);
    request.body?.getReader();
    expect(() => replay(request, large).attempt()).toThrow(TypeError);
  });
});

describe('BR-03: a body that outgrows the limit', () => {
  test('streams to its end, and no attempt can follow', async () => {
    const body = replay(streamingPut(tracedBody(['12345', '67890', 'abcde']).stream), 10);
    expect(await body.attempt().text()).toBe('1234567890abcde');
    expect(body.possible).toBe(false);
  });

  test('of exactly the limit can be replayed', async () => {
    const body = replay(streamingPut(tracedBody(['12345', '67890']).stream), 10);
    expect(await body.attempt().text()).toBe('1234567890');
    expect(body.possible).toBe(true);
    expect(await body.attempt().text()).toBe('1234567890');
  });

  test('can be replayed until it does', async () => {
    const body = replay(streamingPut(tracedBody(['12345', '67890', 'a']).stream), 10);
    await read(body.attempt(), 2);
    expect(body.possible).toBe(true);
    await read(body.attempt(), 3);
    expect(body.possible).toBe(false);
  });

  test('is whole for the attempt that took over before it did', async () => {
    const body = replay(streamingPut(tracedBody(['12345', '67890', 'abcde', 'fgh']).stream), 12);
    const first = await read(body.attempt(), 2);
    const second = body.attempt();
    // The first attempt reads on, in the background, as an upload does whose answer came early.
    const reading = first.read().catch(() => {});
    expect(await second.text()).toBe('1234567890abcdefgh');
    await reading;
    expect(body.possible).toBe(false);
  });

  test('a limit of 0 replays nothing but an empty body', async () => {
    const body = replay(streamingPut(tracedBody(['a']).stream), 0);
    expect(await body.attempt().text()).toBe('a');
    expect(body.possible).toBe(false);
    const empty = replay(streamingPut(tracedBody([]).stream), 0);
    expect(await empty.attempt().text()).toBe('');
    expect(empty.possible).toBe(true);
  });

  test('BR-04: holds no more than the limit and the chunk at hand', async () => {
    // 64 MiB in chunks of 64 KiB, of which all but the recorded ones are collected or reused.
    const chunk = new Uint8Array(65_536);
    let left = 1_024;
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (left-- === 0) controller.close();
          else controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
    const body = replay(streamingPut(source), defaultReplayBytes);
    const attempt = (body.attempt().body as ReadableStream<Uint8Array>).getReader();
    let bytes = 0;
    for (let part = await attempt.read(); !part.done; part = await attempt.read()) {
      bytes += part.value.byteLength;
      // Beyond the limit the very chunk is handed through: nothing is recorded, nothing copied.
      if (bytes > 2 * defaultReplayBytes) expect(part.value).toBe(chunk);
    }
    expect(bytes).toBe(67_108_864);
    expect(body.possible).toBe(false);
  });

  test('256 KiB are kept where nothing else is said', () => {
    expect(defaultReplayBytes).toBe(256 * 1_024);
  });
});

describe('an attempt that was replaced', () => {
  test('is cut off from the body', async () => {
    const source = tracedBody(['one', 'two', 'three']);
    const body = replay(streamingPut(source.stream), large);
    const first = await read(body.attempt(), 1);
    const second = body.attempt();
    await expect(first.read()).rejects.toThrow('A later attempt took over the body');
    expect(source.pulls).toBe(1);
    expect(await second.text()).toBe('onetwothree');
  });

  test('loses nothing of what it was reading at that moment', async () => {
    let give: (() => void) | undefined;
    let sent = 0;
    const source = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          await new Promise<void>((resolve) => {
            give = resolve;
          });
          sent += 1;
          if (sent > 2) controller.close();
          else controller.enqueue(new TextEncoder().encode(`<${sent}>`));
        },
      },
      { highWaterMark: 0 },
    );
    const body = replay(streamingPut(source), large);
    const first = (body.attempt().body as ReadableStream<Uint8Array>).getReader();
    const cutOff = first.read().catch((error: Error) => error.message);
    await settled();
    const second = body.attempt().text();
    for (let chunks = 0; chunks < 3; chunks++) {
      give?.();
      await settled();
    }
    expect(await cutOff).toBe('A later attempt took over the body');
    expect(await second).toBe('<1><2>');
  });
});

test('an attempt that takes over waits for what was being read, and reads nothing beside it', async () => {
  const asked: (() => void)[] = [];
  const source = new ReadableStream<Uint8Array>(
    {
      pull: (controller) =>
        new Promise<void>((resolve) => {
          asked.push(() => {
            controller.enqueue(new TextEncoder().encode('one'));
            resolve();
          });
        }),
    },
    { highWaterMark: 0 },
  );
  const body = replay(streamingPut(source), large);
  const cutOff = read(body.attempt(), 1).catch(() => {});
  await settled();
  const second = (body.attempt().body as ReadableStream<Uint8Array>).getReader();
  const reading = second.read();
  await settled();
  asked[0]?.();
  expect(new TextDecoder().decode((await reading).value)).toBe('one');
  await cutOff;
  await settled();
  expect(asked).toHaveLength(1);
});

describe('the last attempt', () => {
  test('sends the rest of a body that it has begun', async () => {
    const source = tracedBody(['one', 'two', 'three']);
    const body = replay(streamingPut(source.stream), large);
    const attempt = body.attempt();
    body.commit();
    expect(await attempt.text()).toBe('onetwothree');
    expect(source.cancels).toBe(0);
  });

  test('sends all that others have recorded, and the rest', async () => {
    const body = replay(streamingPut(tracedBody(['a', 'b', 'c', 'd', 'e']).stream), large);
    await read(body.attempt(), 3);
    const last = body.attempt();
    body.commit();
    expect(await last.text()).toBe('abcde');
  });
});

describe('the body of the caller', () => {
  test('that cannot be cancelled disturbs nobody', async () => {
    const stubborn = new ReadableStream<Uint8Array>(
      { cancel: () => Promise.reject(new Error('no')) },
      { highWaterMark: 0 },
    );
    const body = replay(streamingPut(stubborn), large);
    await (body.attempt().body as ReadableStream<Uint8Array>).cancel();
    // A rejection that nobody handles would fail the run.
    body.commit();
    await settled();
  });

  test('is not cancelled while another attempt may follow', async () => {
    const source = tracedBody(['one', 'two']);
    const body = replay(streamingPut(source.stream), large);
    await (await read(body.attempt(), 1)).cancel('failed');
    await settled();
    expect(source.cancels).toBe(0);
    expect(await body.attempt().text()).toBe('onetwo');
  });

  test('is cancelled when the last attempt wants no more of it', async () => {
    const source = tracedBody(['one', 'two']);
    const body = replay(streamingPut(source.stream), large);
    body.attempt();
    const last = body.attempt();
    body.commit();
    await (await read(last, 1)).cancel('enough');
    await settled();
    expect(source.cancels).toBe(1);
    expect(source.cancelReason).toBe('enough');
  });

  test('is cancelled when the attempt that wanted no more turns out to be the last', async () => {
    const source = tracedBody(['one', 'two']);
    const body = replay(streamingPut(source.stream), large);
    await (await read(body.attempt(), 1)).cancel('413, thank you');
    body.commit();
    await settled();
    expect(source.cancels).toBe(1);
  });

  test('is cancelled when an attempt wants no more of a body that outgrew the limit', async () => {
    const source = tracedBody(['12345', '67890', 'abc']);
    const body = replay(streamingPut(source.stream), 4);
    await (await read(body.attempt(), 1)).cancel();
    await settled();
    expect(source.cancels).toBe(1);
  });

  test('is not cancelled by an attempt that was replaced', async () => {
    const source = tracedBody(['one', 'two']);
    const body = replay(streamingPut(source.stream), large);
    const first = await read(body.attempt(), 1);
    const last = body.attempt();
    body.commit();
    await first.cancel().catch(() => {});
    expect(await last.text()).toBe('onetwo');
    expect(source.cancels).toBe(0);
  });

  test('BR-08: that fails by itself fails the attempt, and no other can follow', async () => {
    const broken = new Error('disk on fire');
    const body = replay(streamingPut(tracedBody(['one'], { end: broken }).stream), large);
    const reader = await read(body.attempt(), 1);
    await expect(reader.read()).rejects.toThrow('disk on fire');
    expect(body.possible).toBe(false);
  });

  test('BR-08: that fails under one attempt fails the next one too, and never ends early', async () => {
    const broken = new Error('disk on fire');
    const body = replay(streamingPut(tracedBody(['one'], { end: broken }).stream), large);
    await (await read(body.attempt(), 1)).read().catch(() => {});
    const next = await read(body.attempt(), 1);
    await expect(next.read()).rejects.toThrow('disk on fire');
  });
});

describe('for all bodies, chunkings, limits and points of failure', () => {
  const chunk = fc.uint8Array({ maxLength: 40 });
  const chunks = fc.array(chunk, { maxLength: 8 });
  /** What an attempt does: reads so many chunks, then lets go in one way or the other. */
  const failure = fc.record({
    reads: fc.nat({ max: 9 }),
    ending: fc.constantFrom('cancel', 'abandon', 'read on'),
  });

  test('BR-01: an attempt that is allowed sends the same bytes from the first to the last', async () => {
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.nat({ max: 200 }),
        fc.array(failure, { maxLength: 4 }),
        async (chunks, limit, failures) => {
          const expected = chunks.flatMap((chunk) => [...chunk]);
          const body = replay(streamingPut(tracedBody(chunks).stream), limit);
          const background: Promise<unknown>[] = [];
          let attempt = body.attempt();
          for (const { reads, ending } of failures) {
            const reader = (attempt.body as ReadableStream<Uint8Array>).getReader();
            const seen: number[] = [];
            for (let count = 0; count < reads; count++) {
              const { value, done } = await reader.read();
              if (done) break;
              seen.push(...value);
              value.fill(255);
            }
            expect(seen).toEqual(expected.slice(0, seen.length));
            // What was read of an outgrown body is gone: the caller of an attempt asks first.
            if (!body.possible) {
              for (let part = await reader.read(); !part.done; part = await reader.read()) {
                seen.push(...part.value);
              }
              expect(seen).toEqual(expected);
              return;
            }
            if (ending === 'read on') background.push(reader.read().catch(() => {}));
            attempt = body.attempt();
            if (ending === 'cancel') await reader.cancel().catch(() => {});
          }
          expect([...(await bytesOf(attempt))]).toEqual(expected);
          await Promise.all(background);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('BR-08: a body that fails is never sent as if it were whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.nat({ max: 200 }),
        fc.nat({ max: 9 }),
        async (chunks, limit, reads) => {
          const end = new Error('disk on fire');
          const body = replay(streamingPut(tracedBody(chunks, { end }).stream), limit);
          const reader = (body.attempt().body as ReadableStream<Uint8Array>).getReader();
          try {
            for (let count = 0; count < reads; count++) {
              expect((await reader.read()).done).toBe(false);
            }
          } catch (error) {
            expect(error).toBe(end);
          }
          if (!body.possible) return;
          const last = (body.attempt().body as ReadableStream<Uint8Array>).getReader();
          const toTheEnd = async () => {
            for (let part = await last.read(); !part.done; part = await last.read());
          };
          await expect(toTheEnd()).rejects.toBe(end);
        },
      ),
      { numRuns: 200 },
    );
  });
});
