import { describe, expect, test } from 'vitest';
import {
  abortCallbacks,
  addAbortCallback,
  Callbacks,
  endsWithRequest,
  keepAbortCallback,
  mayKeep,
  removeAbortCallback,
  tellsItself,
} from '../../src/core/abort-callbacks.ts';

describe.each(['by its listener', 'by its owner'])('callbacks of a signal, told %s', (how) => {
  function make(): { signal: AbortSignal; abort: () => void; registered: Set<unknown> } {
    const controller = new AbortController();
    const { signal } = controller;
    const registered = new Set<unknown>();
    signal.addEventListener = (_: string, listener: unknown) => registered.add(listener);
    signal.removeEventListener = (type: string, listener: unknown) =>
      type === 'abort' && registered.delete(listener);
    const callbacks = new Callbacks();
    if (how === 'by its owner') tellsItself(signal, callbacks);
    const abort = (): void => {
      controller.abort();
      for (const listener of registered)
        (listener as EventListenerObject).handleEvent(new Event('abort'));
      callbacks.handleEvent();
    };
    return { signal, abort, registered };
  }

  test('are told once each, in their order, in the tick of the abort', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    for (const name of ['a', 'b', 'c']) addAbortCallback(signal, () => told.push(name));
    abort();
    expect(told).toEqual(['a', 'b', 'c']);
    abort();
    expect(told).toHaveLength(3);
  });

  test('share one listener at most, which goes with the last of them', () => {
    const { signal, registered } = make();
    const callbacks = [() => {}, () => {}];
    for (const callback of callbacks) addAbortCallback(signal, callback);
    expect(abortCallbacks(signal)).toBe(2);
    expect(registered.size).toBe(how === 'by its owner' ? 0 : 1);
    for (const callback of callbacks) removeAbortCallback(signal, callback);
    expect(registered.size).toBe(0);
    expect(abortCallbacks(signal)).toBe(0);
    const alone = () => {};
    addAbortCallback(signal, alone);
    removeAbortCallback(signal, alone);
    expect(registered.size).toBe(0);
  });

  test('are told once however often they were added', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const callbacks = ['a', 'b'].map((name) => () => void told.push(name));
    for (const callback of [...callbacks, ...callbacks]) addAbortCallback(signal, callback);
    abort();
    expect(told).toEqual(['a', 'b']);
  });

  test('hear nothing once they are taken back, twice even', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const gone = (): void => void told.push('gone');
    addAbortCallback(signal, gone);
    addAbortCallback(signal, () => told.push('stays'));
    removeAbortCallback(signal, gone);
    removeAbortCallback(signal, gone);
    abort();
    expect(told).toEqual(['stays']);
  });

  test('one that takes another back while they are told does no harm', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const second = (): void => void told.push('second');
    addAbortCallback(signal, () => removeAbortCallback(signal, second));
    addAbortCallback(signal, second);
    addAbortCallback(signal, () => told.push('third'));
    abort();
    expect(told.at(-1)).toBe('third');
  });

  test('of a signal that has aborted are never called, nor kept', () => {
    const { signal, abort } = make();
    abort();
    addAbortCallback(signal, () => expect.unreachable());
    expect(abortCallbacks(signal)).toBe(0);
    removeAbortCallback(signal, () => {});
  });
});

test('one that throws keeps none of the others from hearing of the abort', () => {
  const { signal } = new AbortController();
  const callbacks = new Callbacks();
  tellsItself(signal, callbacks);
  const [first, second] = [new Error('first'), new Error('second')];
  let told = 0;
  for (const error of [first, second]) {
    addAbortCallback(signal, () => {
      throw error;
    });
  }
  addAbortCallback(signal, () => {
    told += 1;
  });
  let failure: unknown;
  try {
    callbacks.handleEvent();
  } catch (error) {
    failure = error;
  }
  expect(failure).toBe(first);
  expect(told).toBe(1);
});

test('only a signal of one’s own keeps callbacks for good, and only as many as a request has tries', () => {
  const own = new AbortController().signal;
  tellsItself(own, new Callbacks());
  const foreign = new AbortController().signal;
  addAbortCallback(foreign, () => {});
  expect([own, foreign, new AbortController().signal].map(mayKeep)).toEqual([true, false, false]);
  for (let tries = 0; tries < 4; tries++) addAbortCallback(own, () => {});
  expect(mayKeep(own)).toBe(true);
  addAbortCallback(own, () => {});
  expect(mayKeep(own)).toBe(false);
});

test('a signal tells them by itself', () => {
  const controller = new AbortController();
  let told = 0;
  addAbortCallback(controller.signal, () => {
    told += 1;
  });
  controller.abort();
  expect(told).toBe(1);
  expect(abortCallbacks(controller.signal)).toBe(0);
});

describe('what stays on a signal', () => {
  test('is told with the others, and counts for none of them', () => {
    const controller = new AbortController();
    const { signal } = controller;
    const told: string[] = [];
    keepAbortCallback(signal, () => told.push('kept'));
    keepAbortCallback(signal, () => told.push('kept too'));
    const gone = (): void => void told.push('gone');
    addAbortCallback(signal, gone);
    addAbortCallback(signal, () => told.push('there'));
    removeAbortCallback(signal, gone);
    expect(abortCallbacks(signal)).toBe(1);
    controller.abort();
    expect(told).toEqual(['there', 'kept', 'kept too']);
  });

  test('is never told of an abort that came before', () => {
    keepAbortCallback(AbortSignal.abort(), () => expect.unreachable());
  });

  test('may be a few, where the signal ends with its request', () => {
    const { signal } = new AbortController();
    expect(mayKeep(signal)).toBe(false);
    endsWithRequest(signal);
    expect(mayKeep(signal)).toBe(true);
    for (let count = 0; count < 4; count++) addAbortCallback(signal, () => count);
    expect(mayKeep(signal)).toBe(true);
    addAbortCallback(signal, () => {});
    expect(mayKeep(signal)).toBe(false);
  });
});
