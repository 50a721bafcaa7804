/**
 * `fetchmesh rollback`: goes back to earlier rules of a store.
 *
 * @module
 */

import { rollBackRules } from '../rules/sources/store.ts';
import type { Verb } from './main.ts';
import { withRulesStore } from './rules-store.ts';
import { readArguments, readCount, UsageError } from './usage.ts';

const help = `fetchmesh rollback: go back to the rules before, in a store that gateways follow

  npx fetchmesh rollback --to redis://localhost:6379
  npx fetchmesh rollback --to redis://localhost:6379 --revision 7

      --to URL       the store: redis://…, rediss://… or, on Deno, deno-kv:PATH
      --name NAME    which rules of that store (default: default)
      --revision N   which revision (default: the one before that in force)

The earlier rules are published anew, as a revision of their own. Rules in a file have no revision before: put the file back, and
fetchmesh reload.`;

const options = {
  to: { type: 'string' },
  name: { type: 'string', default: 'default' },
  revision: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs the verb: 0 where earlier rules are in force again, 1 where there are none. */
export const rollback: Verb = async (args) => {
  const { values } = readArguments({ args: [...args], options, allowPositionals: false });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const { name } = values;
  const wanted =
    values.revision === undefined ? {} : { revision: readCount('--revision', values.revision) };
  return await withRulesStore(values.to, async (store, place) => {
    try {
      const { revision, of } = await rollBackRules(store, { name, ...wanted });
      console.log(`revision ${revision} of '${name}' in ${place} has the rules of revision ${of}`);
      return 0;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UsageError(`${error.message}; nothing was changed`);
    }
  });
};
