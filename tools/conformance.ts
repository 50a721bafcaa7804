/**
 * Runs the public corpora of a folder and prints a score for each.
 *
 * `npm run conformance -- DIR` (default: ../shared/conformance, beside this repository). Exit 1 where a case fails, or where
 * there is nothing to run; `--without-corpora` lets the folder be missing, and says so.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Corpus } from './conformance/corpus.ts';
import { istioSecurity } from './conformance/istio-security.ts';

const corpora: readonly Corpus[] = [istioSecurity];

const { values, positionals } = parseArgs({
  options: { 'without-corpora': { type: 'boolean', default: false } },
  allowPositionals: true,
});
const directory = resolve(positionals[0] ?? join(import.meta.dirname, '../../shared/conformance'));

const present = corpora.filter(({ file }) => existsSync(join(directory, file)));
if (present.length === 0) {
  const problem = existsSync(directory) ? 'holds none of the supported corpora' : 'does not exist';
  console.log(`conformance: skipped, ${directory} ${problem}`);
  process.exit(values['without-corpora'] ? 0 : 1);
}

let failed = false;
for (const { file, run } of present) {
  const { passed, failures, unsupported } = await run(
    JSON.parse(readFileSync(join(directory, file), 'utf8')),
  );
  const total = passed + failures.length;
  const left = unsupported.reduce((sum, { cases }) => sum + cases, 0);
  const rest = left === 0 ? '' : `, ${left} not supported`;
  console.log(`${file}: ${passed} of ${total}${rest}`);
  for (const failure of failures) console.log(`  failed         ${failure}`);
  for (const { name, cases, reason } of unsupported) {
    console.log(`  not supported  ${name} (${cases}): ${reason}`);
  }
  if (failures.length > 0 || total === 0) failed = true;
}
for (const { file } of corpora.filter((corpus) => !present.includes(corpus))) {
  console.log(`${file}: not there`);
}
process.exit(failed ? 1 : 0);
