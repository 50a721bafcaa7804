import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

// Nothing is asked of the network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] ??= 'false';
process.env['WRANGLER_SEND_METRICS'] ??= 'false';

const patience = { testTimeout: 30_000, hookTimeout: 30_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{workerd,system}.test.ts', 'test/fixtures/**'],
          provide: { runtime: 'node' },
          setupFiles: ['test/support/setup.ts'],
          ...patience,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './test/wrangler.toml' } })],
        test: {
          name: 'workerd',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{node,process,system,garbage}.test.ts', 'test/fixtures/**'],
          provide: { runtime: 'workerd' },
          setupFiles: ['test/support/setup.ts'],
          ...patience,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.system.test.ts'],
          provide: { runtime: 'node' },
          setupFiles: ['test/support/setup.ts'],
          ...patience,
        },
      },
    ],
  },
});
