import { expect, inject, test } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    runtime: 'node' | 'bun' | 'deno' | 'workerd';
  }
}

const userAgent = { node: /^Node/, bun: /^Bun/, deno: /^Deno/, workerd: /^Cloudflare-Workers/ };

test('the suite runs on the runtime that it is counted for', () => {
  expect(navigator.userAgent).toMatch(userAgent[inject('runtime')]);
});
