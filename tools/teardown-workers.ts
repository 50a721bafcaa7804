/**
 * `npm run teardown:workers -- --yes`: takes the shop off a Cloudflare account, in the reverse order of its deployment, and
 * deletes its rules. What is not there is passed over; what cannot be deleted keeps nothing else.
 */

import process from 'node:process';
import { deleteNamespace } from './workers/namespace.ts';
import { workers } from './workers/shop.ts';
import { StepError, wrangler } from './workers/wrangler.ts';

const steps = [...workers].reverse().map(({ name, config }) => ({
  name,
  run: () => void wrangler(['delete', '--force', '-c', config]),
}));
const all = [...steps, { name: 'the KV namespace shop-rules', run: deleteNamespace }];

if (!process.argv.includes('--yes')) {
  console.error(`This deletes, for good:
${all.map(({ name }) => `  ${name}`).join('\n')}
If that is meant: npm run teardown:workers -- --yes`);
  process.exitCode = 2;
} else {
  const left: string[] = [];
  for (const { name, run } of all) {
    try {
      run();
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      console.error(`✗ ${name}: ${error.message}`);
      left.push(name);
    }
  }
  if (left.length > 0) {
    console.error(`\nPerhaps still there: ${left.join(', ')}`);
    process.exitCode = 1;
  }
}
