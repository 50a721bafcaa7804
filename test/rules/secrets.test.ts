import { describe, expect, test } from 'vitest';
import { isSecretKey, secretSpans } from '../../src/rules/secrets.ts';

function masked(text: string): string {
  const lines = text.split('\n');
  return lines
    .map((line, index) => {
      let shown = '';
      let at = 0;
      for (const { start, end } of secretSpans(lines, index)) {
        shown += `${line.slice(at, start)}***`;
        at = end;
      }
      return shown + line.slice(at);
    })
    .join('\n');
}

describe('secretSpans', () => {
  test.each([
    ['password: hunter2', 'password: ***'],
    ['client_secret: "hun\\"ter2" # why', 'client_secret: *** # why'],
    ["x-api-key: 'hun ter2'", 'x-api-key: ***'],
    ['"token": "hunter2", "path": "/a"', '"token": ***, "path": "/a"'],
    ['{ apiKey: hunter2, path: /a }', '{ apiKey: ***, path: /a }'],
    ['tokens: [hunter2, hunter3]', 'tokens: ***'],
    ['Authorization: Bearer abc.def', 'Authorization: ***'],
    ['value: "Bearer abc.def"', 'value: "Bearer ***"'],
    ['url: http://admin:hunter2@host/x', 'url: http://***@host/x'],
    ['url: "http://host/?api_key=hunter2"', 'url: "http://host/?api_key=***'],
    ['path: /keys/:id', 'path: /keys/:id'],
    ['unsafe_methods: idempotency_key', 'unsafe_methods: idempotency_key'],
    ['cors: { credentials: true, origins: "*" }', 'cors: { credentials: true, origins: "*" }'],
    ['{ token: truest }', '{ token: *** }'],
  ])('E8: %s', (line, shown) => {
    expect(masked(line)).toBe(shown);
  });

  test('E8: what continues a secret on further lines is one too', () => {
    const text = [
      'auth:',
      '  private_key: |',
      '    -----BEGIN',
      '    abc',
      '',
      '    def',
      '  issuer: x',
      'secrets:',
      '- hunter2',
      '- a: hunter3',
      'routes: []',
    ];
    expect(masked(text.join('\n')).split('\n')).toEqual([
      'auth:',
      '  private_key: ***',
      '    ***',
      '    ***',
      '',
      '    ***',
      '  issuer: x',
      'secrets:',
      '***',
      '***',
      'routes: []',
    ]);
  });

  test('a very long line takes linear time', () => {
    expect(secretSpans(['key'.repeat(300_000)], 0)).toEqual([]);
    expect(secretSpans(['//'.repeat(300_000)], 0)).toEqual([]);
  });
});

test('isSecretKey knows the words of a key that speaks of secrets', () => {
  expect(isSecretKey('x-api-key')).toBe(true);
  expect(isSecretKey('clientSecret')).toBe(true);
  expect(isSecretKey('timeout')).toBe(false);
});
