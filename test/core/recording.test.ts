import { describe, expect, test } from 'vitest';
import { record } from '../../src/core/recording.ts';
import { bytesOf, streamingPut, tracedBody } from '../support/bodies.ts';
import { settled } from '../support/virtual-clock.ts';

const text = (bytes: Uint8Array | null | undefined): string =>
  new TextDecoder().decode(bytes ?? undefined);

describe('a body', () => {
  test('reaches its reader as it is, and the copy holds the same', async () => {
    const { request, body } = record(streamingPut(tracedBody(['hello ', 'world']).stream), 100);
    expect(text(await bytesOf(request))).toBe('hello world');
    expect(text(await body)).toBe('hello world');
  });

  test('that is absent leaves the request the same object', async () => {
    const given = new Request('http://shop.example/');
    const { request, body } = record(given, 100);
    expect(request).toBe(given);
    expect(await body).toBeNull();
  });

  test('is not read ahead of its reader', async () => {
    const traced = tracedBody(['a', 'b', 'c']);
    const { request } = record(streamingPut(traced.stream), 100);
    await settled();
    expect(traced.pulls).toBe(0);
    const reader = (request.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await settled();
    expect(traced.pulls).toBe(1);
  });

  test('that outgrows the limit has no copy, and reaches its reader whole', async () => {
    const { request, body } = record(streamingPut(tracedBody(['12345', '67890']).stream), 9);
    expect(text(await bytesOf(request))).toBe('1234567890');
    expect(await body).toBeUndefined();
  });

  test('of exactly the limit has one', async () => {
    const { request, body } = record(streamingPut(tracedBody(['12345', '67890']).stream), 10);
    await bytesOf(request);
    expect(text(await body)).toBe('1234567890');
  });

  test('that fails has no copy, and fails its reader with its own error', async () => {
    const broken = new Error('broken');
    const { request, body } = record(streamingPut(tracedBody(['a'], { end: broken }).stream), 100);
    await expect(bytesOf(request)).rejects.toBe(broken);
    expect(await body).toBeUndefined();
  });

  test('whose reader wants no more of it has no copy, and is cancelled', async () => {
    const traced = tracedBody(['a', 'b'], { end: 'hang' });
    const { request, body } = record(streamingPut(traced.stream), 100);
    await request.body?.cancel('enough');
    expect(await body).toBeUndefined();
    expect(traced.cancelReason).toBe('enough');
  });

  test('whose copy is given up reaches its reader whole', async () => {
    const recording = record(streamingPut(tracedBody(['a', 'b']).stream), 100);
    const reader = (recording.request.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    recording.giveUp();
    expect(await recording.body).toBeUndefined();
    expect(text((await reader.read()).value)).toBe('b');
    expect((await reader.read()).done).toBe(true);
  });

  test('MI-03: that its reader writes over is copied as it was', async () => {
    const { request, body } = record(streamingPut(tracedBody(['abc']).stream), 100);
    const reader = (request.body as ReadableStream<Uint8Array>).getReader();
    (await reader.read()).value?.fill(0);
    await reader.read();
    expect(text(await body)).toBe('abc');
  });

  test('that was read already is refused', async () => {
    const request = streamingPut(tracedBody(['a']).stream);
    await request.text();
    expect(() => record(request, 100)).toThrow('The body of the request has been read already');
  });
});

test('method, headers and type of the body stay', () => {
  const headers = { 'content-type': 'text/csv' };
  const given = new Request('http://shop.example/', { method: 'POST', body: 'a', headers });
  const { request } = record(given, 100);
  expect(request.method).toBe('POST');
  expect(request.headers.get('content-type')).toBe('text/csv');
});
