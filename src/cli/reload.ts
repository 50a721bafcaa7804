/**
 * `fetchmesh reload`: tells a running gateway to read its rules again.
 *
 * @module
 */

import process from 'node:process';
import type { Verb } from './main.ts';
import { readRules } from './read-rules.ts';
import { environmentName } from './rules-file.ts';
import { readArguments, UsageError } from './usage.ts';

const help = `fetchmesh reload: tell a running gateway to read its rules again

  npx fetchmesh reload --pid 4711
  npx fetchmesh reload --pid "$(cat /run/fetchmesh.pid)" -f rules.yaml

      --pid N        the process of fetchmesh serve; it gets SIGHUP
  -f, --rules FILE   checked first: where it is wrong, nothing is sent
      --env NAME     with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)

The gateway says on its standard error what came of it; where the rules are wrong, those in force stay.`;

const options = {
  pid: { type: 'string' },
  rules: { type: 'string', short: 'f' },
  env: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs the verb: 0 where the signal was sent, 1 where the rules are wrong. */
export const reload: Verb = async (args) => {
  const { values } = readArguments({ args: [...args], options, allowPositionals: false });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const pid = /^[1-9]\d{0,9}$/.test(values.pid ?? '') ? Number(values.pid) : undefined;
  if (pid === undefined) {
    throw new UsageError(
      values.pid === undefined
        ? 'which process? give --pid'
        : `--pid: '${values.pid}' is not the number of a process`,
    );
  }
  if (values.rules !== undefined) {
    const read = await readRules(values.rules, undefined, environmentName(values.env));
    if (read === undefined) return 1;
  }
  try {
    process.kill(pid, 'SIGHUP');
  } catch (error) {
    throw new UsageError(`process ${pid} cannot be told: ${(error as Error).message}`);
  }
  console.log(`process ${pid} reads its rules again`);
  return 0;
};
