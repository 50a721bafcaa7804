import { expect, test } from 'vitest';
import { copyOf } from '../../src/core/copy.ts';

const url = 'http://shop.example/';

test('copyOf takes the parts alone of what srvx made, which is no true request yet', async () => {
  const parts = { url, method: 'PUT', headers: { 'x-a': '1' }, body: new Response('hello').body };
  const client = new AbortController();
  const lazy = { runtime: {}, signal: client.signal, ...parts } as unknown as Request;
  const copy = copyOf(lazy);
  expect([copy.url, copy.method, copy.headers.get('x-a')]).toEqual([url, 'PUT', '1']);
  expect(await copy.text()).toBe('hello');
  const bare = copyOf({ ...lazy, method: 'GET', body: null }, { headers: [] });
  expect([bare.method, bare.headers.has('x-a')]).toEqual(['GET', false]);
  client.abort('gone');
  const late = copyOf({ ...lazy, method: 'GET', body: null });
  expect([copy, bare, late].map(({ signal }) => signal.reason)).toEqual(Array(3).fill('gone'));
});
