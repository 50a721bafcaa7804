import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outbound } from '../../src/core/outbound.ts';
import { bytesOf, streamingPut, tracedBody } from '../support/bodies.ts';
import { retryTrial } from '../support/retrying.ts';
import { type Answer, connectionReset, stalled, status, upstream } from '../support/upstream.ts';

const url = 'http://shop.example/';

let { clock, events, retrying, call } = retryTrial();

beforeEach(() => {
  ({ clock, events, retrying, call } = retryTrial());
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

describe('a body', () => {
  const echo: Answer = async (request) => new Response(await request.text());
  const readThenFail: Answer = async (request) => {
    await request.text();
    return new Response(null, { status: 503 });
  };

  test('BR-01: is sent whole by every try', async () => {
    const { response } = await call(
      [
        readThenFail,
        async (request) => {
          await request.body?.getReader().read();
          throw connectionReset();
        },
        echo,
      ],
      {},
      streamingPut(tracedBody(['one ', 'two ', 'three']).stream),
    );
    expect(await response?.text()).toBe('one two three');
  });

  test('BR-03: that outgrew the limit is not sent again, and an event says why', async () => {
    const { fetch, response } = await call(
      [readThenFail],
      { maxReplayBytes: 4 },
      streamingPut(tracedBody(['12345']).stream),
    );
    expect(fetch.calls).toHaveLength(1);
    expect(response?.status).toBe(503);
    expect(events).toEqual([{ name: 'replay_skipped', attributes: { bytes: 4 } }]);
  });

  test('is whole also where the failed try reads on while the next one waits', async () => {
    // An upload whose answer came early: 503, and the connection still takes bytes.
    const background: Promise<unknown>[] = [];
    const { response } = await call(
      [
        (request) => {
          background.push(bytesOf(request).catch(() => {}));
          return new Response(null, { status: 503 });
        },
        echo,
      ],
      { maxReplayBytes: 12 },
      streamingPut(tracedBody(['12345', '67890', 'abcde', 'fghij']).stream),
    );
    expect(await response?.text()).toBe('1234567890abcdefghij');
    await Promise.all(background);
  });

  test('BR-05: that was read before is refused before any call', async () => {
    const used = new Request(url, { method: 'PUT', body: 'hello' });
    await used.text();
    const { fetch, error } = await call([echo], {}, used);
    expect(error).toBeInstanceOf(TypeError);
    expect(fetch.calls).toHaveLength(0);
  });

  test('BR-07: the request of the caller is not changed', async () => {
    const request = streamingPut(tracedBody(['a']).stream, { headers: { 'x-a': '1' } });
    const { fetch } = await call([readThenFail], {}, request);
    expect(fetch.calls[0]?.request).not.toBe(request);
    expect([...request.headers.keys()]).toContain('x-a');
  });

  test('BR-08: that fails by itself is not sent again', async () => {
    const broken = new Error('disk on fire');
    const { fetch, error } = await call(
      // In the words of Node, which wraps what the stream of the caller failed with.
      [
        async (request) => {
          try {
            await bytesOf(request);
          } catch (cause) {
            throw new TypeError('fetch failed', { cause });
          }
          return new Response();
        },
      ],
      {},
      streamingPut(tracedBody(['half'], { end: broken }).stream),
    );
    expect(fetch.calls).toHaveLength(1);
    expect((error as Error).cause).toBe(broken);
  });

  test('that an early answer made needless is cancelled', async () => {
    const source = tracedBody(['one', 'two', 'three']);
    const tooLarge: Answer = async (request) => {
      const reader = (request.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await reader.cancel();
      return new Response(null, { status: 413 });
    };
    const { response } = await call([tooLarge], {}, streamingPut(source.stream));
    expect(response?.status).toBe(413);
    expect(source.cancels).toBe(1);
  });

  test('that the last try cancels is cancelled at once, although the try goes on', async () => {
    const source = tracedBody(['one', 'two', 'three'], { end: 'hang' });
    const caller = new AbortController();
    const shop = outbound(
      upstream(status(503), async (request, init) => {
        await request.body?.cancel();
        return stalled(request, init);
      }),
      retrying({ max: 1, baseDelay: '0s' }),
    );
    const answer = shop(streamingPut(source.stream, { signal: caller.signal }));
    answer.catch(() => {});
    await clock.advance(0);
    expect(source.cancels).toBe(1);
    caller.abort('gone');
    await expect(answer).rejects.toBe('gone');
  });

  test('for all chunkings, limits and points of failure: what arrives is whole, or is not sent again', async () => {
    const step = fc.record({
      reads: fc.nat({ max: 6 }),
      ending: fc.constantFrom('respond', 'cancel and respond', 'respond and read on', 'fail'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 }),
        fc.nat({ max: 80 }),
        fc.array(step, { minLength: 1, maxLength: 3 }),
        async (chunks, maxReplayBytes, steps) => {
          ({ clock, events, call } = retryTrial());
          const whole = chunks.flatMap((chunk) => [...chunk]);
          const background: Promise<unknown>[] = [];
          const failing = steps.map(
            ({ reads, ending }): Answer =>
              async (request) => {
                const reader = (request.body as ReadableStream<Uint8Array>).getReader();
                let position = 0;
                for (let count = 0; count < reads; count++) {
                  const { value, done } = await reader.read();
                  if (done) break;
                  expect([...value]).toEqual(whole.slice(position, position + value.length));
                  position += value.length;
                }
                if (ending === 'fail') throw connectionReset();
                if (ending === 'cancel and respond') await reader.cancel();
                if (ending === 'respond and read on') {
                  const toTheEnd = async () => {
                    for (let part = await reader.read(); !part.done; part = await reader.read());
                  };
                  background.push(toTheEnd().catch(() => {}));
                }
                return new Response(null, { status: 503 });
              },
          );
          let arrived: number[] | undefined;
          const { fetch, response } = await call(
            [
              ...failing,
              async (request) => {
                arrived = [...(await bytesOf(request))];
                return new Response('done');
              },
            ],
            { maxReplayBytes, max: 5 },
            streamingPut(tracedBody(chunks).stream),
          );
          if (response?.status === 200) expect(arrived).toEqual(whole);
          else {
            expect(fetch.calls.length).toBeLessThanOrEqual(steps.length);
            expect(events.at(-1)?.name).toBe('replay_skipped');
            expect(whole.length).toBeGreaterThan(maxReplayBytes);
          }
          await Promise.all(background);
        },
      ),
      { numRuns: 60 },
    );
  });
});
