import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { packageAlias } from './test/support/package-alias.ts';
import { testsOfSdk, thirdGeneration } from './test/support/third-generation.ts';

// Nothing is asked of the network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] ??= 'false';
process.env['WRANGLER_SEND_METRICS'] ??= 'false';

const workers = () => cloudflareTest({ wrangler: { configPath: './test/wrangler.toml' } });

const resolve = { alias: [...packageAlias] };
const common = {
  // All files of a suite share their modules, which nothing keeps state in: what starting anew for each would cost is half a run.
  isolate: false,
  setupFiles: ['test/support/setup.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};
const onNode = {
  ...common,
  exclude: ['test/**/*.{workerd,system,garbage}.test.ts', 'test/fixtures/**'],
  provide: { runtime: 'node' as const },
};
const onWorkerd = {
  ...common,
  exclude: ['test/**/*.{node,process,system,garbage}.test.ts', 'test/fixtures/**'],
  provide: { runtime: 'workerd' as const },
};
const all = ['test/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      { resolve, test: { ...onNode, name: 'node', include: all } },
      // What others leave behind would have to be collected as well.
      {
        resolve,
        test: {
          ...onNode,
          name: 'node-garbage',
          isolate: true,
          include: ['test/**/*.garbage.test.ts'],
          exclude: ['test/fixtures/**'],
        },
      },
      { resolve, plugins: [workers()], test: { ...onWorkerd, name: 'workerd', include: all } },
      // Once more, with the other generation of the OpenTelemetry SDK.
      {
        plugins: [thirdGeneration()],
        test: { ...onNode, name: 'node-sdk3', include: [...testsOfSdk] },
      },
      {
        plugins: [thirdGeneration(), workers()],
        test: { ...onWorkerd, name: 'workerd-sdk3', include: [...testsOfSdk] },
      },
      {
        test: {
          ...common,
          name: 'system',
          include: ['test/**/*.system.test.ts'],
          provide: { runtime: 'node' },
        },
      },
    ],
  },
});
