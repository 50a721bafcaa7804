import { describe, expect, test } from 'vitest';
import { collectorUrl, upstreamUrl } from '../../../src/rules/blocks/url.ts';

describe('upstreamUrl', () => {
  test.each([
    ['http://10.0.0.1:8080', 'http://10.0.0.1:8080'],
    ['https://Pay.Internal/', 'https://pay.internal'],
    ['https://pay.internal:443/base/', 'https://pay.internal/base'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
  ])('%s is %s', (text, canonical) => {
    expect(upstreamUrl.safeParse(text).data).toBe(canonical);
  });

  test.each([
    '',
    'web.internal',
    'localhost:3000',
    '//web.internal',
    'ftp://web.internal',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://',
    'http://a:b@web.internal',
    'http://a@web.internal',
    'http://web.internal?a',
    'http://web.internal#a',
  ])('%j is refused', (text) => {
    expect(upstreamUrl.safeParse(text).success).toBe(false);
  });
});

test('collectorUrl may be empty: nowhere', () => {
  expect(collectorUrl.safeParse('').data).toBe('');
  expect(collectorUrl.safeParse('http://a:4318/v1/traces?x=y').success).toBe(true);
  expect(collectorUrl.safeParse('a:4318').success).toBe(false);
});
