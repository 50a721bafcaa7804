import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vitest/config';

const workspace = join(import.meta.dirname, '../fixtures/sdk3');

/**
 * The tests that run once more with the third generation of the OpenTelemetry SDK: all that use the second by way of
 * `test/support/opentelemetry.ts`, but those that use both to tell them apart.
 */
export const testsOfSdk: readonly string[] = globSync('test/**/*.test.ts').filter((file) => {
  const source = readFileSync(file, 'utf8');
  return source.includes('/support/opentelemetry.ts') && !source.includes('/fixtures/sdk3/');
});

/** Puts the SDK of `test/fixtures/sdk3`, and the API that comes with it, in the place of the second generation's. */
export function thirdGeneration(): Plugin {
  return {
    name: 'third-generation',
    enforce: 'pre',
    resolveId(id) {
      const isChosenSdk = id.endsWith('/support/opentelemetry.ts');
      if (!isChosenSdk && !id.startsWith('@opentelemetry/')) return null;
      const there = isChosenSdk ? './opentelemetry.ts' : id;
      return this.resolve(there, join(workspace, 'package.json'), { skipSelf: true });
    },
  };
}
