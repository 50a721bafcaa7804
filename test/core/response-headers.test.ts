import { describe, expect, test, vi } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { withExchange } from '../../src/core/exchange.ts';
import { reject, rejectionOf } from '../../src/core/rejection.ts';
import { editResponse, ownResponse, withResponseHeaders } from '../../src/core/response-headers.ts';

describe('withResponseHeaders', () => {
  const edit = (headers: Headers) => headers.set('x-a', '2');

  test('pitfall 4: keeps status, body, each cookie, and the response that it was given', async () => {
    const headers = new Headers({ 'x-a': '1' });
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    const response = new Response('teapot', { status: 418, statusText: 'Teapot', headers });
    const copy = withResponseHeaders(response, edit);
    expect(response.headers.get('x-a')).toBe('1');
    expect(copy.headers.get('x-a')).toBe('2');
    expect(copy.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect([copy.status, copy.statusText, await copy.text()]).toEqual([418, 'Teapot', 'teapot']);
  });

  test('pitfall 6: takes a response whose headers cannot be edited', () => {
    const redirect = Response.redirect('http://shop.example/other', 302);
    const copy = withResponseHeaders(redirect, edit);
    expect(copy.status).toBe(302);
    expect(copy.headers.get('location')).toBe('http://shop.example/other');
    expect(copy.headers.get('x-a')).toBe('2');
  });

  test('keeps the brand of a rejection', () => {
    expect(rejectionOf(withResponseHeaders(reject('timeout'), edit))?.reason).toBe('timeout');
  });

  test.each([204, 205, 304])('takes a response of status %d, which has no body', (status) => {
    expect(withResponseHeaders(new Response(null, { status }), edit).headers.get('x-a')).toBe('2');
  });

  test('pitfall 5: hands back by identity what no runtime can copy', () => {
    expect(withResponseHeaders(Response.error(), edit)).toMatchObject({ type: 'error' });
    for (const status of [0, 101, 600, 999]) {
      const odd = { status } as Response;
      expect(withResponseHeaders(odd, edit)).toBe(odd);
    }
  });
});

describe('editResponse', () => {
  const one = withExchange(Context.background()).context;
  const other = withExchange(Context.background()).context;
  const append = (headers: Headers) => headers.append('x-a', '1');
  const fieldOf = ({ headers }: Response) => headers.get('x-a');

  test('edits what was just fetched in place, until the runtime refuses', async () => {
    // Others in this process may have been refused before.
    vi.resetModules();
    const { Context } = await import('../../src/core/context.ts');
    const { withExchange } = await import('../../src/core/exchange.ts');
    const { editResponse, ownResponse } = await import('../../src/core/response-headers.ts');
    const { context: one } = withExchange(Context.background());
    const fetched = new Response('hello');
    ownResponse(fetched, one);
    expect(editResponse(fetched, one, append)).toBe(fetched);
    expect(fieldOf(fetched)).toBe('1');

    const refusing = new Response('hello');
    refusing.headers.append = () => {
      throw new TypeError('immutable');
    };
    ownResponse(refusing, one);
    expect(fieldOf(editResponse(refusing, one, append))).toBe('1');
    const later = new Response('hello');
    ownResponse(later, one);
    expect(editResponse(later, one, append)).not.toBe(later);
  });

  test('copies what somebody else may hold, once: the copy is edited in place', () => {
    const given = new Response('hello');
    const copy = editResponse(given, one, append);
    expect(editResponse(copy, one, append)).toBe(copy);
    expect([fieldOf(given), fieldOf(copy)]).toEqual([null, '1, 1']);
  });

  test('copies what another exchange made: it may be an answer that is kept', () => {
    const kept = editResponse(new Response(), one, append);
    const [first, second] = [1, 2].map(() => editResponse(kept, other, append)) as [
      Response,
      Response,
    ];
    expect(first).not.toBe(second);
    expect([kept, first, second].map(fieldOf)).toEqual(['1', '1, 1', '1, 1']);
  });

  test('copies where there is no exchange to own it', () => {
    const copy = editResponse(new Response(), Context.background(), append);
    expect(editResponse(copy, Context.background(), append)).not.toBe(copy);
  });

  test('copies what cannot be edited, whole', () => {
    const redirect = Response.redirect('http://shop.example/other', 302);
    ownResponse(redirect, one);
    expect(fieldOf(editResponse(redirect, one, append))).toBe('1');
  });

  test('keeps the brand of a rejection', () => {
    expect(rejectionOf(editResponse(reject('timeout'), one, append))?.reason).toBe('timeout');
  });
});
