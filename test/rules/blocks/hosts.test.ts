import { describe, expect, test } from 'vitest';
import { host } from '../../../src/rules/blocks/hosts.ts';

describe('host', () => {
  test.each([
    ['shop.example', 'shop.example'],
    ['Shop.Example', 'shop.example'],
    ['*.Shop.example', '*.shop.example'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['localhost', 'localhost'],
    ['10.0.0.1', '10.0.0.1'],
    ['[::1]', '[::1]'],
    ['my_service', 'my_service'],
  ])('%s is %s', (text, canonical) => {
    expect(host.safeParse(text).data).toBe(canonical);
  });

  test.each([
    '',
    '*',
    '*.',
    '*.*.example',
    'a.*',
    'http://shop.example',
    'shop.example/',
    'shop.example:80',
    '[::1]:80',
    'user@shop.example',
    'shop example',
    'shop..example',
    'a%41',
  ])('%j is refused', (text) => {
    expect(host.safeParse(text).success).toBe(false);
  });
});
