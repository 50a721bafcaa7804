/**
 * `fetchmesh diff`: what differs between two rules files.
 *
 * @module
 */

import { type Difference, differences } from '../rules/explain/difference.ts';
import { printable } from '../rules/quote.ts';
import { withoutSecrets } from '../rules/secrets.ts';
import type { Verb } from './main.ts';
import { readRules } from './read-rules.ts';
import { readArguments, UsageError } from './usage.ts';

const help = `fetchmesh diff: what differs between two rules files, as far as requests can tell

  npx fetchmesh diff old.yaml new.yaml
  git show HEAD:fetchmesh.yaml | npx fetchmesh diff - fetchmesh.yaml --exit-code

  A B            rules, YAML or JSON; - reads standard input
      --exit-code  1 where they differ
      --json       the same as JSON`;

const options = {
  'exit-code': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs the verb. */
export const diff: Verb = async (args) => {
  const { values, positionals } = readArguments({
    args: [...args],
    options,
    allowPositionals: true,
  });
  if (values.help) {
    console.log(help);
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
  if (values.json) console.log(JSON.stringify(found, undefined, 2));
  else console.log(found.length === 0 ? 'no difference' : found.map(render).join('\n'));
  return values['exit-code'] && found.length > 0 ? 1 : 0;
};

const signs = { added: '+', removed: '-', changed: '~', moved: '>' } as const;

function render({ subject, kind, changes }: Difference): string {
  const lines = changes.map(
    ({ key, before, after }) =>
      `    ${key.replaceAll('_', ' ').padEnd(14)}${shown(before)} → ${shown(after)}`,
  );
  const remark = kind === 'moved' ? ' is tried earlier than before' : '';
  return [`${signs[kind]} ${subject}${remark}`, ...lines].map(printable).join('\n');
}

function shown(value: string | undefined): string {
  return value === undefined ? '(none)' : withoutSecrets(value);
}
