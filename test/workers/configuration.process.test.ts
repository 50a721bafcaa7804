/** What the shop's Workers are built and deployed with. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { builtRules, rulesFiles, workers } from '../../tools/workers/shop.ts';

test.each(rulesFiles)('%s is built', (source, built) => {
  expect(readFileSync(built, 'utf8'), 'node tools/workers/build-rules.ts').toBe(builtRules(source));
});

test('each Worker is bound to ones that are deployed before it', () => {
  const deployed = new Set<string>();
  for (const { name, config } of workers) {
    const read = unstable_readConfig({ config }, { hideWarnings: true });
    expect(read.name).toBe(name);
    expect(read.compatibility_date).toBe('2025-06-01');
    expect(read.compatibility_flags).toEqual([]);
    // Nobody but the gateway can be reached from outside.
    expect(read.workers_dev).toBe(name === 'shop-gateway');
    for (const { service } of read.services ?? []) expect(deployed).toContain(service);
    deployed.add(name);
  }
});
