import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundedKey } from '../../src/core/bounded-key.ts';

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

test('RL-10 keys of up to 64 characters stay as they are', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 64 }), (text) => {
      expect(boundedKey(text)).toBe(text);
    }),
    { seed: 1 },
  );
});

test("RL-10 longer ones become their SHA-256: WebCrypto's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 65, maxLength: 400, unit: 'binary' }), async (text) => {
      expect(boundedKey(text)).toBe(`#${await sha256(text)}`);
    }),
    { seed: 2, numRuns: 200 },
  );
});

test.each([65, 118, 119, 120, 127, 128, 129, 65_536])(
  'at the edge of a block: %i',
  async (length) => {
    const text = 'a'.repeat(length);
    expect(boundedKey(text)).toBe(`#${await sha256(text)}`);
  },
);

test('no text that is kept looks like the key of another one', () => {
  const long = boundedKey('a'.repeat(100));
  expect(boundedKey(long)).not.toBe(long);
});
