import { describe, expect, test } from 'vitest';
import { compileKey } from '../../../src/routing/key-expression.ts';
import { keyExpression, method, serviceName } from '../../../src/rules/blocks/names.ts';

describe('keyExpression', () => {
  test.each([
    'ip',
    'route',
    'global',
    'header:x-user-id',
    'cookie:sid',
    'query:tenant',
    'baggage:tenant',
    'jwt:sub',
  ])('%s is one, here and for who compiles it', (text) => {
    expect(keyExpression.safeParse(text).data).toBe(text);
    expect(compileKey(text, 'route')).toBeDefined();
  });

  test.each(['', 'ips', 'header', 'header:', ':sid', 'cookie:a b', 'ip:x', 'jwt:', 'constructor'])(
    '%j is refused',
    (text) => {
      expect(keyExpression.safeParse(text).success).toBe(false);
    },
  );
});

describe('method', () => {
  test.each(['GET', 'QUERY', 'PROPFIND', 'M-SEARCH'])('%s is one', (text) => {
    expect(method.safeParse(text).success).toBe(true);
  });

  test.each(['', 'get', 'Get', 'GTE', 'POTS', 'CONNECT', 'GET ', 'G1'])('%j is refused', (text) => {
    expect(method.safeParse(text).success).toBe(false);
  });
});

test('names have letters, digits, dots, lines, and an end', () => {
  for (const name of ['web', 'v1.2', '_a', 'a-b', '1a', 'constructor']) {
    expect(serviceName.safeParse(name).success, name).toBe(true);
  }
  for (const name of ['', '-a', '.a', 'a b', 'a@b', 'a/b', 'ä', '1', 'a'.repeat(64)]) {
    expect(serviceName.safeParse(name).success, name).toBe(false);
  }
});
