import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  abortSignal,
  deadline,
  follow,
  isTimeoutError,
  signalOf,
  timeoutError,
  unlessAborted,
} from '../../src/core/abort.ts';
import { addAbortCallback } from '../../src/core/abort-callbacks.ts';
import { Context } from '../../src/core/context.ts';
import { countListeners } from '../support/listeners.ts';

const request = (signal?: AbortSignal) =>
  new Request('http://shop.example/', signal === undefined ? {} : { signal });

describe('signalOf', () => {
  test('is the signal of the request where no policy set one', () => {
    const plain = request();
    expect(signalOf(plain, Context.background())).toBe(plain.signal);
  });

  test('is the signal of the nearest policy', () => {
    const outer = new AbortController();
    const inner = new AbortController();
    const context = Context.background()
      .with(abortSignal, outer.signal)
      .with(abortSignal, inner.signal);
    expect(signalOf(request(), context)).toBe(inner.signal);
  });

  test('there is no deadline where none was set', () => {
    expect(Context.background().get(deadline)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('unlessAborted', () => {
  test('is what the work comes to, and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    expect(await unlessAborted(signal, Promise.resolve('done'))).toBe('done');
    await expect(unlessAborted(signal, Promise.reject(new Error('failed')))).rejects.toThrow(
      'failed',
    );
    await Promise.resolve();
    expect([listeners.current, listeners.highest]).toEqual([0, 1]);
  });

  test('does not wait for work that heeds no signal', async () => {
    const controller = new AbortController();
    const waiting = unlessAborted(controller.signal, new Promise(() => {}));
    controller.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    await expect(unlessAborted(controller.signal, new Promise(() => {}))).rejects.toThrow('left');
  });
});

describe('follow', () => {
  test('TO-09: passes the reason of the parent on by identity', () => {
    const parent = new AbortController();
    const follower = follow(parent.signal);
    const reason = { why: 'the caller left' };
    parent.abort(reason);
    expect(follower.signal.aborted).toBe(true);
    expect(follower.signal.reason).toBe(reason);
  });

  test('TO-10: starts aborted where the parent is, and leaves no listener on it', () => {
    const parent = new AbortController();
    parent.abort('gone');
    const listeners = countListeners(parent.signal);
    expect(follow(parent.signal).signal.reason).toBe('gone');
    expect(listeners.highest).toBe(0);
  });

  test('TO-12: its own abort leaves the parent and the other followers as they were', () => {
    const parent = new AbortController();
    const first = follow(parent.signal);
    const second = follow(parent.signal);
    first.abort(timeoutError('too slow'));
    expect(parent.signal.aborted).toBe(false);
    expect(second.signal.aborted).toBe(false);
    expect(isTimeoutError(first.signal.reason)).toBe(true);
  });

  test('tells when it has aborted, once, and why', () => {
    const parent = new AbortController();
    const told: unknown[] = [];
    const follower = follow(parent.signal, (reason) => {
      told.push(reason, follower.signal.aborted);
    });
    follower.abort('mine');
    parent.abort('theirs');
    expect(told).toEqual(['mine', true]);
  });

  test('tells nothing once it was released, nor of a parent that had aborted before', () => {
    const parent = new AbortController();
    const told: unknown[] = [];
    const tell = (reason: unknown) => told.push(reason);
    const follower = follow(parent.signal, tell);
    follower.release(new Response('the rest takes a while'));
    parent.abort('gone');
    expect(follower.signal.reason).toBe('gone');
    expect(follow(parent.signal, tell).signal.reason).toBe('gone');
    expect(told).toEqual([]);
  });

  test('tells, whatever somebody further in throws', () => {
    const told: unknown[] = [];
    const follower = follow(new AbortController().signal, (reason) => told.push(reason));
    addAbortCallback(follower.signal, () => {
      throw new Error('inside');
    });
    expect(() => follower.abort('late')).toThrow('inside');
    expect(told).toEqual(['late']);
  });

  test('the first reason stands', () => {
    const parent = new AbortController();
    const follower = follow(parent.signal);
    follower.abort('mine');
    parent.abort('theirs');
    expect(follower.signal.reason).toBe('mine');
  });

  test.each([
    ['no response', undefined],
    ['a response without a body', new Response(null, { status: 204 })],
  ])('TO-11: lets go of the parent at once where there is %s', (_, response) => {
    const parent = new AbortController();
    const listeners = countListeners(parent.signal);
    const follower = follow(parent.signal);
    expect(listeners.current).toBe(1);
    follower.release(response);
    expect(listeners.current).toBe(0);
    parent.abort();
    expect(follower.signal.aborted).toBe(false);
  });

  test('still follows while the body of a response may be read', () => {
    const parent = new AbortController();
    const follower = follow(parent.signal);
    follower.release(new Response('the rest takes a while'));
    parent.abort('changed my mind');
    expect(follower.signal.reason).toBe('changed my mind');
  });

  test('an abort takes the listener off the parent', () => {
    const parent = new AbortController();
    const seen: string[] = [];
    const follower = follow(parent.signal);
    follower.signal.addEventListener('abort', () => {
      seen.push('once');
    });
    parent.abort();
    parent.signal.dispatchEvent(new Event('abort'));
    expect(seen).toEqual(['once']);
  });

  describe('without FinalizationRegistry, as on Workers before 2025-05-05', () => {
    afterEach(() => {
      vi.unstubAllGlobals();
    });

    test('a body is followed for as long as the parent lives', async () => {
      vi.stubGlobal('FinalizationRegistry', undefined);
      const parent = new AbortController();
      const follower = follow(parent.signal);
      follower.release(new Response('body'));
      parent.abort();
      expect(follower.signal.aborted).toBe(true);
    });
  });
});

describe('isTimeoutError', () => {
  test.each([
    [timeoutError('slow'), true],
    [new DOMException('The operation timed out.', 'TimeoutError'), true],
    [Object.assign(new Error('slow'), { name: 'TimeoutError' }), true],
    [new DOMException('gone', 'AbortError'), false],
    [new Error('TimeoutError'), false],
    ['TimeoutError', false],
    [null, false],
    [undefined, false],
    [0, false],
  ])('%o → %s', (reason, expected) => {
    expect(isTimeoutError(reason)).toBe(expected);
  });

  test('says of timeoutError what it says of AbortSignal.timeout: the name and the class agree', () => {
    expect(timeoutError('slow')).toBeInstanceOf(DOMException);
    expect(timeoutError('slow').name).toBe('TimeoutError');
    expect(timeoutError('slow').message).toBe('slow');
  });
});
