import { describe, expect, test } from 'vitest';
import { bindContext, Context, contextOf } from '../../src/core/context.ts';
import { own } from '../../src/core/own.ts';

const request = (headers: Record<string, string> = {}) =>
  new Request('http://shop.example/', { headers });
const context = Context.background();

describe('own', () => {
  test('pitfall 6: copies a request that others made, once', () => {
    const foreign = request({ 'x-a': '1' });
    const copy = own(foreign);
    expect(copy).not.toBe(foreign);
    copy.headers.set('x-a', '2');
    expect(foreign.headers.get('x-a')).toBe('1');
    expect(own(copy)).toBe(copy);
  });

  test('the body, the method and the context go with the copy', async () => {
    const foreign = new Request('http://shop.example/', { method: 'PUT', body: 'hello' });
    bindContext(foreign, context);
    const copy = own(foreign);
    expect(copy.method).toBe('PUT');
    expect(contextOf(copy)).toBe(context);
    expect(await copy.text()).toBe('hello');
  });

  test('the copy follows the signal of the request', () => {
    const caller = new AbortController();
    const copy = own(new Request('http://shop.example/', { signal: caller.signal }));
    caller.abort('gone');
    expect(copy.signal.reason).toBe('gone');
  });

  test('a request whose body was read already is refused', async () => {
    const used = new Request('http://shop.example/', { method: 'PUT', body: 'hello' });
    await used.text();
    expect(() => own(used)).toThrow(TypeError);
  });
});
