/**
 * `fetchmesh build`: rules as checked JSON, for gateways that hold no parser.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { fileProblem } from './file-problem.ts';
import { readGatewayRules } from './gateway-rules.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { environmentName } from './rules-file.ts';
import { readArguments, UsageError } from './usage.ts';

const help = `fetchmesh build: check a rules file and write it as JSON, for a Worker

  npx fetchmesh build -f rules.yaml -o rules.json
  npx fetchmesh build | npx wrangler kv key put --binding RULES rules/shop/r/1 --path /dev/stdin

  -f, --rules FILE   rules, YAML or JSON (default: fetchmesh.yaml, then rules.yaml)
      --env NAME     with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
  -o, --output FILE  where the JSON goes (default: standard output)

Values of the environment, \${NAME}, are put in here: what is written holds them.`;

/** Runs the verb: 0 where the JSON was written, 1 where the rules are wrong. */
export const build: Verb = async (args) => {
  const { values } = readArguments({
    args: [...args],
    options: options.build,
    allowPositionals: false,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const rules = await readGatewayRules(values.rules, environmentName(values.env), {
    target: 'worker',
  });
  if (rules === undefined) return 1;
  if (rules.tls !== undefined) {
    console.error('fetchmesh: `tls` is for `serve`; on Workers the platform ends TLS');
  }
  const json = `${JSON.stringify(rules, undefined, 2)}\n`;
  if (values.output === undefined) {
    process.stdout.write(json);
    return 0;
  }
  try {
    await writeFile(values.output, json);
  } catch (error) {
    throw new UsageError(`cannot write ${values.output}: ${fileProblem(error, 'write')}`);
  }
  return 0;
};
