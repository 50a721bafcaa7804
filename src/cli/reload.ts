/**
 * `fetchmesh reload`: tells a running gateway to read its rules again.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { readGatewayRules } from './gateway-rules.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { environmentName } from './rules-file.ts';
import { readArguments, readUpstream, UsageError } from './usage.ts';

const help = `fetchmesh reload: tell a running gateway to read its rules again

  npx fetchmesh reload --pid 4711
  npx fetchmesh reload --pid "$(cat /run/fetchmesh.pid)" -f rules.yaml

      --pid N        the process of fetchmesh serve; it gets SIGHUP
  -f, --rules FILE   checked first, as serve would: where it is wrong, nothing is sent
      --env NAME     with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
      --upstream URL that of the gateway, where it has one

The gateway says on its standard error what came of it; where the rules are wrong, those in force stay.`;

/** Runs the verb: 0 where the signal was sent, 1 where the rules are wrong. */
export const reload: Verb = async (args) => {
  const { values } = readArguments({
    args: [...args],
    options: options.reload,
    allowPositionals: false,
  });
  if (values.help) {
    printHelp(help);
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
  const upstream =
    values.upstream === undefined ? undefined : readUpstream('--upstream', values.upstream);
  if (values.rules !== undefined) {
    const environment = environmentName(values.env);
    if ((await readGatewayRules(values.rules, environment, { upstream })) === undefined) return 1;
  }
  if (await wouldEnd(pid)) {
    throw new UsageError(`process ${pid} does not hear SIGHUP, and would end: it is no gateway`);
  }
  try {
    process.kill(pid, 'SIGHUP');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'ESRCH'
        ? `there is no process ${pid}`
        : `process ${pid} cannot be told: ${code === 'EPERM' ? 'it is of another user' : message}`;
    throw new UsageError(why);
  }
  console.log(`process ${pid} reads its rules again`);
  return 0;
};

/** Whether SIGHUP would end the process. Linux alone tells; elsewhere nobody knows. */
async function wouldEnd(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const masks = [...status.matchAll(/^Sig(?:Ign|Cgt):\s*([0-9a-f]+)$/gm)];
  // SIGHUP is the first bit.
  return masks.length > 0 && masks.every(([, mask]) => (BigInt(`0x${mask}`) & 1n) === 0n);
}
