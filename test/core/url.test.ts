import { expect, test } from 'vitest';
import { urlOf } from '../../src/core/url.ts';

test('a URL is parsed once for each request', () => {
  const request = new Request('http://shop.example/users?page=2');
  expect(urlOf(request)).toMatchObject({ pathname: '/users', search: '?page=2' });
  expect(urlOf(request)).toBe(urlOf(request));
  expect(urlOf(new Request('http://shop.example/orders')).pathname).toBe('/orders');
});

test('a copy of a request has a URL of its own', () => {
  const request = new Request('http://shop.example/users');
  const original = urlOf(request);
  expect(urlOf(new Request('http://users.internal/', request)).hostname).toBe('users.internal');
  expect(urlOf(request)).toBe(original);
});
