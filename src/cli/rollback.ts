/**
 * `fetchmesh rollback`: goes back to earlier rules of a store.
 *
 * @module
 */

import { earlierRules, publishRules } from '../rules/sources/store.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { changeHelp, changeRules, mustBeAsked } from './rules-change.ts';
import { withRulesStore } from './rules-store.ts';
import { readArguments, readCount } from './usage.ts';

const help = `fetchmesh rollback: go back to the rules before, in a store that gateways follow

  npx fetchmesh rollback --to redis://localhost:6379
  npx fetchmesh rollback --to redis://localhost:6379 --revision 7

      --revision N   which revision (default: the one before that in force)
${changeHelp}

What differs from the rules in force is shown first. The earlier rules are published anew, as a revision of their own. Rules in a
file have no revision before: put the file back, and fetchmesh reload.

Exit code: 0 the earlier rules are in force, 1 they are not wanted, 2 it could not be done.`;

/** Runs the verb: 0 where earlier rules are in force again, 1 where they are not wanted. */
export const rollback: Verb = async (args) => {
  const { values } = readArguments({
    args: [...args],
    options: options.rollback,
    allowPositionals: false,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const { name } = values;
  mustBeAsked(values);
  const wanted =
    values.revision === undefined ? {} : { revision: readCount('--revision', values.revision) };
  return await withRulesStore(values.to, async (store) => {
    const { revision: of, rules } = await store.inTime(
      earlierRules(store.store, { name, ...wanted }),
    );
    return await changeRules(store, {
      values,
      rules,
      what: `the rules of revision ${of}`,
      of,
      act: (after) => publishRules(store.store, rules, { name, after }),
    });
  });
};
