// For Bun and Deno, where the Workers plugin cannot be loaded: the portable tests only.
import { defineConfig } from 'vitest/config';
import { packageAlias } from './test/support/package-alias.ts';
import { testsOfSdk, thirdGeneration } from './test/support/third-generation.ts';

const common = {
  // As in vitest.config.ts.
  isolate: false,
  exclude: ['test/**/*.{node,process,system,workerd,garbage}.test.ts', 'test/fixtures/**'],
  setupFiles: ['test/support/setup.ts'],
  provide: { runtime: 'Bun' in globalThis ? ('bun' as const) : ('deno' as const) },
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias: [...packageAlias] },
        test: { ...common, name: 'portable', include: ['test/**/*.test.ts'] },
      },
      // Not on Deno, which cannot be asked to collect garbage.
      {
        resolve: { alias: [...packageAlias] },
        test: {
          ...common,
          name: 'garbage',
          isolate: true,
          include: ['test/**/*.garbage.test.ts'],
          exclude: ['test/fixtures/**'],
        },
      },
      // Once more, with the other generation of the OpenTelemetry SDK.
      {
        plugins: [thirdGeneration()],
        test: { ...common, name: 'portable-sdk3', include: [...testsOfSdk] },
      },
    ],
  },
});
