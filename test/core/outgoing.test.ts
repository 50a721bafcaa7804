import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { abortSignal } from '../../src/core/abort.ts';
import type { Middleware } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import {
  appendHeader,
  outgoingHeaders,
  outgoingInit,
  platformInit,
  removeHeader,
  setHeader,
  withoutEdits,
} from '../../src/core/outgoing.ts';

const request = (headers: Record<string, string> = {}) =>
  new Request('http://shop.example/', { headers });
const context = Context.background();

describe('header edits', () => {
  test('are seen further in, and not by the request, its owner or a sibling', () => {
    const plain = request({ 'x-a': '1' });
    const edited = setHeader(context, 'X-A', '2');
    expect(outgoingHeaders(plain, edited)).toEqual({ 'x-a': '2' });
    expect(outgoingHeaders(plain, context)).toEqual({ 'x-a': '1' });
    expect(plain.headers.get('x-a')).toBe('1');
  });

  test('append to what is there, or set', () => {
    const appended = appendHeader(context, 'X-Forwarded-For', '10.0.0.1');
    expect(outgoingHeaders(request(), appended)).toEqual({ 'x-forwarded-for': '10.0.0.1' });
    expect(outgoingHeaders(request({ 'x-forwarded-for': '1.2.3.4' }), appended)).toEqual({
      'x-forwarded-for': '1.2.3.4, 10.0.0.1',
    });
  });

  test('remove, and removing what is not there is nothing', () => {
    const removed = removeHeader(removeHeader(context, 'Authorization'), 'x-none');
    expect(outgoingHeaders(request({ authorization: 'secret' }), removed)).toEqual({});
  });

  test('apply in the order in which they were made, whatever they are', () => {
    const names = ['x-a', 'X-A', 'x-b', 'x-c'];
    const step = fc.record({
      kind: fc.constantFrom('set', 'append', 'remove'),
      name: fc.constantFrom(...names),
      value: fc.stringMatching(/^[a-z]{1,4}$/),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const model = new Headers({ 'x-a': 'start' });
        let edited = context;
        for (const { kind, name, value } of steps) {
          if (kind === 'set') {
            model.set(name, value);
            edited = setHeader(edited, name, value);
          } else if (kind === 'append') {
            model.append(name, value);
            edited = appendHeader(edited, name, value);
          } else {
            model.delete(name);
            edited = removeHeader(edited, name);
          }
        }
        const plain = request({ 'x-a': 'start' });
        expect({ ...outgoingHeaders(plain, edited) }).toEqual(Object.fromEntries(model));
      }),
    );
  });

  test('no header name reaches a prototype', () => {
    const polluting = request({ __proto__: 'x', constructor: 'y' } as Record<string, string>);
    const headers = outgoingHeaders(
      polluting,
      setHeader(setHeader(context, '__proto__', 'polluted'), 'toString', 'z'),
    );
    expect(Object.getPrototypeOf(headers)).toBeNull();
    expect(Object.keys(headers)).toContain('__proto__');
    expect(new Request(polluting, { headers }).headers.get('tostring')).toBe('z');
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test('start afresh for a request that is not made yet, and only where there were any', () => {
    const edited = setHeader(context, 'authorization', 'secret').with(platformInit, {});
    expect(outgoingInit(request(), withoutEdits(edited))).toBeUndefined();
    expect(withoutEdits(context)).toBe(context);
  });
});

describe('what the end of a chain hands over', () => {
  test('has no header left where all were taken off', async () => {
    const strip: Middleware = (next) => (request, context) =>
      next(request, removeHeader(removeHeader(context, 'x-a'), 'x-b'));
    const seen: string[][] = [];
    function look({ headers }: Request): Response {
      seen.push([...headers.keys()]);
      return new Response();
    }
    const plain = request({ 'x-a': '1', 'x-b': '2' });
    await inbound(look, strip)(plain);
    await outbound(async (sent: Request) => look(sent), strip)(plain);
    expect(seen).toEqual([[], []]);
  });

  test('pitfall 1: is nothing where nothing changed', () => {
    expect(outgoingInit(request(), context)).toBeUndefined();
  });

  test('pitfall 1: is a literal of headers, signal and platform members, never the context', () => {
    const { signal } = new AbortController();
    const edited = setHeader(context, 'x-a', '1').with(abortSignal, signal);
    const init = outgoingInit(request(), edited.with(platformInit, { proxy: 'x' } as RequestInit));
    expect(Object.getPrototypeOf(init)).toBe(Object.prototype);
    expect(Object.keys(init ?? {}).sort()).toEqual(['headers', 'proxy', 'signal']);
    expect(init?.signal).toBe(signal);
  });
});
