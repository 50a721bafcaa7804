import { describe, expect, inject, test } from 'vitest';
import {
  abortCallbacks,
  addAbortCallback,
  removeAbortCallback,
} from '../../src/core/abort-callbacks.ts';
import { copyOf, linkTo } from '../../src/core/copy.ts';
import { streamingPut, tracedBody } from '../support/bodies.ts';
import { settled } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';

describe('copyOf', () => {
  test('makes what `new Request` makes', async () => {
    const original = new Request(url, { method: 'PUT', body: 'hello', headers: { 'x-a': '1' } });
    const copy = copyOf(original, { headers: { 'x-b': '2' } });
    expect([copy.url, copy.method, copy.headers.get('x-a'), copy.headers.get('x-b')]).toEqual([
      url,
      'PUT',
      null,
      '2',
    ]);
    expect(await copy.text()).toBe('hello');
    expect(copyOf(`${url}a`).url).toBe(`${url}a`);
  });

  test('moves the body: whoever cancels the copy cancels its source', async () => {
    const body = tracedBody(['a'], { end: 'hang' });
    const copy = copyOf(streamingPut(body.stream), { headers: { 'x-a': '1' } });
    await copy.body?.cancel();
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('and its type, where the headers are left as they are', async () => {
    const headers = { 'content-type': 'text/csv', 'x-a': '1' };
    const copy = copyOf(streamingPut(tracedBody(['a', 'b']).stream, { headers }), {});
    expect(Object.fromEntries(copy.headers)).toEqual(headers);
    expect([copy.method, await copy.text()]).toEqual(['PUT', 'ab']);
  });
});

describe('linkTo', () => {
  const linkedCopy = (signal: AbortSignal): Request => {
    const link = linkTo(signal);
    const copy = new Request(url, { signal: link?.signal ?? signal });
    link?.hold(copy);
    return copy;
  };

  test('is for Node alone: elsewhere a copy follows its original by itself', () => {
    expect(linkTo(new AbortController().signal) !== undefined).toBe(inject('runtime') === 'node');
  });

  test('lets a copy hear of an abort, in that tick and with its reason', () => {
    const caller = new AbortController();
    const copies = [linkedCopy(caller.signal), linkedCopy(caller.signal)];
    caller.abort('gone');
    expect(copies.map(({ signal }) => signal.reason)).toEqual(['gone', 'gone']);
  });

  test('of one that came before it, too', () => {
    expect(linkedCopy(AbortSignal.abort('gone')).signal.reason).toBe('gone');
  });

  test('outlives all others that are to be told, and counts for none', () => {
    const caller = new AbortController();
    const copy = linkedCopy(caller.signal);
    const other = (): void => {};
    addAbortCallback(caller.signal, other);
    expect(abortCallbacks(caller.signal)).toBe(1);
    removeAbortCallback(caller.signal, other);
    caller.abort('gone');
    expect(copy.signal.reason).toBe('gone');
  });
});
