import { describe, expect, test } from 'vitest';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { reject, rejectionOf } from '../../src/core/rejection.ts';
import { headers } from '../../src/security/headers.ts';
import { status, upstream } from '../support/upstream.ts';

const url = 'http://shop.example/';

describe('of a request', () => {
  test('some are removed, then set, then added to', async () => {
    const fetch = upstream(status(200));
    const edits = headers({
      request: {
        remove: ['Cookie', 'x-both'],
        set: { 'X-Region': 'eu', 'x-both': 'new' },
        add: { 'x-list': 'b', 'x-both': 'more', 'x-none': 'first' },
      },
    });
    await outbound(fetch, edits)(url, {
      headers: { cookie: 'a=1', 'x-both': 'old', 'x-list': 'a', 'x-region': 'us', 'x-kept': '1' },
    });
    expect(Object.fromEntries(fetch.calls[0]?.headers as Headers)).toEqual({
      'x-both': 'new, more',
      'x-kept': '1',
      'x-list': 'a, b',
      'x-none': 'first',
      'x-region': 'eu',
    });
  });

  test.each([
    ['x-region', 'x_region'],
    ['x_region', 'x-region'],
    ['x-re_gion', 'x_re-gion'],
  ])(
    'none is left that an upstream could take for one of them: %s is not %s',
    async (name, twin) => {
      const fetch = upstream(status(200));
      const asked = { headers: { [name]: 'us', [twin]: 'us', x_other: '1', 'x-other': '2' } };
      await outbound(fetch, headers({ request: { set: { [name]: 'eu' } } }))(url, asked);
      await outbound(fetch, headers({ request: { remove: [name] } }))(url, asked);
      const left = { x_other: '1', 'x-other': '2' };
      expect(fetch.calls.map((call) => Object.fromEntries(call.headers))).toEqual([
        { ...left, [name]: 'eu' },
        left,
      ]);
    },
  );

  test('are seen by an app', async () => {
    const app = inbound(
      (request) => new Response(request.headers.get('x-region')),
      headers({ request: { set: { 'x-region': 'eu' } } }),
    );
    expect(await (await app(new Request(url))).text()).toBe('eu');
  });
});

describe('of a response', () => {
  test('some are removed, then set, then added to', async () => {
    const fetch = upstream(status(200, { server: 'nginx', vary: 'accept', 'x-a': '1' }));
    const edits = headers({
      response: { remove: ['Server'], set: { 'x-a': '2' }, add: { vary: 'origin' } },
    });
    const response = await outbound(fetch, edits)(url);
    expect(response.headers.has('server')).toBe(false);
    expect(response.headers.get('x-a')).toBe('2');
    expect(response.headers.get('vary')).toBe('accept, origin');
    expect(await response.text()).toBe('status 200');
  });

  test('cookies are added, each on a line of its own', async () => {
    const fetch = upstream(status(200, { 'set-cookie': 'a=1' }));
    const response = await outbound(
      fetch,
      headers({ response: { add: { 'set-cookie': 'b=2' } } }),
    )(url);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  test('the brand of a rejection stays', async () => {
    const edits = headers({ response: { set: { 'x-a': '1' } } });
    const response = await outbound(
      upstream(() => reject('timeout')),
      edits,
    )(url);
    expect(rejectionOf(response)?.reason).toBe('timeout');
    expect(response.headers.get('x-a')).toBe('1');
  });
});

test('what is not edited passes by identity', async () => {
  const response = new Response();
  const fetch = upstream(response);
  expect(await outbound(fetch, headers({ request: { remove: ['a'] } }))(url)).toBe(response);
});
