/**
 * `fetchmesh diff`: what differs between two rules files.
 *
 * @module
 */

import { differences } from '../rules/explain/difference.ts';
import { differencesRecord, renderDifferences } from './differences.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { readRules } from './read-rules.ts';
import { readArguments, UsageError } from './usage.ts';

const help = `fetchmesh diff: what differs between two rules files, as far as requests can tell

  npx fetchmesh diff old.yaml new.yaml
  git show HEAD:fetchmesh.yaml | npx fetchmesh diff - fetchmesh.yaml --exit-code

  A B            rules, YAML or JSON; - reads standard input
      --exit-code  1 where they differ
      --json       the same as JSON`;

/** Runs the verb. */
export const diff: Verb = async (args) => {
  const { values, positionals } = readArguments({
    args: [...args],
    options: options.diff,
    allowPositionals: true,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const [first, second, ...rest] = positionals;
  if (first === undefined || second === undefined || rest.length > 0) {
    throw new UsageError('give two files, such as: old.yaml new.yaml');
  }
  const before = await readRules(first);
  const after = await readRules(second);
  if (before === undefined || after === undefined) return 2;
  const found = differences(before, after);
  console.log(
    values.json ? JSON.stringify(differencesRecord(found), undefined, 2) : renderDifferences(found),
  );
  return values['exit-code'] && found.length > 0 ? 1 : 0;
};
