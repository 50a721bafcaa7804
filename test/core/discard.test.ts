import { describe, expect, test } from 'vitest';
import { discard } from '../../src/core/discard.ts';
import { streamingPut, tracedBody } from '../support/bodies.ts';
import { settled } from '../support/virtual-clock.ts';

describe('discard', () => {
  test('pitfall 9: cancels the body of a response', async () => {
    const body = tracedBody(['a'], { end: 'hang' });
    discard(new Response(body.stream));
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('cancels the body of a request', async () => {
    const body = tracedBody(['a'], { end: 'hang' });
    discard(streamingPut(body.stream));
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('leaves a body to the one who reads it', async () => {
    const body = tracedBody(['a', 'b']);
    const response = new Response(body.stream);
    const text = response.text();
    discard(response);
    expect(await text).toBe('ab');
    expect(body.cancels).toBe(0);
  });

  test('takes everything: no body, a body that was read, one that failed, twice', async () => {
    const read = new Response('hello');
    await read.text();
    const failed = new Response(tracedBody([], { end: new Error('broken') }).stream);
    const reader = failed.body?.getReader();
    await reader?.read().catch(() => {});
    reader?.releaseLock();
    const cancelThrows = new Response(
      new ReadableStream({
        cancel() {
          throw new Error('no');
        },
      }),
    );
    for (const response of [new Response(null), read, failed, cancelThrows, Response.error()]) {
      expect(() => discard(response)).not.toThrow();
      expect(() => discard(response)).not.toThrow();
    }
    await settled();
  });
});
