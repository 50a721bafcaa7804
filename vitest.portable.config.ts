// For Bun and Deno, where the Workers plugin cannot be loaded: the portable tests only.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      'test/**/*.{node,process,system,workerd}.test.ts',
      // Deno cannot be asked to collect garbage.
      ...('Bun' in globalThis ? [] : ['test/**/*.garbage.test.ts']),
      'test/fixtures/**',
    ],
    setupFiles: ['test/support/setup.ts'],
    provide: { runtime: 'Bun' in globalThis ? 'bun' : 'deno' },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
